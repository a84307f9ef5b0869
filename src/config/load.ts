/**
 * From a file to a configuration, or to everything that is wrong with it:
 * bytes → TOML → environment variables → schema → resolved values → checks across keys.
 */
import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { parse, TomlError } from "smol-toml";
import type { ChallengeKind } from "../certificates/order.ts";
import { type AcmeConfig, resolveAcme } from "./acme.ts";
import { resolveApp } from "./apps.ts";
import { checkPatterns, checkReferences, checkServesSomething } from "./check.ts";
import { checkCollisions } from "./collisions.ts";
import type { Config } from "./config.ts";
import { type Context, type Machine, thisMachine } from "./context.ts";
import { type Section, table } from "./keys.ts";
import { DEFAULT_ENCODING, DEFAULT_TYPES, resolveEncoding, resolveTypes } from "./encoding.ts";
import { resolveMaps } from "./maps.ts";
import { resolveMetrics } from "./metrics.ts";
import { failureOf } from "./paths.ts";
import { Place } from "./place.ts";
import { findPositions } from "./positions.ts";
import { type Problem, Report } from "./problems.ts";
import { ACME, DIRECTORIES } from "./schema-acme.ts";
import { ROOT, SERVER } from "./schema.ts";
import { checkLimitNames, resolveRateLimits } from "./rate-limits.ts";
import { resolveServer } from "./server.ts";
import { resolveCron, resolveService } from "./services.ts";
import type { AcmeContext } from "./site-tls.ts";
import { resolveSite } from "./sites.ts";
import { type Environment, substitute } from "./substitute.ts";
import { resolveUpstream } from "./upstreams.ts";

/** No configuration has megabytes; what has is the wrong file. */
const FILE_BYTES_MAX = 4 * 1024 * 1024;

export interface Loaded {
  /** Undefined when a problem is an error. */
  readonly config: Config | undefined;
  /** By place. */
  readonly problems: readonly Problem[];
}

/** `file` is named in the problems as it is given here. Reads files and directories, executes nothing. */
export function loadConfig(file: string, environment: Environment, machine: Machine = thisMachine()): Loaded {
  const report = new Report(file);
  return loadText(readText(file, report), report, { environment, machine, isTranslated: false });
}

/** The same, where folders of files that are not there yet are only warned of: for who is to see all else, and makes them. */
export function loadDespiteFolders(file: string, environment: Environment): Loaded {
  const report = new Report(file);
  return loadText(readText(file, report), report, { environment, machine: thisMachine(), isTranslated: true });
}

/** The same of a text that is in no file, of what was said on the command line. */
export function loadUnsaved(file: string, text: string, environment: Environment): Loaded {
  return loadText(text, new Report(file), { environment, machine: thisMachine(), isTranslated: false });
}

/** The same of a text that stands for the file, such as what another program's configuration was translated to. */
export function loadTranslated(file: string, text: string, environment: Environment): Loaded {
  return loadText(text, new Report(file), { environment, machine: thisMachine(), isTranslated: true });
}

function loadText(text: string | undefined, report: Report, around: Omit<Context, "folder">): Loaded {
  const context = { folder: dirname(resolve(report.file)), ...around };
  const document = text === undefined ? undefined : parseToml(text, report);
  const config = document === undefined ? undefined : resolveDocument(document, report, context);
  return { config: report.failed ? undefined : config, problems: report.sorted() };
}

/** Undefined after reporting why not. */
export function readText(file: string, report: Report): string | undefined {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    return void report.addWhole({ what: failureOf(error).replace("which ", "") });
  }
  if (bytes.length > FILE_BYTES_MAX)
    return void report.addWhole({ what: `has ${bytes.length} bytes`, should: `should have at most ${FILE_BYTES_MAX}` });
  try {
    // A byte order mark is taken off here.
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return void report.add(
      "error",
      [],
      { line: firstBadLine(bytes), column: 1 },
      { what: "is not UTF-8", should: "should be UTF-8, which is what TOML is written in" },
    );
  }
}

/** A line feed is never part of a longer UTF-8 sequence, so lines can be judged one by one. */
function firstBadLine(bytes: Buffer): number {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  for (let line = 1, start = 0; ; line++) {
    const end = bytes.indexOf(0x0a, start);
    try {
      decoder.decode(bytes.subarray(start, end === -1 ? bytes.length : end));
    } catch {
      return line;
    }
    if (end === -1) return line;
    start = end + 1;
  }
}

/** Undefined after reporting why not; the report then knows where everything stands. */
export function parseToml(text: string, report: Report): unknown {
  try {
    const document = parse(text, { integersAsBigInt: "asNeeded" });
    report.positions = findPositions(text);
    return document;
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const { line, column, codeblock } = error;
    const what = `is not TOML: ${error.message.split("\n", 1)[0]?.replace("Invalid TOML document: ", "")}`;
    // By far the most usual mistake.
    const should = what.endsWith("invalid value") ? "should be a value; text stands in quotes" : undefined;
    return void report.add("error", [], { line, column }, { what, should }, codeblock);
  }
}

function resolveDocument(document: unknown, report: Report, context: Context): Config | undefined {
  const filled = substitute(new Place(report, [], document), context.environment);
  const root = table(ROOT).read(new Place(report, [], filled));
  if (root === undefined) return undefined;
  const { values } = root;
  checkServesSomething(root);
  checkReferences(root);
  checkLimitNames(root);
  values.site.forEach(checkPatterns);
  const apps = values.app.map((app) => resolveApp(app.name, app.value, context));
  const maps = resolveMaps(values.map);
  const upstreams = values.upstream.map((upstream) =>
    resolveUpstream(upstream.name, upstream.value, context, maps.scope),
  );
  const serverSection = values.server ?? noServer(report);
  const server = resolveServer(serverSection, upstreams, context, maps.scope);
  const acme = resolveAcme(values.acme ?? noAcme(report), context);
  const defaults = {
    accessLog: server.accessLog,
    encoding: resolveEncoding(serverSection.values, DEFAULT_ENCODING),
    types: resolveTypes(serverSection.values, DEFAULT_TYPES),
    acme: acmeContext(acme, root),
  };
  const sites = values.site.map((site) => resolveSite(site.value, context, maps.scope, defaults));
  checkCollisions(
    sites,
    apps.map((app) => app.sockets),
  );
  const known = { names: values.app.map(({ name }) => name), configs: apps.flatMap((app) => app.config ?? []) };
  return {
    file: resolve(report.file),
    server,
    acme,
    maps: maps.configs,
    apps: known.configs,
    upstreams,
    sites: sites.map((site) => site.config),
    rateLimits: resolveRateLimits(values.limit, maps.scope),
    services: values.service.flatMap(({ name, value }) => resolveService(name, value, known, context)),
    metrics: resolveMetrics(values.metrics, context),
    crons: values.cron.flatMap(({ name, value }) => resolveCron(name, value, known, context)),
  };
}

/** How names can be proved, by what the server listens on: http-01 is the simpler one. Ports that are forwarded to these are
 *  unknown here. */
function acmeContext({ authority, challenges, profile }: AcmeConfig, { values }: Section<typeof ROOT>): AcmeContext {
  const listens = values.site.flatMap(({ value }) => value.values.listen ?? []);
  const ports = listens.map(({ value }) => (value.address.kind === "unix" ? 0 : value.address.port));
  const hasHttp = ports.includes(80) || values.site.some(({ value }) => !value.place.has("listen"));
  const kinds: readonly ChallengeKind[] = hasHttp ? ["http-01", "tls-alpn-01"] : ["tls-alpn-01", "http-01"];
  const isLetsEncrypt = authority.directory === DIRECTORIES["letsencrypt"];
  const isByZone = challenges?.every((kind) => kind === "dns-01") === true;
  return {
    challenges: challenges ?? kinds,
    addressChallenges: isByZone ? [...challenges, ...kinds] : (challenges ?? kinds),
    directory: authority.directory,
    isPrivate: authority.ca !== undefined,
    isLetsEncrypt,
    profile,
  };
}

function noAcme(report: Report): Section<typeof ACME> {
  return table(ACME).read(new Place(report, ["acme"], {})) as Section<typeof ACME>;
}

/** [server] when it is not written: every key has its default. */
function noServer(report: Report): Section<typeof SERVER> {
  // An empty table lacks no required key.
  return table(SERVER).read(new Place(report, ["server"], {})) as Section<typeof SERVER>;
}
