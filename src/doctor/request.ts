/** A request to a site from this machine, as a client of it would ask. */
import type { ListenAddress, SiteConfig } from "../config/config.ts";
import type { Asked } from "./ground.ts";

/** Undefined: only through a PROXY protocol header, or for hosts of a pattern. */
export function requestFor({ listen, names, tls, httpsRedirect }: SiteConfig, path: string): Asked | undefined {
  const usable = listen.filter((address) => address.proxyProtocol !== true);
  // What comes unencrypted may be redirected.
  const secure = usable.find((address) => address.tls === true);
  const address =
    tls !== undefined && httpsRedirect !== undefined ? secure : (usable.find((each) => each.tls !== true) ?? secure);
  const name = names.map((each) => each.replace(/^\./, "")).find((each) => !/[*~]/.test(each));
  if (address === undefined || (names.length > 0 && name === undefined)) return undefined;
  const scheme = address.tls === true ? "https" : "http";
  if (address.kind === "unix")
    return { url: `${scheme}://localhost${path}`, host: name ?? "localhost", socket: address.path };
  const authority = `${reachable(address)}:${address.port}`;
  return { url: `${scheme}://${authority}${path}`, host: name ?? authority, socket: undefined };
}

function reachable({ host }: Extract<ListenAddress, { kind: "tcp" }>): string {
  if (host === "0.0.0.0") return "127.0.0.1";
  if (host === "::") return "[::1]";
  return host.includes(":") ? `[${host}]` : host;
}
