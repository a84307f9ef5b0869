/** access_log, log_format and error_log → those of [server]. */
import type { LogLevel } from "../../base/log.ts";
import type { Block } from "./block.ts";
import type { Directive } from "./parser.ts";
import { convert } from "./strings.ts";
import { pathOf, type Translation } from "./translation.ts";

/** nginx's levels that have another name here, or none. */
const LEVELS: Readonly<Record<string, LogLevel>> = { alert: "crit", emerg: "crit" };
const KNOWN_LEVELS: ReadonlySet<string> = new Set(["debug", "info", "notice", "warn", "error", "crit"]);

export function translateLogs(t: Translation, servers: readonly Block[]): void {
  errorLog(t, servers);
  accessLog(t, servers);
  for (const format of t.http.own("log_format")) {
    if (!t.ledger.knows(format)) t.ledger.notNeeded(format, "no access_log uses it");
  }
}

/** The outermost one; of several sites the first. */
function chosen(
  t: Translation,
  name: string,
  servers: readonly Block[],
): { one: Directive | undefined; others: Directive[] } {
  const outer = t.main.own(name).at(-1) ?? t.http.own(name).at(-1);
  const inner = servers.flatMap((server) => server.own(name));
  const nearer = t.http.own(name).at(-1) ?? outer ?? inner[0];
  const all = [...t.main.own(name), ...t.http.own(name), ...inner];
  return { one: nearer, others: all.filter((each) => each !== nearer) };
}

function errorLog(t: Translation, servers: readonly Block[]): void {
  const { one, others } = chosen(t, "error_log", servers);
  if (one !== undefined) {
    const [target = "", level] = one.args.map(({ text }) => text);
    const place = placeOf(t, one, target);
    if (place !== undefined) {
      t.plan.server.set("error_log", place, one.origin);
      t.ledger.translated(one, `error_log = ${JSON.stringify(place)}`);
    }
    if (level !== undefined && level !== "error") {
      t.plan.server.set("log_level", KNOWN_LEVELS.has(level) ? level : (LEVELS[level] ?? "info"), one.origin);
    }
  }
  for (const other of others) {
    const isSame = other.args[0]?.text === one?.args[0]?.text;
    if (isSame) t.ledger.translated(other, "error_log, one for the whole server");
    else t.ledger.dropped(other, "there is one error log for the whole server; each of its lines names the site");
  }
}

function accessLog(t: Translation, servers: readonly Block[]): void {
  const { one, others } = chosen(t, "access_log", servers);
  if (one !== undefined) {
    const [target = "", format = "combined"] = one.args.map(({ text }) => text);
    const place = target === "off" ? "off" : placeOf(t, one, target);
    if (place !== undefined) {
      t.plan.server.set("access_log", place, one.origin);
      t.ledger.translated(one, `access_log = ${JSON.stringify(place)}`);
    }
    if (place !== undefined && place !== "off" && !format.includes("=")) logFormat(t, format);
  }
  for (const other of others) {
    if (other.args[0]?.text === one?.args[0]?.text) t.ledger.translated(other, "access_log, one for the whole server");
    else t.ledger.dropped(other, "there is one access log for the whole server");
  }
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

function logFormat(t: Translation, name: string): void {
  if (name === "combined") return;
  const format = t.http.own("log_format").find(({ args }) => args[0]?.text === name);
  if (format === undefined) return;
  const parts = format.args.slice(1).map(({ text }) => text);
  const escape = parts[0]?.startsWith("escape=") === true ? parts.shift()?.slice("escape=".length) : undefined;
  const written = parts.join("");
  const { text, unknown } = knownOnly(t, written);
  if (escape === "json") t.plan.server.set("access_log_escape", "json", format.origin);
  if (text === COMBINED) return t.ledger.defaultHere(format, "is the format combined");
  t.plan.server.set("access_log_format", text, format.origin);
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
