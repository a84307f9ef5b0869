/** Where an app stands in its site, as far as it is not simply the prefix of its route (config/mounts.ts). */
import type { Handler } from "./exchange.ts";

/** `mount`: text of the configuration, "" for the root. A path that is not below it (a regular expression's) is the app's
 *  as it is. */
export function mountedAt(mount: string, next: Handler): Handler {
  const bytes = Buffer.from(mount, "utf8").latin1Slice();
  return (exchange) => {
    const { path } = exchange.head;
    const below = path.startsWith(bytes) && (path.length === bytes.length || path.charCodeAt(bytes.length) === 0x2f);
    exchange.mount = bytes === "" || !below ? "" : bytes;
    next(exchange);
  };
}
