/** listen and server_name → `listen`, `names`, and who gets what no other site has. */
import { isIPv4 } from "node:net";
import { domainToASCII } from "node:url";
import type { Value } from "../plan.ts";
import type { Block } from "./block.ts";
import type { Directive } from "./parser.ts";
import { convertRegex } from "../regex.ts";
import { hasTemplate, withPlaceholders } from "./strings.ts";
import type { Translation } from "./translation.ts";

export interface Listen {
  /** As nginx tells addresses apart: `*:80`, `127.0.0.1:8000`, `unix:/x`. IPv6's `[::]:80` is one with `*:80` here. */
  readonly key: string;
  readonly value: Value;
  readonly isDefault: boolean;
  readonly isTls: boolean;
  readonly directive: Directive | undefined;
}

/** Tune the sockets, which are made as they should be here. */
const TUNING =
  /^(reuseport|backlog=|deferred|accept_filter=|rcvbuf=|sndbuf=|fastopen=|so_keepalive|ipv6only=|bind|setfib=|multipath|http2|spdy|quic)/;

const QUIET = new Set(["default_server", "default", "ssl", "proxy_protocol"]);

export function readListens(t: Translation, server: Block): Listen[] {
  const lines = server.own("listen");
  // nginx: 8000 for who may not take 80; nobody relies on that.
  if (lines.length === 0) return [{ key: "*:80", value: 80, isDefault: false, isTls: false, directive: undefined }];
  const listens = new Map<string, Listen>();
  for (const directive of lines) {
    const listen = readListen(t, server, directive);
    if (listen === undefined) continue;
    const before = listens.get(listen.key);
    listens.set(listen.key, before?.isDefault === true ? { ...listen, isDefault: true } : listen);
  }
  return [...listens.values()];
}

function readListen(t: Translation, server: Block, directive: Directive): Listen | undefined {
  const [address = "", ...flags] = directive.args.map(({ text }) => text);
  if (hasTemplate(address)) {
    return void t.ledger.error(directive, "has a placeholder of a template; import what it is rendered to");
  }
  const isTls = flags.includes("ssl") || server.value("ssl") === "on";
  const isProxied = flags.includes("proxy_protocol");
  for (const flag of flags)
    if (!QUIET.has(flag) && !TUNING.test(flag)) t.ledger.dropped(directive, `${flag} has no counterpart here`);
  const read = readAddress(withPlaceholders(address));
  if (read === undefined)
    return void t.ledger.error(directive, `${address} is no address; nginx takes 80, 127.0.0.1:80 or unix:/path`);
  if (flags.includes("quic")) {
    t.ledger.dropped(directive, "HTTP/3 is not spoken here; clients take HTTP over TCP");
    return undefined;
  }
  t.ledger.translated(directive, `listen = ${JSON.stringify(read.value)}`);
  const table: Record<string, Value> = { address: read.value };
  if (isTls !== (read.value === 443)) table["tls"] = isTls;
  if (isProxied) table["proxy_protocol"] = true;
  const value: Value = Object.keys(table).length > 1 ? table : read.value;
  const isDefault = flags.includes("default_server") || flags.includes("default");
  return { key: read.key, value, isDefault, isTls, directive };
}

function readAddress(text: string): { key: string; value: string | number } | undefined {
  if (text.startsWith("unix:")) return { key: text, value: text };
  if (/^\$ENV\{\w+\}$/.test(text)) return { key: `*:${text}`, value: text };
  const [, host = "", port = "80"] =
    /^(?:(\[[^\]]*\]|[^:]*?):)?(\d+|\$ENV\{\w+\})$/.exec(text) ??
    (/^\[.*\]$/.test(text) || !text.includes(":") ? ["", text, "80"] : []);
  if (host === "" && !/^(\*:)?[\d$]/.test(text)) return undefined;
  if (host === "" || host === "*" || host === "[::]" || host === "0.0.0.0") {
    return { key: `*:${port}`, value: /^\d+$/.test(port) ? Number(port) : port };
  }
  const literal = host === "localhost" ? "127.0.0.1" : host;
  if (!isIPv4(literal) && !literal.startsWith("[")) return undefined;
  return { key: `${literal}:${port}`, value: `${literal}:${port}` };
}

/** Names of the site; `_` and its like are names that no client asks for. */
export function readNames(t: Translation, server: Block): string[] {
  const names = server
    .own("server_name")
    .flatMap((directive) => directive.args.flatMap(({ text }) => readName(t, directive, text) ?? []));
  // A host in another alphabet and how it goes over the wire are one.
  return [...new Map(names.map((name) => [domainToASCII(name) || name, name])).values()];
}

function readName(t: Translation, directive: Directive, written: string): string | undefined {
  if (hasTemplate(written)) {
    return void t.ledger.error(directive, "has a placeholder of a template; import what it is rendered to");
  }
  if (written.startsWith("~")) {
    const regex = convertRegex(written.slice(1), true);
    if ("problem" in regex) return void t.ledger.lost(directive, `${written} cannot be carried over: ${regex.problem}`);
    t.ledger.translated(directive, "names");
    return `~${regex.source}`;
  }
  const name = withPlaceholders(written).toLowerCase();
  const text = name.startsWith("$env{") ? withPlaceholders(written) : name;
  if (/^(_|__|-|\*|""|''|)$/.test(text) || /^[\W_]+$/.test(text)) {
    return void t.ledger.notNeeded(
      directive,
      "is a name that nobody asks for; a site without names is the default of its addresses",
    );
  }
  if (/^https?:|[/:]/.test(text) && !text.startsWith("[")) {
    return void t.ledger.noEffect(
      directive,
      `${written} is no host name, so no request fits it; write it without scheme, port and path`,
    );
  }
  if (text.startsWith("$") && !text.startsWith("$ENV{")) {
    return void t.ledger.dropped(directive, `${written} has no counterpart; write the name`);
  }
  t.ledger.translated(directive, "names");
  return text;
}
