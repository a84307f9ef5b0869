/**
 * Lines of logs, read: when, of which site, with which status or level. An access log is read by the template that wrote
 * it, so whatever stands in it can be looked for. Pure.
 */
import { isBelow, LOG_LEVELS, type LogFormat, type LogLevel } from "../base/log.ts";
import { two } from "../base/time-of-day.ts";
import { compileTemplate, TemplateProblem } from "../exchange/template.ts";
import type { Scope } from "../exchange/scope.ts";

/** What is known of a line; undefined: it does not say. */
export interface LineFacts {
  /** It is none of this log, whose file others write to as well. */
  readonly isOther?: boolean;
  readonly atMs: number | undefined;
  readonly status?: string | undefined;
  readonly site?: string | undefined;
  readonly level?: LogLevel | undefined;
  readonly source?: string | undefined;
}

export type ReadLine = (line: string) => LineFacts;

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** Variables that are read back, and how their values look. */
const READ: Readonly<Record<string, { readonly group: string; readonly pattern: string }>> = {
  status: { group: "status", pattern: "\\d{3}" },
  server_name: { group: "site", pattern: '[^\\s"]*' },
  time_local: { group: "local", pattern: "\\d\\d/[A-Z][a-z]{2}/\\d{4}:\\d\\d:\\d\\d:\\d\\d [+-]\\d{4}" },
  time_iso8601: { group: "iso", pattern: "\\d{4}-\\d\\d-\\d\\dT[\\d:]{8}[+-]\\d\\d:\\d\\d" },
  msec: { group: "msec", pattern: "\\d+\\.\\d{3}" },
};

/** Every name is a variable: the configuration was checked already. */
const ANY: Scope = { find: (name) => ({ phase: "request", form: "own", read: () => name }), names: () => [] };

/** Reads lines that `template` (exchange/log-formats.ts or one's own) has made. */
export function accessLineReader(template: string): ReadLine {
  const compiled = compileTemplate(template, ANY, "log");
  const parts = compiled instanceof TemplateProblem ? [] : compiled.parts;
  const seen = new Set<string>();
  let source = "";
  for (const part of parts) {
    if (typeof part === "string") source += part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
    else source += variablePattern(part.read(NO_EXCHANGE), seen);
  }
  const expression = new RegExp(`^${source}$`, "s");
  return (line) => accessFacts(expression.exec(line)?.groups ?? {});
}

/** The variables of ANY do not look at it. */
const NO_EXCHANGE = undefined as never;

function variablePattern(name: string, seen: Set<string>): string {
  const known = READ[name];
  if (known === undefined) return ".*?";
  if (seen.has(name)) return known.pattern;
  seen.add(name);
  return `(?<${known.group}>${known.pattern})`;
}

function accessFacts({ status, site, local, iso, msec }: Readonly<Record<string, string | undefined>>): LineFacts {
  const atMs = local === undefined ? undefined : parseLocal(local);
  return { status, site, atMs: atMs ?? (iso && Date.parse(iso)) ?? (msec && Number(msec) * 1000) } as LineFacts;
}

/** `22/Nov/2026:17:41:43 +0100` */
function parseLocal(text: string): number | undefined {
  const [, day, month = "", year, clock, hours, minutes] =
    /^(\d\d)\/(\w{3})\/(\d{4}):([\d:]{8}) ([+-]\d\d)(\d\d)$/.exec(text) ?? [];
  const number = two(MONTHS.indexOf(month) + 1);
  const atMs = Date.parse(`${year}-${number}-${day}T${clock}${hours}:${minutes}`);
  return Number.isNaN(atMs) ? undefined : atMs;
}

/** Reads lines of the error log; what does not begin like one belongs to the line before. */
export function errorLineReader(format: LogFormat): ReadLine {
  return format === "json" ? readJson : readText;
}

function readText(line: string): LineFacts {
  const [, day, clock, level, source] = /^(\d{4}\/\d\d\/\d\d) ([\d:]{8}) \[(\w+)\] (?:\d+ )?(.*?): /.exec(line) ?? [];
  if (day === undefined) return { atMs: undefined };
  // In the zone of the machine, as it was written.
  return { atMs: Date.parse(`${day.replaceAll("/", "-")}T${clock}`), level: levelOf(level), source };
}

function readJson(line: string): LineFacts {
  try {
    const { time, level, source } = JSON.parse(line) as Record<string, string | undefined>;
    return { atMs: Date.parse(time ?? ""), level: levelOf(level), source };
  } catch {
    return { atMs: undefined };
  }
}

function levelOf(text: string | undefined): LogLevel | undefined {
  return LOG_LEVELS.find((level) => level === text);
}

export interface LineFilter {
  /** `404`, `5xx`; empty: any. */
  readonly statuses: readonly string[];
  readonly site: string | undefined;
  readonly app: string | undefined;
  readonly level: LogLevel | undefined;
  readonly sinceMs: number | undefined;
}

/** What a line does not say it does not match. */
export function matches(facts: LineFacts, filter: LineFilter): boolean {
  const { statuses, site, app, level, sinceMs } = filter;
  if (facts.isOther === true) return false;
  if (statuses.length > 0 && !statuses.some((wanted) => hasStatus(facts.status, wanted))) return false;
  if (site !== undefined && facts.site !== undefined && facts.site !== site) return false;
  if (app !== undefined && facts.source !== `app ${app}`) return false;
  if (level !== undefined && (facts.level === undefined || isBelow(facts.level, level))) return false;
  return sinceMs === undefined || (facts.atMs !== undefined && facts.atMs >= sinceMs);
}

function hasStatus(status: string | undefined, wanted: string): boolean {
  return status !== undefined && (status === wanted || `${status[0] ?? ""}xx` === wanted);
}
