/**
 * `server explain URL`: what a request for this URL would meet, from the router's own code (front/explain.ts), as a table
 * for people or JSON for programs. Nothing is started or asked.
 */
import { formatDuration, formatSize } from "../base/units.ts";
import { parseAddress } from "../base/ip-address.ts";
import type { Explanation, Question } from "../front/explain.ts";
import { parseTarget } from "../protocol/http/target.ts";
import { CONFIG_OPTION, type Command, EXIT_FAILED, EXIT_OK, EXIT_USAGE } from "./command.ts";

const DEFAULT_FROM = "127.0.0.1";
const UNIX_FROM = "unix:";

export const EXPLAIN: Command = {
  name: "explain",
  summary: "Show which site, route, limits and headers a URL meets",
  usage: "URL [-c FILE] [--method POST] [--from ADDRESS] [--json]",
  doc:
    "URL is http[s]://host[:port]/path, or /path for the default site. Asks no app and no upstream. " +
    "An https URL needs a listener with TLS, or trusted proxies in front of one without; an http URL one without TLS. " +
    "Exits 1 when nothing would answer it (no listener, 400, 421).",
  options: {
    config: CONFIG_OPTION,
    method: { type: "string", short: "m", value: "METHOD", doc: "The request's method; GET unless given." },
    from: { type: "string", short: "f", value: "ADDRESS", doc: `The client's address; ${DEFAULT_FROM} unless given.` },
    json: { type: "boolean", short: "j", value: "", doc: "Prints JSON." },
  },
  positionalsMax: 1,
  async run(given, terminal) {
    const { method = "GET", from = DEFAULT_FROM, json } = given.options;
    const question = readQuestion(given.positionals[0], String(method), String(from));
    if (typeof question === "string") {
      terminal.stderr(`server explain: ${question}\nserver help explain shows how it is used.\n`);
      return EXIT_USAGE;
    }
    const { readConfiguration } = await import("./configuration.ts");
    const { config } = readConfiguration(given, terminal);
    if (config === undefined) return EXIT_USAGE;
    const { explain } = await import("../front/explain.ts");
    const explanation = explain(config, question);
    terminal.stdout(json === true ? `${JSON.stringify(explanation, orNull, 2)}\n` : table(explanation));
    return explanation.site === undefined ? EXIT_FAILED : EXIT_OK;
  },
};

/** A string is what is wrong with it. The path is left as it was written: it is for the router to judge. */
function readQuestion(url: string | undefined, method: string, from: string): Question | string {
  if (url === undefined) return "a URL is missing";
  if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(method)) return `${JSON.stringify(method)} is no method`;
  if (from !== UNIX_FROM && parseAddress(from) === undefined) return `${JSON.stringify(from)} is no address`;
  const [, scheme, authority = "localhost", written = ""] = /^(?:(https?):\/\/([^/?#]*))?((?:[/?].*)?|\*)$/is.exec(
    url,
  ) ?? [undefined, undefined, ""];
  // The parser of requests reads the host.
  const parsed = authority === "" ? "" : parseTarget("GET", `http://${authority}/`, true);
  if (typeof parsed === "string" || parsed.authority === undefined) return `${JSON.stringify(url)} is no URL`;
  const target = Buffer.from(withSlash(written), "utf8").latin1Slice();
  // eslint-disable-next-line no-control-regex
  if (/[\x00-\x20\x7f]/.test(target)) return `${JSON.stringify(url)} has blanks or control characters`;
  const { host, port } = parsed.authority;
  return { method, secure: scheme === undefined ? undefined : /^https$/i.test(scheme), host, port, target, from };
}

function withSlash(target: string): string {
  return target.startsWith("/") || target === "*" ? target : `/${target}`;
}

const SHOWN = {
  file: "found",
  listing: "listed",
  redirect: "a directory",
  sibling: "for clients that take it",
  none: "none",
} as const;

/** Every key is there, whatever was found. */
function orNull(_key: string, value: unknown): unknown {
  return value ?? null;
}

type Row = readonly [string, string];

function table(explanation: Explanation): string {
  const rows = [
    ...placeRows(explanation),
    ...guardRows(explanation),
    ...contentRows(explanation),
    ...replyRows(explanation),
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, text]) => `${name.padEnd(width)}  ${text}\n`).join("");
}

function placeRows({ outcome, listener, path, query, site, route, mount, files, otherwise }: Explanation): Row[] {
  return [
    ["answer", outcome],
    ...optional("listener", listener),
    ...optional("path", path),
    ...optional("query", query),
    ...optional("site", site),
    ...optional("route", route),
    ...optional("mount", mount === "" ? undefined : mount),
    ...files.map(({ name, kind }): Row => ["file", `${name} (${SHOWN[kind]})`]),
    ...optional("otherwise", otherwise),
  ];
}

function guardRows({ guards }: Explanation): Row[] {
  if (guards === undefined) return [];
  const { access, satisfy, limits, auth, authRequest, errorPages, intercept } = guards;
  const isProven = satisfy === "any" && (auth !== undefined || authRequest !== undefined);
  const otherwise = auth === undefined ? `or ${authRequest} says so` : "or a password";
  const verdict = access.allowed ? (isProven ? otherwise : "allowed") : "denied";
  return [
    ["access", access.rules.length === 0 ? "everyone" : `${access.rules.join(", ")}: ${verdict}`],
    ...limits.map(({ name, rate, burst, key }): Row => [
      "limit",
      `${name}: ${rate}, burst ${burst}, for ${JSON.stringify(key)}`,
    ]),
    ...optional("auth", auth === undefined ? undefined : `${JSON.stringify(auth.realm)}, users of ${auth.users}`),
    ...optional("auth request", authRequest === undefined ? undefined : `asks ${authRequest} before`),
    ...errorPages.map(({ statuses, page }): Row => ["error page", `${statuses}: ${page}`]),
    ...optional("intercept", intercept ? "errors of apps and upstreams get these pages too" : undefined),
  ];
}

function contentRows({ content }: Explanation): Row[] {
  if (content === undefined) return [];
  return [
    ...optional("type", content.type),
    ...optional("cache", content.cache),
    ["compress", content.compress],
    ...content.siblings.map(({ name, found }): Row => ["sibling", `${name} (${found ? "found" : "none"})`]),
  ];
}

function replyRows({ bodyBytesMax, headers, timeoutsMs }: Explanation): Row[] {
  const timeouts = Object.entries(timeoutsMs).map(([name, ms]) => `${name} ${formatDuration(ms)}`);
  const body = bodyBytesMax === 0 ? "no bound" : formatSize(bodyBytesMax ?? 0);
  return [
    ...optional("body", bodyBytesMax === undefined ? undefined : `at most ${body}`),
    ...headers.map((header): Row => ["header", header]),
    ...optional("timeouts", timeouts.length === 0 ? undefined : timeouts.join(", ")),
  ];
}

function optional(name: string, text: string | undefined): Row[] {
  return text === undefined ? [] : [[name, text]];
}
