/**
 * Serving without a file: what the words of `server run --app`, `server files`, `server proxy` and `server dev` come to is a
 * plan, whose text is loaded like any server.toml. So there is no second way into the server, and `--print` shows the file
 * that says the same.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { parseListen } from "../config/address.ts";
import { Refusal } from "../config/kinds.ts";
import type { Loaded } from "../config/load.ts";
import { loadUnsaved } from "../config/load.ts";
import { formatProblems } from "../config/problems.ts";
import { isHere } from "../config/reach.ts";
import type { Plan, Settings, SiteKey } from "../import/plan.ts";
import { writePlan } from "../import/write.ts";
import { findControlSockets, thisUser } from "../master/control-place.ts";
import { Inheritance } from "../master/handover.ts";
import { runMaster } from "../master/master.ts";
import { EXIT_OK, EXIT_USAGE, type Given, type Terminal } from "./command.ts";
import { DEFAULT_FILE } from "./configuration.ts";
import { listOf, textOf } from "./quick-options.ts";

/** Only this machine: who wants to be reached from elsewhere says so. Caddy's commands listen on every address. */
export const DEFAULT_LISTEN = "127.0.0.1:8000";

export interface Quick {
  /** `files`, with its arguments: what starts a successor, and whom messages are about. */
  readonly words: readonly string[];
  readonly plan: Plan;
  /** The option or argument that a key of the plan came from, for messages: `--listen`. */
  readonly source: (key: string) => string;
  readonly print: boolean;
  /** Told when the configuration stands, before it is served. */
  readonly tell?: () => void;
}

/** Python is not to be root by accident where others reach it: the start would refuse it in words for a file. */
export function refuseRoot(given: Given, { environment }: Terminal): string | undefined {
  const listen = listOf(given, "listen");
  const isHere = listOf(given, "domain").length === 0 && listen.every(isOnlyHere);
  const isMeant = textOf(given, "user") !== undefined || environment["SERVER_RUN_AS_ROOT"] === "1";
  if (process.geteuid?.() !== 0 || isMeant || isHere) return undefined;
  return "the application would be root: --user www-data names somebody with fewer rights; SERVER_RUN_AS_ROOT=1 says that root is meant";
}

/** What cannot be read is refused behind this. */
function isOnlyHere(written: string): boolean {
  const address = parseListen(written);
  if (address instanceof Refusal) return true;
  return address.kind !== "every" && isHere(address);
}

export async function serveQuickly(quick: Quick, terminal: Terminal): Promise<number> {
  const inheritance = Inheritance.take();
  const toml = writePlan(quick.plan);
  const command = `server ${quick.words[0]}`;
  const load = () => named(loadUnsaved(standIn(command, terminal), toml, terminal.environment), quick, command);
  const { config, problems } = load();
  const said = formatProblems(problems, { colour: terminal.colour.stderr });
  terminal.stderr(said);
  if (config === undefined) {
    inheritance?.failedToStart(said.trimEnd());
    return EXIT_USAGE;
  }
  if (quick.print) {
    terminal.stdout(toml);
    return EXIT_OK;
  }
  quick.tell?.();
  return runMaster(config, { read: load, inheritance, successor: quick.words });
}

/** Problems by what was typed: nobody has seen the file. */
function named({ config, problems }: Loaded, { source }: Quick, command: string): Loaded {
  const renamed = problems.map((problem) => ({
    ...problem,
    file: command,
    line: 0,
    frame: undefined,
    key: problem.key === "" ? "" : source(problem.key),
  }));
  return { config, problems: renamed };
}

/**
 * The file that there is not: its folder is what relative paths are relative to, its name is how `status`, `stop` and `logs`
 * find the server. In a folder without a server.toml that is the name, so that they need no -c, unless another server
 * already goes by it.
 */
function standIn(command: string, { folder }: Terminal): string {
  const usual = join(folder, DEFAULT_FILE);
  const isFree = !existsSync(usual) && findControlSockets(usual, "auto", thisUser()).length === 0;
  return isFree ? usual : join(folder, `${command} ${process.pid}`);
}

/** `listen`, `names` and `tls` of a site that is served at these addresses or under these names. */
export function addressSite(site: Settings<SiteKey>, listen: readonly string[], domains: readonly string[]): void {
  if (domains.length > 0) {
    site.set("names", domains);
    site.set("tls", "auto");
  }
  if (listen.length > 0) site.set("listen", listen.map(portOrText));
  else if (domains.length === 0) site.set("listen", [DEFAULT_LISTEN]);
}

/** A plain number is a port, as in the file. */
function portOrText(written: string): string | number {
  return /^\d{1,9}$/.test(written) ? Number(written) : written;
}
