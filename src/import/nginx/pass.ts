/**
 * proxy_pass and uwsgi_pass of a location, and all that is said about the pass: to which upstream, with which timeouts,
 * buffers, header fields and variables.
 */
import { Settings, type UpstreamKey, type Value } from "../plan.ts";
import type { Block } from "./block.ts";
import { passFields } from "./pass-fields.ts";
import { passParams } from "./pass-params.ts";
import { passTls } from "./pass-tls.ts";
import type { Directive } from "./parser.ts";
import { hasTemplate } from "./strings.ts";
import { outsideOf, type Translation } from "./translation.ts";
import { type PassAddress, upstreamNamed } from "./upstream.ts";
import { sizeOf, timeText } from "./values.ts";

export interface Pass {
  readonly upstream: string;
  /** What stands behind the authority of proxy_pass; "" for nothing. */
  readonly uri: string;
}

export const PASSES = ["proxy_pass", "uwsgi_pass", "fastcgi_pass", "scgi_pass", "grpc_pass", "memcached_pass"] as const;

export function passOf(block: Block): Directive | undefined {
  return block.directives.find(({ name }) => (PASSES as readonly string[]).includes(name));
}

/** Undefined after noting why not. */
export function translatePass(t: Translation, pass: Directive, block: Block): Pass | undefined {
  const target = readTarget(t, pass);
  if (target === undefined) return undefined;
  const settings = new Settings<UpstreamKey>();
  const prefix = target.address.protocol === "uwsgi" ? "uwsgi" : "proxy";
  const outside = outsideOf(t);
  if (prefix === "proxy") passFields(outside, block, target.address.authority, settings);
  else passParams(outside, block, settings);
  passSettings(t, block, prefix, settings);
  passTls(t, block, target.address.protocol === "https", settings);
  for (const { origin } of [pass, ...passLines(block, prefix)]) settings.sources.add(origin);
  const upstream = upstreamNamed(t, target.address, pass, settings);
  t.ledger.translated(pass, `upstream = ${JSON.stringify(upstream)}`);
  return { upstream, uri: target.uri };
}

function readTarget(t: Translation, pass: Directive): { address: PassAddress; uri: string } | undefined {
  const written = pass.args[0]?.text ?? "";
  if (pass.name !== "proxy_pass" && pass.name !== "uwsgi_pass") {
    const what = pass.name.replace("_pass", "");
    return void t.ledger.lost(
      pass,
      `${what} is not spoken here; serve it over HTTP or uwsgi, or leave nginx in front of it`,
    );
  }
  if (hasTemplate(written)) {
    return void t.ledger.error(pass, "has a placeholder of a template; import the file that it is rendered to");
  }
  const text = substituted(t, written);
  const [, scheme = "", rest = ""] = /^(?:([a-z]+):\/\/)?(.*)$/.exec(text) ?? [];
  if (pass.name === "uwsgi_pass") {
    if (scheme === "suwsgi") return void t.ledger.lost(pass, "uwsgi over TLS is not spoken here");
    return literal(t, pass, rest.replace(/\/$/, ""), "uwsgi", "");
  }
  if (text.startsWith("$")) return literal(t, pass, text, "http", "");
  if (scheme !== "http" && scheme !== "https")
    return void t.ledger.error(pass, "should begin with http:// or https://");
  const unix = /^(unix:[^:]*):?(.*)$/.exec(rest);
  // A variable that is a path stands right behind the port: http://127.0.0.1:8000$request_uri.
  const plain = /^([^/?]*?)((?:[/?]|\$\{?(?:request_uri|uri|document_uri)\b).*|)$/.exec(rest);
  const [, authority = "", uri = ""] = unix ?? plain ?? [];
  return literal(t, pass, authority, scheme, uri);
}

/** `set $backend web:8000` and the like are put in. */
function substituted(t: Translation, text: string): string {
  return text.replace(/\$\{?([a-z_][a-z0-9_]*)\}?/g, (whole, name: string) => t.variables.constants.get(name) ?? whole);
}

function literal(
  t: Translation,
  pass: Directive,
  authority: string,
  protocol: PassAddress["protocol"],
  uri: string,
): { address: PassAddress; uri: string } | undefined {
  const variable = /\$\{?([a-z_][a-z0-9_]*)/.exec(authority);
  if (variable !== null) {
    return void t.ledger.lost(
      pass,
      `which server $${variable[1]} names is known with the request; write an upstream each`,
    );
  }
  return { address: { authority, protocol }, uri };
}

/** All that is said of a pass of this kind, here or around. */
function passLines(block: Block | undefined, prefix: string): Directive[] {
  if (block === undefined) return [];
  return [...block.directives.filter(({ name }) => name.startsWith(`${prefix}_`)), ...passLines(block.parent, prefix)];
}

type Reader = (directive: Directive, t: Translation) => Value | undefined;

const time: Reader = ({ args }) => timeText(args[0]?.text ?? "");
const onOff: Reader = ({ args }) => args[0]?.text === "on";

/** Without the prefix: the key here, its reader, and the default of both. */
const SETTINGS: Readonly<Record<string, readonly [UpstreamKey, Reader, Value?]>> = {
  connect_timeout: ["connect_timeout", time],
  read_timeout: ["read_timeout", time, "1m"],
  send_timeout: ["send_timeout", time, "1m"],
  buffering: ["buffering", onOff, true],
  request_buffering: ["request_buffering", onOff, true],
  ignore_client_abort: ["ignore_client_abort", onOff, false],
  next_upstream_tries: ["tries", ({ args }) => Math.min(Number(args[0]?.text), 100) || undefined],
  next_upstream_timeout: ["retry_timeout", time],
  max_temp_file_size: ["reply_file", ({ args }) => sizeOf(args[0]?.text ?? "")],
  modifier1: ["modifier1", ({ args }) => Number(args[0]?.text), 0],
  modifier2: ["modifier2", ({ args }) => Number(args[0]?.text), 0],
};

function passSettings(t: Translation, block: Block, prefix: "proxy" | "uwsgi", settings: Settings<UpstreamKey>): void {
  for (const [name, [key, read, usual]] of Object.entries(SETTINGS)) {
    const directive = block.one(`${prefix}_${name}`);
    if (directive === undefined) continue;
    const value = read(directive, t);
    if (value === undefined || Number.isNaN(value)) t.ledger.error(directive, "has a value that nginx does not take");
    else if (value === usual) t.ledger.defaultHere(directive, `${key} is ${JSON.stringify(usual)} here`);
    else {
      settings.set(key, value, directive.origin);
      t.ledger.translated(directive, `upstream: ${key} = ${JSON.stringify(value)}`);
    }
  }
  // A tunnel that was silent for proxy_read_timeout was closed there.
  const silence = settings.get("read_timeout");
  if (prefix === "proxy" && silence !== undefined && block.inForce("proxy_set_header").some(isUpgrade)) {
    settings.set("tunnel_timeout", silence, block.one("proxy_read_timeout")?.origin);
  }
  nextUpstream(t, block, prefix, settings);
  hiddenFields(t, block, prefix, settings);
  if (prefix === "proxy") rewrites(t, block, settings);
}

function isUpgrade({ args }: Directive): boolean {
  return args[0]?.text.toLowerCase() === "upgrade";
}

function nextUpstream(t: Translation, block: Block, prefix: string, settings: Settings<UpstreamKey>): void {
  const directive = block.one(`${prefix}_next_upstream`);
  if (directive === undefined) return;
  const words = directive.args.map(({ text }) => text);
  if (words.includes("off")) {
    settings.set("tries", 1, directive.origin);
    return t.ledger.translated(directive, "upstream: tries = 1");
  }
  const causes = words.flatMap((word): Value[] => {
    const status = /^http_(\d{3})$/.exec(word)?.[1];
    if (status !== undefined) return [Number(status)];
    return word === "error" || word === "timeout" ? [word] : [];
  });
  if (JSON.stringify(causes) !== '["error","timeout"]') settings.set("retry_on", causes, directive.origin);
  if (words.includes("non_idempotent")) settings.set("retry_unsafe", true, directive.origin);
  t.ledger.translated(directive, "upstream: retry_on; a reply that is none counts as an error");
}

function hiddenFields(t: Translation, block: Block, prefix: string, settings: Settings<UpstreamKey>): void {
  const hidden = block.inForce(`${prefix}_hide_header`);
  if (hidden.length > 0) {
    settings.set("headers_down", { remove: hidden.map(({ args }) => args[0]?.text ?? "") }, hidden[0]?.origin);
  }
  for (const directive of hidden) t.ledger.translated(directive, "upstream: headers_down = { remove }");
}

function rewrites(t: Translation, block: Block, settings: Settings<UpstreamKey>): void {
  for (const directive of block.inForce("proxy_redirect")) {
    const [from] = directive.args.map(({ text }) => text);
    if (from === "default") t.ledger.defaultHere(directive, "rewrite_redirects");
    else if (from === "off") {
      settings.set("rewrite_redirects", false, directive.origin);
      t.ledger.translated(directive, "upstream: rewrite_redirects = false");
    } else
      t.ledger.dropped(
        directive,
        "Location that names the server's own address is rewritten; other rules have no counterpart",
      );
  }
  for (const [name, key] of [
    ["proxy_cookie_domain", "cookie_domains"],
    ["proxy_cookie_path", "cookie_paths"],
  ] as const) {
    const written = block.inForce(name).filter(({ args }) => args.length >= 2);
    const isExpression = ({ args }: Directive) => args[0]?.text.startsWith("~") === true;
    for (const each of written.filter(isExpression))
      t.ledger.lost(each, "beginnings are replaced here, and expressions are not asked; write what it begins with");
    const pairs = written.filter((each) => !isExpression(each));
    if (pairs.length === 0) continue;
    settings.set(key, Object.fromEntries(pairs.map(({ args }) => [args[0]?.text ?? "", args[1]?.text ?? ""])));
    for (const directive of pairs) t.ledger.translated(directive, `upstream: ${key}`);
  }
}
