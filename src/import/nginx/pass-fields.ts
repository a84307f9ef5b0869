/**
 * proxy_set_header → `host` and `headers_up`. nginx sends the upstream's own name as Host and tells nothing of the client
 * unless it is told to; here both is the other way round, so the usual lines are the default, and a Host that was never
 * set has to be written down.
 */
import { FRAMING } from "../../config/schema-headers.ts";
import type { Settings, UpstreamKey } from "../plan.ts";
import type { Block } from "./block.ts";
import type { Directive } from "./parser.ts";
import { withPlaceholders } from "./strings.ts";
import { stringOf, type Translation } from "./translation.ts";

/** Field → the values that it has here without being told. */
const USUAL: Readonly<Record<string, readonly string[]>> = {
  host: ["$host", "$http_host", "$host:$server_port", "$host:$proxy_port"],
  "x-real-ip": ["$remote_addr"],
  "x-forwarded-for": ["$proxy_add_x_forwarded_for", "$remote_addr"],
  "x-forwarded-proto": ["$scheme"],
  "x-forwarded-host": ["$host", "$http_host", "$host:$server_port"],
  "x-forwarded-port": ["$server_port"],
};

export function passFields(t: Translation, block: Block, authority: string, settings: Settings<UpstreamKey>): void {
  const lines = block.inForce("proxy_set_header");
  const set: Record<string, string> = {};
  const remove: string[] = [];
  let hasHost = false;
  for (const line of lines) {
    const [name = "", value = ""] = line.args.map(({ text }) => text);
    const lower = name.toLowerCase();
    if (lower === "host") hasHost = true;
    if (isUsual(lower, value)) t.ledger.defaultHere(line, reasonOf(lower));
    else if (lower === "host") setHost(t, line, value, authority, settings);
    else if (FRAMING.has(lower)) t.ledger.notNeeded(line, "requests are framed by the server itself");
    else if (value === "") {
      remove.push(name);
      t.ledger.translated(line, "upstream: headers_up = { remove }");
    } else setField(t, line, set, name, value);
  }
  if (!hasHost) {
    const comment =
      "nginx sent this Host, since proxy_set_header Host was not said; without this line it is the client's.";
    settings.set(
      "host",
      authority.startsWith("unix:") ? "localhost" : withPlaceholders(authority),
      lines[0]?.origin,
      comment,
    );
  }
  const rules = { ...(Object.keys(set).length > 0 && { set }), ...(remove.length > 0 && { remove }) };
  if (Object.keys(rules).length > 0) settings.set("headers_up", rules, lines[0]?.origin);
}

function isUsual(lower: string, value: string): boolean {
  if (lower === "upgrade" || lower === "connection") return true;
  return USUAL[lower]?.includes(value) === true;
}

function reasonOf(lower: string): string {
  if (lower === "host") return "upstreams get the client's Host, with its port";
  if (lower === "x-forwarded-for")
    return "upstreams are told this of the client; what it says itself is passed from trusted_proxies only";
  if (lower === "upgrade" || lower === "connection") return "requests for another protocol (WebSocket) are passed on";
  return "upstreams are told this of the client";
}

function setHost(
  t: Translation,
  line: Directive,
  value: string,
  authority: string,
  settings: Settings<UpstreamKey>,
): void {
  const host = stringOf(t, line, value.replaceAll("$proxy_host", authority));
  if (host === undefined) return;
  settings.set("host", host, line.origin);
  t.ledger.translated(line, `upstream: host = ${JSON.stringify(host)}`);
}

function setField(t: Translation, line: Directive, set: Record<string, string>, name: string, value: string): void {
  const text = stringOf(t, line, value);
  if (text === undefined) return;
  set[name] = text;
  t.ledger.translated(line, "upstream: headers_up = { set }");
}
