/**
 * Addresses as they are written in the file: where to listen (`80`, `"127.0.0.1:8000"`, `"[::1]:80"`, `":80"`, `"*:80"`,
 * `"unix:/run/x.sock"`) and what to connect to (`"host:port"`, `"unix:…"`). Pure; paths stay as written.
 * A listening address is a literal, never a name: what a name means can change between two starts.
 */
import { isIP, isIPv4, isIPv6 } from "node:net";
import type { UpstreamAddress } from "./upstream-config.ts";
import { Refusal } from "./kinds.ts";

/** `every`: all addresses of the machine, IPv4 and, where there is one, IPv6. */
export type ListenText =
  | { readonly kind: "every"; readonly port: number }
  | { readonly kind: "tcp"; readonly host: string; readonly port: number }
  | { readonly kind: "unix"; readonly path: string };

export const PORT_MAX = 65_535;

export const LISTEN_EXPECTED = 'a port (80), "address:port" ("127.0.0.1:8000", "[::1]:80") or "unix:/path"';
export const UPSTREAM_EXPECTED = '"host:port" or "unix:/path"';

export function parseListen(text: string): ListenText | Refusal {
  if (text.startsWith("unix:")) return unixPath(text);
  if (text.startsWith("/")) return new Refusal(LISTEN_EXPECTED, `unix:${text}`);
  const parts = splitPort(text);
  if (parts === undefined) return isIP(text) !== 0 ? new Refusal(LISTEN_EXPECTED, withPort(text)) : new Refusal();
  if (parts.port === undefined) return new Refusal(`an address with a port from 1 to ${PORT_MAX}`);
  if (parts.host === "" || parts.host === "*") return { kind: "every", port: parts.port };
  const host = literal(parts.host);
  if (host !== undefined) return { kind: "tcp", host, port: parts.port };
  if (parts.host === "localhost") return new Refusal("a literal address", `127.0.0.1:${parts.port}`);
  return new Refusal("a literal IPv4 or IPv6 address with a port; names of sites belong to names");
}

export function parseUpstream(text: string): UpstreamAddress | Refusal {
  if (text.startsWith("unix:")) return unixPath(text);
  if (text.startsWith("/")) return new Refusal(UPSTREAM_EXPECTED, `unix:${text}`);
  const scheme = /^[a-z]+:\/\/([^/]*)/.exec(text);
  if (scheme !== null) {
    const secure = text.startsWith("https:") ? '; `protocol = "https"` of the upstream says that it is TLS' : "";
    return new Refusal(
      `${UPSTREAM_EXPECTED}, without a scheme${secure}`,
      withDefaultPort(scheme[1] ?? "", secure !== ""),
    );
  }
  const parts = splitPort(text);
  if (parts === undefined) return new Refusal();
  if (parts.port === undefined) return new Refusal(`an address with a port from 1 to ${PORT_MAX}`);
  const host = literal(parts.host) ?? hostName(parts.host);
  return host === undefined ? new Refusal() : { kind: "tcp", host, port: parts.port };
}

function withDefaultPort(authority: string, secure: boolean): string {
  return /:\d+$/.test(authority) ? authority : `${authority}:${secure ? 443 : 80}`;
}

/** The last colon divides; undefined without one, or when an IPv6 address has no brackets. `port` undefined: no port. */
function splitPort(text: string): { host: string; port: number | undefined } | undefined {
  const found = /^(\[[^\]]*\]|[^:]*):([^:]*)$/.exec(/^\d+$/.test(text) ? `:${text}` : text);
  if (found === null) return undefined;
  const port = /^\d{1,5}$/.test(found[2] ?? "") ? Number(found[2]) : 0;
  return { host: found[1] ?? "", port: port >= 1 && port <= PORT_MAX ? port : undefined };
}

/** An IP address in its one canonical form, without brackets, so that two spellings are seen to be the same. */
function literal(host: string): string | undefined {
  if (isIPv4(host)) return host;
  const inside = /^\[(.*)\]$/.exec(host)?.[1];
  if (inside === undefined || !isIPv6(inside) || inside.includes("%")) return undefined;
  return new URL(`http://[${inside}]/`).hostname.slice(1, -1);
}

/** A name that a resolver can be asked for; not something that was meant as an IPv4 address. */
function hostName(host: string): string | undefined {
  const labels = host.split(".");
  if (!labels.every((label) => /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/i.test(label))) return undefined;
  return /^\d+$/.test(labels.at(-1) ?? "") ? undefined : host.toLowerCase();
}

function withPort(address: string): string {
  return address.includes(":") ? `[${address}]:80` : `${address}:80`;
}

function unixPath(text: string): { kind: "unix"; path: string } | Refusal {
  const path = text.slice("unix:".length);
  return path === "" || path.includes("\0") ? new Refusal('"unix:" and a path') : { kind: "unix", path };
}

/** sun_path holds 108 bytes with its closing NUL (unix(7)). */
export const UNIX_PATH_BYTES_MAX = 107;
