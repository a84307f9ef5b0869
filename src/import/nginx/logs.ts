/** access_log, log_format and error_log → those of [server] and of sites; `access_log off` of a location → its route's. */
import type { LogLevel } from "../../base/log.ts";
import type { RouteKey, ServerKey, Settings, SiteKey } from "../plan.ts";
import type { Block } from "./block.ts";
import type { Directive } from "./parser.ts";
import { convert } from "./strings.ts";
import { pathOf, type Translation } from "./translation.ts";

/** nginx's levels that have another name here. */
const LEVELS: Readonly<Record<string, LogLevel>> = { alert: "crit", emerg: "crit" };
const KNOWN_LEVELS: ReadonlySet<string> = new Set(["debug", "info", "notice", "warn", "error", "crit"]);

type LogKey = ServerKey & SiteKey;

export function translateLogs(t: Translation, servers: readonly Block[]): void {
  errorLog(t, servers);
  accessLog(t, t.http, t.plan.server);
}

/** When all sites were translated. */
export function noteUnusedFormats(t: Translation): void {
  for (const format of t.http.own("log_format")) {
    if (!t.ledger.knows(format)) t.ledger.notNeeded(format, "no access_log uses it");
  }
}

/** What a server says itself. */
export function siteLog(t: Translation, block: Block, settings: Settings<SiteKey>): void {
  accessLog(t, block, settings);
}

/** A location's requests are logged where those of its site are, or not at all. */
export function routeLog(t: Translation, block: Block, settings: Settings<RouteKey>): void {
  for (const directive of block.own("access_log")) {
    if (directive.args[0]?.text === "off") {
      settings.set("access_log", "off", directive.origin);
      t.ledger.translated(directive, 'access_log = "off"');
    } else t.ledger.dropped(directive, "its requests are logged with those of the site");
  }
}

/** One for all: the outermost, else that of the first server. */
function errorLog(t: Translation, servers: readonly Block[]): void {
  const all = [t.http, t.main, ...servers].flatMap((block) => block.own("error_log"));
  const [one, ...others] = [...new Set(all)];
  if (one === undefined) return;
  const [target = "", level] = one.args.map(({ text }) => text);
  const place = placeOf(t, one, target);
  if (place !== undefined) {
    t.plan.server.set("error_log", place === "off" ? "/dev/null" : place, one.origin);
    t.ledger.translated(one, `error_log = ${JSON.stringify(place)}`);
  }
  if (level !== undefined && level !== "error") {
    t.plan.server.set("log_level", KNOWN_LEVELS.has(level) ? level : (LEVELS[level] ?? "info"), one.origin);
  }
  for (const other of others) {
    if (other.args[0]?.text === target) t.ledger.translated(other, "error_log, one for the whole server");
    else t.ledger.dropped(other, "there is one error log for the whole server, whose lines name the site");
  }
}

function accessLog(t: Translation, block: Block, settings: Settings<ServerKey> | Settings<SiteKey>): void {
  const [one, ...others] = block.own("access_log");
  if (one === undefined) return;
  const own = settings as Settings<LogKey>;
  const [target = "", format = "combined", ...more] = one.args.map(({ text }) => text);
  const place = target === "off" ? "off" : placeOf(t, one, target);
  if (place !== undefined) {
    own.set("access_log", place, one.origin);
    t.ledger.translated(one, `access_log = ${JSON.stringify(place)}`);
  }
  if (place !== undefined && place !== "off" && !format.includes("=")) logFormat(t, format, own);
  const condition = [format, ...more].find((word) => word.startsWith("if="));
  if (condition !== undefined)
    t.ledger.dropped(one, "all requests are logged; access_log_status and access_log_slow choose among them");
  for (const other of others) t.ledger.dropped(other, "there is one access log for each site");
}

/** nginx writes to files, streams and syslog. */
function placeOf(t: Translation, directive: Directive, target: string): string | undefined {
  if (target === "/dev/stdout" || target === "/dev/stderr" || target === "stderr") return target.replace("/dev/", "");
  if (target === "/dev/null") return "off";
  if (target.startsWith("syslog:")) {
    return void t.ledger.dropped(directive, "goes to stdout and stderr here, which systemd hands to syslog");
  }
  if (/\$[a-z{]/.test(target))
    return void t.ledger.dropped(directive, "a file with variables in its name is not written here");
  return pathOf(target, t.prefix);
}

function logFormat(t: Translation, name: string, settings: Settings<LogKey>): void {
  if (name === "combined") return;
  const format = t.http.own("log_format").find(({ args }) => args[0]?.text === name);
  if (format === undefined) return;
  const parts = format.args.slice(1).map(({ text }) => text);
  const escape = parts[0]?.startsWith("escape=") === true ? parts.shift()?.slice("escape=".length) : undefined;
  const { text, unknown } = knownOnly(t, parts.join(""));
  if (escape === "json") settings.set("access_log_escape", "json", format.origin);
  if (text === COMBINED) return t.ledger.defaultHere(format, "is the format combined");
  settings.set("access_log_format", text, format.origin);
  if (unknown.length === 0) return t.ledger.translated(format, "access_log_format");
  t.ledger.dropped(format, `access_log_format, with - in place of ${unknown.map((each) => `$${each}`).join(", ")}`);
}

const COMBINED =
  '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent"';

/** A variable that is not known here is `-`, as it often is in nginx. */
function knownOnly(t: Translation, written: string): { text: string; unknown: string[] } {
  const unknown: string[] = [];
  let text = written;
  for (;;) {
    const converted = convert(text, t.variables);
    if ("text" in converted) return { text: converted.text, unknown };
    unknown.push(converted.unknown);
    text = text.replaceAll(new RegExp(`\\$(${converted.unknown}\\b|\\{${converted.unknown}\\})`, "g"), "-");
  }
}
