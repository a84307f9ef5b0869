/**
 * What an upstream is asked for when it is not what the client asked for: without the path of its route, or by a template.
 * Whatever a client sent, the result is one path with at most one query, in the upstream that the route names.
 */
import type { Exchange } from "../exchange/exchange.ts";
import { escapePath } from "../exchange/location.ts";
import { expandLocation } from "../exchange/location-template.ts";
import type { Template } from "../exchange/template.ts";
import { canonicalPath } from "../protocol/http/target.ts";

/** The path behind the route's. Byte for byte as the client spelled it, if it spelled the prefix plainly and nothing behind it leads
 *  elsewhere without it; else what is left of the decoded path is encoded anew, since the two cannot be laid side by side. */
export function strippedTarget(exchange: Exchange): string {
  const { mount } = exchange;
  const { rawPath, path, query } = exchange.head;
  const below = path.slice(mount.length);
  const sent = rawPath.slice(mount.length);
  const plain = rawPath.startsWith(mount) && !/%|\/\/|\/\./.test(rawPath.slice(0, mount.length + 2));
  const rest = plain && (rawPath === path || leadsTo(sent, below)) ? sent : escapePath(below);
  return withQuery(rest.startsWith("/") ? rest : `/${rest}`, query);
}

/** Does this raw path mean that one to its reader, too? It may take `//` for one slash; where we do not, it need not. */
function leadsTo(raw: string, path: string): boolean {
  const merged = canonicalPath(raw, true);
  return merged === path || (path.includes("//") && merged.startsWith("/") && canonicalPath(raw, false) === path);
}

/** nginx: the URI of proxy_pass with variables. A template that says nothing of a query keeps that of the client. */
export function uriTarget(exchange: Exchange, uri: Template): string {
  const target = expandLocation(uri, exchange);
  const path = target.startsWith("/") ? target : `/${target}`;
  return uri.source.includes("?") || path.includes("?") ? path : withQuery(path, exchange.head.query);
}

function withQuery(path: string, query: string | undefined): string {
  return query === undefined ? path : `${path}?${query}`;
}
