/**
 * `server import nginx.conf uwsgi.ini -o server.toml`: reads what nginx, uWSGI and gunicorn were configured with, writes a server.toml
 * that does the same, and says line by line what became of what. Changes nothing else, and starts nothing.
 */
import { accessSync, constants, existsSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import type { Plan } from "../import/plan.ts";
import type { SourceFile } from "../import/source.ts";
import { type Command, EXIT_FAILED, EXIT_OK, EXIT_USAGE, type Given, type Terminal } from "./command.ts";

const FILES_MAX = 1000;

export const IMPORT: Command = {
  name: "import",
  summary: "Translate nginx.conf, uwsgi.ini and gunicorn.service into a server.toml",
  usage: "FILE… [-o server.toml] [--partial] [--compare OLD NEW]",
  doc:
    "FILE is an nginx.conf, a file or the folder of sites-enabled, a uwsgi.ini, or a unit of systemd that starts gunicorn (its socket " +
    "unit and gunicorn.conf.py are read with it, and not run); give both of a pair, and no socket stands " +
    "between them any more. The configuration goes to stdout or the file of -o, the report to stderr. Exits 1, and writes " +
    "nothing, when something would behave otherwise.",
  options: {
    output: { type: "string", short: "o", value: "FILE", doc: "Writes it there; the file must not exist yet." },
    partial: { type: "boolean", short: "p", value: "", doc: "Writes also what is not complete, and exits 0." },
    compare: {
      type: "string",
      short: "c",
      value: "OLD",
      doc: "Asks two running servers, http://OLD and http://NEW, for the same things, made from the routes, and tells where they differ; POSTs too.",
    },
    quiet: { type: "boolean", short: "q", value: "", doc: "Reports only what was not carried over." },
  },
  positionalsMax: FILES_MAX,
  async run(given, terminal) {
    if (given.positionals.length === 0) return refuse(terminal, "a FILE is missing");
    const { output } = given.options;
    const target = typeof output === "string" ? resolve(terminal.folder, output) : undefined;
    const inTheWay = target === undefined ? undefined : whyNot(target);
    if (inTheWay !== undefined) return refuse(terminal, `${String(output)} ${inTheWay}`);
    const { importFiles } = await import("../import/import.ts");
    const { old, now, names } = addressesIn(given);
    const files = await readSources(names, terminal);
    if (typeof files === "string") return refuse(terminal, files);
    const { plan, report } = importFiles(files, terminal.environment);
    if (given.options["compare"] !== undefined) {
      if (old === undefined || now === undefined)
        return refuse(terminal, "--compare OLD NEW needs two addresses, as in http://127.0.0.1:8080");
      const { compareServers } = await import("./compare.ts");
      return compareServers(plan, old, now, terminal);
    }
    const { keepRoot } = await import("../import/users.ts");
    const { writePlan } = await import("../import/write.ts");
    await tell(report.findings, given, terminal);
    if (report.changesMeaning && given.options["partial"] !== true) {
      terminal.stderr(
        "server import: not everything could be carried over; nothing was written (--partial writes the rest)\n",
      );
      return EXIT_FAILED;
    }
    tellMissing(plan, terminal);
    if (process.geteuid?.() === 0 && keepRoot(plan)) {
      terminal.stderr(
        "server import: run_as_root: nothing names a user, so the project runs as who starts the server, root\n",
      );
    }
    const text = writePlan(plan);
    if (target === undefined) terminal.stdout(text);
    else writeFileSync(target, text, { flag: "wx" });
    return EXIT_OK;
  },
};

/** Undefined: it can be written. */
function whyNot(target: string): string | undefined {
  if (existsSync(target)) return "exists; choose another";
  try {
    accessSync(dirname(target), constants.W_OK);
    return undefined;
  } catch (error) {
    const isMissing = (error as { code?: string }).code === "ENOENT";
    return isMissing ? "is in a folder that is not there; make it" : "is in a folder that is not this user's to write";
  }
}

/** nginx and uWSGI start without what they serve; `server check` wants it to be there. A location of rewrites inherits a root
 *  that has mostly nothing for it. */
function tellMissing(plan: Plan, terminal: Terminal): void {
  for (const { settings } of plan.sites.flatMap(({ routes }) => routes)) {
    const path = settings.get("files");
    // Rewrites come from nginx, which has one root.
    const isOfRules = settings.has("rules") && !settings.has("try") && !settings.has("otherwise");
    if (!isOfRules || typeof path !== "string" || path.includes("$") || existsSync(path)) continue;
    if (!existsSync(dirname(path))) continue;
    settings.replace("files", "error", 404);
    for (const key of ["index", "listing", "cache", "symlinks", "hidden", "absolute_redirect", "max_ranges"] as const)
      settings.delete(key);
    terminal.stderr(`server import: ${path} is not there: where no rule of its route fits, 404 is answered\n`);
  }
  const served = plan.sites.flatMap(({ routes }) => routes.flatMap(({ settings }) => settings.get("files") ?? []));
  const paths = served.filter((path) => typeof path === "string" && path.startsWith("/") && !path.includes("$"));
  for (const path of new Set(paths)) {
    if (existsSync(String(path))) continue;
    terminal.stderr(`server import: ${String(path)} is not there; make it, or server check refuses the file\n`);
  }
}

/** What is compared with what; the other words are files. */
function addressesIn({ options, positionals }: Given): {
  old?: URL | undefined;
  now?: URL | undefined;
  names: string[];
} {
  const { compare } = options;
  if (typeof compare !== "string") return { names: [...positionals] };
  const [now] = positionals.filter((word) => word.startsWith("http://"));
  const names = positionals.filter((word) => word !== now);
  return { old: urlOf(compare), now: urlOf(now ?? ""), names };
}

function urlOf(text: string): URL | undefined {
  return text.startsWith("http://") && URL.canParse(text) ? new URL(text) : undefined;
}

async function tell(findings: readonly Finding[], given: Given, terminal: Terminal): Promise<void> {
  const { countFindings, formatFindings } = await import("../import/report.ts");
  const loud = new Set(["not-supported", "error", "no-effect-there"]);
  const told = given.options["quiet"] === true ? findings.filter(({ verdict }) => loud.has(verdict)) : findings;
  terminal.stderr(formatFindings(told, { colour: terminal.colour.stderr }));
  terminal.stderr(`server import: ${countFindings(findings)}\n`);
}

type Finding = import("../import/report.ts").Finding;

function refuse(terminal: Terminal, what: string): number {
  terminal.stderr(`server import: ${what}\nserver help import shows how it is used.\n`);
  return EXIT_USAGE;
}

/** A string is what is wrong. Of a folder all its files, as nginx's `include sites-enabled/*`. */
async function readSources(names: readonly string[], terminal: Terminal): Promise<SourceFile[] | string> {
  const { SourceFile } = await import("../import/source.ts");
  const { readFileSync } = await import("node:fs");
  const files: SourceFile[] = [];
  for (const name of names.flatMap((each) => filesOf(each, terminal.folder))) {
    const path = resolve(terminal.folder, name);
    try {
      files.push(new SourceFile(name, path, readFileSync(path, "utf8")));
    } catch (error) {
      const { code } = error as { code?: string };
      return code === "ENOENT" ? `${name} is not there` : `${name} cannot be read (${code ?? String(error)})`;
    }
  }
  return files.length === 0 ? `there is no file in ${names.join(", ")}` : files;
}

function filesOf(name: string, folder: string): string[] {
  const path = resolve(folder, name);
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) return [name];
  const inside = readdirSync(path)
    .filter((each) => !each.startsWith(".") && !each.endsWith("~"))
    .sort();
  return inside
    .map((each) => relative(folder, join(path, each)))
    .filter((each) => statSync(resolve(folder, each)).isFile());
}
