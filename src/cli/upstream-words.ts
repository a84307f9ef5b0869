/** `TO` of `server proxy`: what an upstream is called on a command line → its keys in server.toml. Pure. */

export interface UpstreamWord {
  readonly protocol: "http" | "https" | "uwsgi";
  /** As `servers` has it: `127.0.0.1:9000`, `unix:/run/app.sock`. */
  readonly server: string;
  /** What a Host field would say. */
  readonly host: string;
}

const WORD = /^(?:(https?|uwsgi):\/\/)?(unix:\/?[^\s]*|\[[^\]]*\](?::\d+)?|[^/:\s]*(?::\d+)?)(\/.*)?$/;

const DEFAULT_PORTS = { http: 80, https: 443 } as const;

/** A string is what is wrong with it. `9000` and `:9000` are ports of this machine. */
export function readUpstream(written: string): UpstreamWord | string {
  const [, scheme = "http", authority = "", path = ""] = WORD.exec(written) ?? [];
  const protocol = scheme as UpstreamWord["protocol"];
  const should = "should be a port, host:port, http://host, https://host, uwsgi://host:port or unix:/path";
  if (authority === "" || authority === ":") return `${JSON.stringify(written)} ${should}`;
  if (authority.startsWith("unix:")) return { protocol, server: authority, host: "localhost" };
  if (path !== "" && path !== "/")
    return `${JSON.stringify(written)} has a path, which belongs into a server.toml: uri of the route`;
  const whole = /^\d+$/.test(authority) ? `127.0.0.1:${authority}` : authority.replace(/^:/, "127.0.0.1:");
  if (/:\d+$/.test(whole)) return { protocol, server: whole, host: whole };
  if (protocol === "uwsgi") return `${JSON.stringify(written)} has no port`;
  return { protocol, server: `${whole}:${DEFAULT_PORTS[protocol]}`, host: whole };
}

export interface From {
  readonly listen: readonly (string | number | { readonly address: string | number; readonly tls: true })[];
  readonly names: readonly string[];
  /** What `tls` of the site says; undefined: nothing. */
  readonly tls: "auto" | undefined;
}

/** Where the proxy is reached: an address, or a name for which it serves HTTPS. A string is what is wrong with it. */
export function readFrom(written: string): From | string {
  const [, scheme, rest = ""] = /^(?:(https?):\/\/)?(.*?)\/?$/.exec(written) ?? [];
  if (rest === "" || (rest.includes("/") && !rest.startsWith("unix:")))
    return `${JSON.stringify(written)} should be a port, address:port, a name such as example.org, or a URL without a path`;
  const isAddress = /^(?::?\d+|[\d.]+:\d+|\*:\d+|\[.*\]:\d+|unix:.*|localhost(?::\d+)?)$/.test(rest);
  if (isAddress && scheme !== "https") {
    return { listen: [/^\d+$/.test(rest) ? Number(rest) : literalHost(rest)], names: [], tls: undefined };
  }
  const [, name = "", port] = /^(.*?)(?::(\d+))?$/.exec(rest) ?? [];
  if (scheme === "http") return { listen: [Number(port ?? 80)], names: [name], tls: undefined };
  const listen = port === undefined || port === "443" ? [] : [{ address: Number(port), tls: true } as const];
  return { listen, names: [name], tls: "auto" };
}

/** `localhost` is a name, and listening addresses are literals. */
function literalHost(address: string): string {
  const [, port] = /^localhost(?::(\d+))?$/.exec(address) ?? [];
  return address.startsWith("localhost") ? `127.0.0.1:${port ?? 80}` : address;
}
