/**
 * `server logs`: the logs of a configuration, wherever they are, through rotations, filtered and followed; and
 * `server logs reopen` for whoever rotates them himself. What is in files needs no running server. Which logs are meant:
 * log-sources.ts.
 */
import { LOG_LEVELS } from "../base/log.ts";
import { CONFIG_OPTION, type Command, EXIT_FAILED, EXIT_OK, EXIT_USAGE, type Given, type Terminal } from "./command.ts";

const LINES = 50;
/** With --since: as many as there are, but for a bound on memory. */
const LINES_MAX = 100_000;
const POLL_MS = 300;

export const LOGS: Command = {
  name: "logs",
  summary: "Show the logs, follow and filter them: server logs -f; server logs reopen",
  usage: "[reopen] [-c FILE] [-f] [-n LINES] [--error] [--access] [FILTERS]",
  doc:
    "Shows the last lines of the error log and of the access logs, in the order of their time, also of files that were " +
    "rotated and compressed. --site and --status look at access logs, --app and --level at the error log. " +
    "server logs reopen has a running server open its log files anew, as USR1 does.",
  options: {
    config: CONFIG_OPTION,
    follow: { type: "boolean", short: "f", value: "", doc: "Goes on with what is added, until it is interrupted." },
    lines: { type: "string", short: "n", value: "LINES", doc: `How many; ${LINES} unless given, all with --since.` },
    error: { type: "boolean", short: "E", value: "", doc: "Only the error log." },
    access: { type: "boolean", short: "A", value: "", doc: "Only access logs." },
    site: { type: "string", short: "s", value: "NAME", doc: "Only requests to this site." },
    app: { type: "string", short: "a", value: "NAME", doc: "Only what this app and its workers say." },
    status: {
      type: "string",
      short: "S",
      value: "STATUS",
      doc: "Only requests with this status, 404 or 5xx; several times.",
      multiple: true,
    },
    level: { type: "string", short: "l", value: "LEVEL", doc: `Only this and worse: ${LOG_LEVELS.join(", ")}.` },
    since: { type: "string", short: "t", value: "TIME", doc: "10m, 2h, 1d, or 2026-11-29T14:00." },
  },
  positionalsMax: 1,
  async run(given, terminal) {
    const [action] = given.positionals;
    if (action === "reopen") return reopen(given, terminal);
    if (action !== undefined) return usage(`unknown ${JSON.stringify(action)}; known: reopen`, terminal);
    const { readConfiguration } = await import("./configuration.ts");
    const { readFilter } = await import("./log-filter.ts");
    const filter = readFilter(given, Date.now());
    if (typeof filter === "string") return usage(filter, terminal);
    const { config } = readConfiguration(given, terminal);
    if (config === undefined) return EXIT_USAGE;
    const { findSources, outputFile } = await import("./log-sources.ts");
    const found = findSources(config, given, filter, await outputFile(config.file));
    if (typeof found === "string") return usage(found, terminal);
    for (const note of found.notes) terminal.stderr(`server logs: ${note}\n`);
    if (found.sources.length === 0) return EXIT_FAILED;
    const lines = Number(given.options["lines"] ?? (filter.sinceMs === undefined ? LINES : LINES_MAX));
    return show(found.sources, lines, given, terminal);
  },
};

function usage(why: string, terminal: Terminal): number {
  terminal.stderr(`server logs: ${why}\nserver help logs shows how it is used.\n`);
  return EXIT_USAGE;
}

async function show(
  sources: readonly import("./log-sources.ts").Source[],
  count: number,
  given: Given,
  terminal: Terminal,
): Promise<number> {
  const { printable, NoAnswer } = await import("./control-client.ts");
  const write = (events: readonly import("./log-files.ts").LogEvent[]) => {
    if (events.length > 0) terminal.stdout(printable(`${events.map(({ text }) => text).join("\n")}\n`));
  };
  try {
    // What comes while the last ones are read is not missed.
    const followers = given.options["follow"] === true ? sources.map((source) => source.follow()) : [];
    const last = count === 0 ? [] : await Promise.all(sources.map((source) => source.last(count)));
    write(inOrder(last.flat()).slice(-Math.max(1, count)));
    while (followers.length > 0 && terminal.gone?.() !== true) {
      await Bun.sleep(POLL_MS);
      for (const follower of followers) write(await follower.poll());
    }
    return EXIT_OK;
  } catch (error) {
    if (!(error instanceof NoAnswer) && (error as { code?: string }).code === undefined) throw error;
    terminal.stderr(`server: ${(error as Error).message}\n`);
    return EXIT_FAILED;
  }
}

/** By time; a line that has none stays behind the one before it. */
export function inOrder<T extends { readonly atMs: number | undefined }>(events: readonly T[]): T[] {
  let before = 0;
  const timed = events.map((event) => ({ event, atMs: (before = event.atMs ?? before) }));
  return timed.toSorted((a, b) => a.atMs - b.atMs).map(({ event }) => event);
}

async function reopen(given: Given, terminal: Terminal): Promise<number> {
  const { configurationPath } = await import("./configuration.ts");
  const { ask, NoAnswer, printable } = await import("./control-client.ts");
  try {
    const answer = await ask(configurationPath(given, terminal), { command: "reopen" }, () => {});
    const { files, problems } = answer as { files: readonly string[]; problems: readonly string[] };
    for (const problem of problems) terminal.stderr(printable(`server: ${problem}\n`));
    const count = files.length - problems.length;
    terminal.stdout(`${count} log ${count === 1 ? "file" : "files"} opened anew\n`);
    return problems.length === 0 ? EXIT_OK : EXIT_FAILED;
  } catch (error) {
    if (!(error instanceof NoAnswer)) throw error;
    terminal.stderr(`server: ${error.message}\n`);
    return EXIT_FAILED;
  }
}
