/**
 * The path below the root that a template of the configuration makes of a request (`files = "/home/$1/www/$2"`). A slash
 * of the text and one of a value that meet are one, as everywhere in a mapping: `/srv/www/$uri` is `/srv/www$uri`. An empty
 * value stays visible as `//`, which is no name: `/home/$1/www` with nothing for `$1` must not be `/home/www`.
 *
 * Not here: whether what came out may be looked for (path.ts). A `..` in a value leads nowhere.
 */
import type { Exchange } from "../exchange/exchange.ts";
import type { Template } from "../exchange/template.ts";
import { joinPaths } from "./path.ts";

export function pathBelow({ constant, parts }: Template, exchange: Exchange): string {
  if (constant !== undefined) return constant;
  let path = "";
  let mayMeet = false;
  for (const part of parts) {
    const text = typeof part === "string" ? part : part.read(exchange);
    const joined: string = mayMeet ? joinPaths(path, text) : path + text;
    mayMeet = joined.length > path.length;
    path = joined;
  }
  return path;
}
