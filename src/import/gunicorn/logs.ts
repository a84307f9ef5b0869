/** Where gunicorn logs to, and what of requests: nothing, unless it is told to. */
import { type Context, ofAddress, pathIn, plain } from "./context.ts";
import type { Option } from "./option.ts";

/** gunicorn/glogging.py atoms → ours. */
const ATOMS: Readonly<Record<string, string>> = {
  h: "$remote_addr",
  l: "-",
  u: "$remote_user",
  t: "[$time_local]",
  r: "$request",
  s: "$status",
  m: "$request_method",
  U: "$uri",
  q: "$args",
  H: "$server_protocol",
  b: "$body_bytes_sent",
  B: "$body_bytes_sent",
  f: "$http_referer",
  a: "$http_user_agent",
  T: "$request_time",
  L: "$request_time",
  M: "$request_time",
  D: "$request_time",
  p: "<$pid>",
};

const LEVELS: Readonly<Record<string, string>> = {
  debug: "debug",
  info: "info",
  warning: "warn",
  error: "error",
  critical: "crit",
};

export function translateLogs(context: Context): void {
  translateErrors(context);
  translateAccess(context);
}

function translateErrors({ given, plan, root }: Context): void {
  const option = given.last("errorlog");
  const path = option && given.text(option);
  if (option !== undefined && path === "-") given.tell("defaultHere", option, "error_log is stderr");
  else if (option !== undefined && path !== undefined) {
    plan.server.set("error_log", plain(pathIn(root, path)), option.origin);
    given.tell("translated", option, "error_log");
  }
  const chosen = given.last("loglevel");
  if (chosen === undefined) return;
  const level = LEVELS[String(chosen.value).toLowerCase()];
  if (level === undefined) return given.tell("error", chosen, "should be debug, info, warning, error or critical");
  if (level === "info") return given.tell("defaultHere", chosen, "log_level is info");
  plan.server.set("log_level", level, chosen.origin);
  given.tell("translated", chosen, "log_level");
}

/** Of the site, so that those of a gateway that is imported as well stay what they are. */
function translateAccess(context: Context): void {
  const { given, site, root, plan } = context;
  // What a gateway passes on is logged for the server as a whole.
  const settings = given.look("protocol")?.value === "uwsgi" ? plan.server : site.settings;
  const option = given.last("accesslog");
  const path = option && given.text(option);
  if (option !== undefined) ofAddress(context, option.origin);
  if (path === undefined)
    site.settings.set("access_log", "off", undefined, "gunicorn logs no request unless it is told to");
  else if (option !== undefined && path === "-") given.tell("defaultHere", option, "access_log is stdout");
  else if (option !== undefined) {
    settings.set("access_log", plain(pathIn(root, path)), option.origin);
    given.tell("translated", option, settings === plan.server ? "access_log" : "access_log of the site");
  }
  const format = given.last("access_log_format");
  if (format === undefined) return;
  ofAddress(context, format.origin);
  if (path === undefined) given.tell("noEffectThere", format, "no request is logged");
  else translateFormat(context, format);
}

function translateFormat({ given, site }: Context, option: Option): void {
  const written = given.text(option);
  if (written === undefined) return;
  const unknown: string[] = [];
  const format = plain(written)
    .replaceAll("$", "$$$$")
    .replace(/%\(([^()]*)\)s/g, (_, name: string) => {
      const atom = atomOf(name);
      if (atom === undefined) unknown.push(name);
      return atom ?? "-";
    });
  site.settings.set("access_log_format", format, option.origin);
  if (unknown.length === 0) given.tell("translated", option, "access_log_format; times are seconds with three digits");
  else
    given.notSupported(
      option,
      `${unknown.join(", ")} is not known here and is written as -; times are seconds`,
      "harmless",
    );
}

/** `{x-request-id}i` is a field of the request, `…}o` one of the reply. */
function atomOf(name: string): string | undefined {
  const [, field, kind] = /^\{([\w-]+)\}([io])$/.exec(name) ?? [];
  const word = field?.toLowerCase().replaceAll("-", "_");
  if (word !== undefined) return kind === "i" ? `\${http_${word}}` : `\${sent_http_${word}}`;
  return Object.hasOwn(ATOMS, name) ? ATOMS[name] : undefined;
}
