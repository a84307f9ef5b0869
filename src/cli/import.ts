/**
 * `server import nginx.conf uwsgi.ini -o server.toml`: reads what nginx and uWSGI were configured with, writes a server.toml
 * that does the same, and says line by line what became of what. Changes nothing else, and starts nothing.
 */
import { existsSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import type { SourceFile } from "../import/source.ts";
import { type Command, EXIT_FAILED, EXIT_OK, EXIT_USAGE, type Given, type Terminal } from "./command.ts";

const FILES_MAX = 1000;

export const IMPORT: Command = {
  name: "import",
  summary: "Translate nginx.conf and uwsgi.ini into a server.toml",
  usage: "FILE… [-o server.toml] [--partial]",
  doc:
    "FILE is an nginx.conf, a file or the folder of sites-enabled, or a uwsgi.ini; give both of a pair, and no socket stands " +
    "between them any more. The configuration goes to stdout or the file of -o, the report to stderr. Exits 1, and writes " +
    "nothing, when something would behave otherwise.",
  options: {
    output: { type: "string", short: "o", value: "FILE", doc: "Writes it there; the file must not exist yet." },
    partial: { type: "boolean", short: "p", value: "", doc: "Writes also what is not complete, and exits 0." },
    quiet: { type: "boolean", short: "q", value: "", doc: "Reports only what was not carried over." },
  },
  positionalsMax: FILES_MAX,
  async run(given, terminal) {
    if (given.positionals.length === 0) return refuse(terminal, "a FILE is missing");
    const { output } = given.options;
    const target = typeof output === "string" ? resolve(terminal.folder, output) : undefined;
    if (target !== undefined && existsSync(target)) return refuse(terminal, `${String(output)} exists; choose another`);
    const { importFiles } = await import("../import/import.ts");
    const files = await readSources(given.positionals, terminal);
    if (typeof files === "string") return refuse(terminal, files);
    const { plan, report } = importFiles(files, terminal.environment);
    const { writePlan } = await import("../import/write.ts");
    await tell(report.findings, given, terminal);
    if (report.changesMeaning && given.options["partial"] !== true) {
      terminal.stderr(
        "server import: not everything could be carried over; nothing was written (--partial writes the rest)\n",
      );
      return EXIT_FAILED;
    }
    const text = writePlan(plan);
    if (target === undefined) terminal.stdout(text);
    else writeFileSync(target, text, { flag: "wx" });
    return EXIT_OK;
  },
};

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
      return `${name} cannot be read (${(error as { code?: string }).code ?? String(error)})`;
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
