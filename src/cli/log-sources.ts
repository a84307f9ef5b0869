/**
 * Which logs a configuration has, and where their lines are: in files, or, of an error log on standard error, the last ones
 * with the running server. An access log on standard output is wherever that output goes: of a server in the background to a file,
 * where its lines stand between others.
 */
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Config, SiteConfig } from "../config/config.ts";
import type { AccessLogConfig } from "../config/log-config.ts";
import { NAMED_LOG_FORMATS } from "../exchange/log-formats.ts";
import type { RecentLine } from "../master/recent-lines.ts";
import type { Given } from "./command.ts";
import { ask, NoAnswer } from "./control-client.ts";
import { OUTPUT_NAME } from "./background.ts";
import { Follower, lastEvents, type LogEvent, type LogSource } from "./log-files.ts";
import { accessLineReader, errorLineReader, type LineFilter, matches, type ReadLine } from "./log-lines.ts";

export interface Source {
  last(count: number): Promise<readonly LogEvent[]>;
  follow(): { poll(): readonly LogEvent[] | Promise<readonly LogEvent[]> };
}

export interface Found {
  readonly sources: readonly Source[];
  /** What cannot be shown, and why. */
  readonly notes: readonly string[];
}

/** The file that standard output is: of the server that runs, or of one that `server start` began and that has ended. */
export async function outputFile(configFile: string): Promise<string | undefined> {
  try {
    const { output } = (await ask(configFile, { command: "recent", after: Number.MAX_SAFE_INTEGER }, () => {})) as {
      readonly output?: string | null;
    };
    return output ?? undefined;
  } catch (error) {
    if (!(error instanceof NoAnswer)) throw error;
    const usual = join(dirname(configFile), OUTPUT_NAME);
    return existsSync(usual) ? usual : undefined;
  }
}

/** Or what is wrong with what was asked for. `output`: see outputFile. */
export function findSources(
  config: Config,
  { options }: Pick<Given, "options">,
  filter: LineFilter,
  output: string | undefined,
): Found | string {
  const ofAccess = filter.site !== undefined || filter.statuses.length > 0 || options["access"] === true;
  const ofError = filter.app !== undefined || filter.level !== undefined || options["error"] === true;
  if (ofAccess && ofError)
    return "--site, --status and --access look at access logs, --app, --level and --error at the error log";
  if (filter.app !== undefined && !config.apps.some(({ name }) => name === filter.app))
    return unknownName(
      "app",
      filter.app,
      config.apps.map(({ name }) => name),
    );
  const access = ofError ? { sources: [], notes: [] } : accessSources(config, filter, output);
  if (typeof access === "string") return access;
  return { sources: ofAccess ? access.sources : [errorSource(config, filter), ...access.sources], notes: access.notes };
}

function unknownName(what: string, name: string, known: readonly string[]): string {
  return `no ${what} ${JSON.stringify(name)}; ${known.length === 0 ? "there is none" : `known: ${known.join(", ")}`}`;
}

function errorSource(config: Config, filter: LineFilter): Source {
  const { errorLog, errorLogFormat } = config.server;
  const read = errorLineReader(errorLogFormat);
  if (errorLog !== "stderr" && errorLog !== "stdout") return fileSource({ path: errorLog, read, filter });
  return recentSource(config.file, read, filter);
}

function fileSource(source: LogSource): Source {
  return { last: (count) => lastEvents(source, count), follow: () => new Follower(source) };
}

/** What the running server still knows. */
function recentSource(configFile: string, read: ReadLine, filter: LineFilter): Source {
  const after = async (number: number): Promise<readonly RecentLine[]> => {
    const answer = (await ask(configFile, { command: "recent", after: number }, () => {})) as { lines: RecentLine[] };
    return answer.lines;
  };
  const events = (lines: readonly RecentLine[]) =>
    lines.flatMap(({ text }) => {
      const facts = read(text);
      return matches(facts, filter) ? [{ text, atMs: facts.atMs }] : [];
    });
  let shown = 0;
  const next = async () => {
    const lines = await after(shown);
    shown = lines.at(-1)?.number ?? shown;
    return events(lines);
  };
  return { last: async (count) => (await next()).slice(-count), follow: () => ({ poll: next }) };
}

function accessSources(config: Config, filter: LineFilter, output: string | undefined): Found | string {
  const site = filter.site === undefined ? undefined : findSite(config, filter.site);
  if (filter.site !== undefined && site === undefined)
    return unknownName(
      "site",
      filter.site,
      config.sites.map(({ label }) => label),
    );
  const logs = site === undefined ? allLogs(config) : [site.accessLog];
  const notes = site === undefined ? [] : notesOf(config, site);
  const wanted = site === undefined ? filter : { ...filter, site: site.label };
  const paths = [...new Set(logs.map(({ path }) => path))];
  const isFile = (path: string) => path !== "off" && path !== "stdout" && path !== "stderr";
  const streams = paths.filter((path) => path === "stdout" || path === "stderr");
  const files = paths
    .filter(isFile)
    .map((path) => fileSource({ path, read: readerOf(config, [path]), filter: wanted }));
  const isOutput = streams.length > 0 && output !== undefined;
  const read = onlyOwn(readerOf(config, streams));
  return {
    sources: isOutput ? [...files, fileSource({ path: output, read, filter: wanted })] : files,
    notes: [
      ...notes,
      ...(isOutput ? [] : streams).map(
        (path) => `an access log goes to ${path}: it is where the output of the server goes`,
      ),
      ...(site?.accessLog.path === "off" ? [`site ${site.label} has access_log = "off"`] : []),
    ],
  };
}

function findSite(config: Config, name: string): SiteConfig | undefined {
  return config.sites.find(({ label, names }) => label === name || names.includes(name.toLowerCase()));
}

function allLogs(config: Config): AccessLogConfig[] {
  return [config.server.accessLog, ...config.sites.map(({ accessLog }) => accessLog)];
}

/** A log may be written in several formats, by several sites. */
function readerOf(config: Config, paths: readonly string[]): ReadLine {
  const formats = new Set(allLogs(config).flatMap((log) => (paths.includes(log.path) ? [templateOf(log)] : [])));
  const readers = [...formats].map(accessLineReader);
  return (line) => {
    for (const read of readers) {
      const facts = read(line);
      if (facts.status !== undefined || facts.atMs !== undefined) return facts;
    }
    return { atMs: undefined };
  };
}

/** Lines of which nothing is known are others'. */
function onlyOwn(read: ReadLine): ReadLine {
  return (line) => {
    const facts = read(line);
    return facts.status === undefined && facts.atMs === undefined ? { atMs: undefined, isOther: true } : facts;
  };
}

function templateOf({ format }: AccessLogConfig): string {
  return NAMED_LOG_FORMATS[format]?.template ?? format;
}

function notesOf(config: Config, { label, accessLog }: SiteConfig): string[] {
  const isShared = allLogs(config).filter(({ path }) => path === accessLog.path).length > 2;
  if (!isShared || /\$(?:\{server_name\}|server_name)/.test(templateOf(accessLog))) return [];
  const how = 'give it an access_log of its own, or access_log_format = "json"';
  return [`the lines of ${accessLog.path} do not say of which site they are; to see ${label} alone, ${how}`];
}
