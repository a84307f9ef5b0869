/**
 * How a unit of systemd starts gunicorn: its command, where, as whom, with which variables; and what became of every directive.
 * Not here: what gunicorn's options mean.
 */
import { basename, dirname, join } from "node:path";
import type { ImportReport } from "../report.ts";
import type { Origin, SourceFile } from "../source.ts";
import type { Word } from "./option.ts";
import { type Directive, joined, readUnit, showDirective, specifierIn, withoutSpecifiers, wordsOf } from "./unit.ts";
import { remarkOnDirective } from "./unit-remarks.ts";

export interface Variable {
  readonly name: string;
  readonly value: string;
  readonly origin: Origin;
  /** `NAME=value` */
  readonly written: string;
}

export interface Started {
  readonly file: SourceFile;
  /** Behind the program's name; undefined: it could not be made out, which the report says. */
  readonly words: readonly Word[] | undefined;
  /** A virtualenv or an interpreter; undefined: a name that is looked for on PATH. */
  readonly python: { readonly value: string; readonly origin: Origin } | undefined;
  readonly cwd: string;
  /** Undefined: nothing says where. */
  readonly cwdOrigin: Origin | undefined;
  readonly variables: readonly Variable[];
  readonly user: Directive | undefined;
  readonly group: Directive | undefined;
  readonly umask: Directive | undefined;
  readonly nofile: Directive | undefined;
  /** Commands that are done first. */
  readonly before: readonly Directive[];
  readonly runtimeDirectories: readonly Directive[];
  /** What else is said of the app, if there is one. */
  readonly taken: readonly Directive[];
  readonly command: Origin | undefined;
  /** `ExecStart=/srv/mysite/.venv/bin/gunicorn` */
  readonly program: string;
}

const TAKEN = new Set([
  "ExecStart",
  "ExecStartPre",
  "WorkingDirectory",
  "User",
  "Group",
  "Environment",
  "UMask",
  "LimitNOFILE",
  "RuntimeDirectory",
]);

export function readService(file: SourceFile, report: ImportReport): Started {
  const { directives, unread } = readUnit(file);
  for (const { origin, text } of unread)
    report.noEffectThere(origin, text, "should be Key=value; systemd takes no notice");
  const service = directives.filter(({ section }) => section === "Service");
  for (const directive of directives) {
    if (directive.section === "Service" && TAKEN.has(directive.key)) continue;
    remarkOnDirective(directive, report);
  }
  const single = (key: string) => lastOf(service, key, report);
  const folder = single("WorkingDirectory");
  const cwd = folder && folderOf(folder, report);
  const variables = variablesOf(file, listOf(service, "Environment", report), report);
  const command = commandOf(file, service, variables, report);
  return {
    file,
    words: command?.words,
    python: command?.python,
    cwd: cwd ?? "/",
    cwdOrigin: folder?.origin,
    variables,
    user: single("User"),
    group: single("Group"),
    umask: single("UMask"),
    nofile: single("LimitNOFILE"),
    before: listOf(service, "ExecStartPre", report),
    runtimeDirectories: listOf(service, "RuntimeDirectory", report),
    taken: service.filter(({ key, raw }) => TAKEN.has(key) && key !== "ExecStart" && raw !== ""),
    command: command?.origin,
    program: command?.program ?? "",
  };
}

/** Of a directive that has one value the last counts. */
function lastOf(service: readonly Directive[], key: string, report: ImportReport): Directive | undefined {
  const found = service.filter((each) => each.key === key);
  const counts = found.at(-1);
  for (const each of found.slice(0, -1))
    report.noEffectThere(
      each.origin,
      showDirective(each),
      `of several the last counts, ${showDirective(counts ?? each)}`,
    );
  return counts?.raw === "" ? undefined : counts;
}

/** Of one that adds up; an empty one takes back what was before it. */
function listOf(service: readonly Directive[], key: string, report: ImportReport): Directive[] {
  const found = service.filter((each) => each.key === key);
  const reset = found.findLastIndex(({ raw }) => raw === "");
  for (const each of found.slice(0, Math.max(reset, 0)))
    report.noEffectThere(each.origin, showDirective(each), `an empty ${key}= takes it back`);
  return found.slice(reset + 1);
}

function folderOf(directive: Directive, report: ImportReport): string | undefined {
  const path = joined(directive.raw)
    .replace(/^-/, "")
    .replace(/^"(.*)"$/, "$1");
  const special = specifierIn(path);
  if (special === undefined && path.startsWith("/")) return withoutSpecifiers(path).replace(/(?<=.)\/+$/, "");
  const why = special === undefined ? "is no whole path" : `has ${special}, which systemd fills in at the start`;
  return void report.error(directive.origin, showDirective(directive), `${why}; write the folder out`);
}

function variablesOf(file: SourceFile, directives: readonly Directive[], report: ImportReport): Variable[] {
  const byName = new Map<string, Variable>();
  for (const directive of directives)
    for (const { text, origin } of wordsOf(file, directive)) {
      const [, name, value] = /^([A-Za-z_]\w*)=([^]*)$/.exec(text) ?? [];
      const special = specifierIn(text);
      if (name === undefined || value === undefined)
        report.noEffectThere(origin, text, "should be NAME=value, with quotes around the whole where it has blanks");
      else if (special !== undefined)
        report.error(origin, text, `has ${special}, which systemd fills in at the start; write it out`);
      else {
        const before = byName.get(name);
        if (before !== undefined) report.noEffectThere(before.origin, before.written, "is said again further down");
        byName.set(name, { name, value: withoutSpecifiers(value), origin, written: withoutSpecifiers(text) });
      }
    }
  return [...byName.values()];
}

interface Command {
  readonly words: readonly Word[] | undefined;
  readonly python: Started["python"];
  readonly origin: Origin;
  readonly program: string;
}

function commandOf(
  file: SourceFile,
  service: readonly Directive[],
  variables: readonly Variable[],
  report: ImportReport,
): Command | undefined {
  const found = listOf(service, "ExecStart", report);
  const directive = found.find(({ raw }) => /gunicorn/.test(raw)) ?? found[0];
  if (directive === undefined) {
    report.error(file.at(0), file.name, "has no ExecStart, so nothing is started by it");
    return undefined;
  }
  for (const each of found)
    if (each !== directive)
      report.notSupported(
        each.origin,
        showDirective(each),
        "is a second command; make it a [service.NAME]",
        "changes-meaning",
      );
  const { origin } = directive;
  const words = expand(wordsOf(file, directive), variables, report);
  if (words === undefined) return { words: undefined, python: undefined, origin, program: "" };
  const [first, ...rest] = words;
  const started = first === undefined ? [] : [{ ...first, text: first.text.replace(/^[-@:+!|]+/, "") }, ...rest];
  const program = programOf(started);
  if (program === undefined) {
    const name = basename(started[0]?.text ?? "");
    const sentence = /gunicorn/.test(directive.raw)
      ? `starts ${name}, and gunicorn by it at best: write gunicorn's own command (/path/to/.venv/bin/gunicorn …) in the ` +
        "unit, and import it then"
      : `starts ${name}, and not gunicorn; beside an app it may be a [service.NAME]`;
    report.notSupported(origin, showDirective(directive), sentence, "changes-meaning");
    return { words: undefined, python: undefined, origin, program: "" };
  }
  const written = started.slice(0, program.count).map(({ text }) => text);
  const python = pythonOf(program, variables);
  return { words: started.slice(program.count), python, origin, program: `ExecStart=${written.join(" ")}` };
}

/** `$NAME` as a word is split at blanks, `${NAME}` is one; `$$` is a dollar (systemd.service(5)). */
function expand(words: readonly Word[], variables: readonly Variable[], report: ImportReport): Word[] | undefined {
  const valueOf = (name: string) => variables.find((each) => each.name === name)?.value;
  let isWhole = true;
  const miss = (word: Word, what: string, remedy: string) => {
    report.error(word.origin, word.text, `${what}; ${remedy}`);
    isWhole = false;
  };
  const expanded = words.flatMap((word): Word[] => {
    const special = specifierIn(word.text);
    if (special !== undefined)
      miss(word, `${special} is filled in by systemd at the start`, "write out what it stands for");
    const text = withoutSpecifiers(word.text);
    const [, alone] = /^\$(\w+)$/.exec(text) ?? [];
    const names = [...text.replaceAll("$$", "").matchAll(/\$\{(\w+)\}/g)].map(([, name = ""]) => name);
    const unknown = [...names, ...(alone === undefined ? [] : [alone])].find((name) => valueOf(name) === undefined);
    if (unknown !== undefined) miss(word, `${unknown} is not in Environment=`, "write out its value");
    if (alone !== undefined)
      return (valueOf(alone) ?? "")
        .split(/\s+/)
        .filter((each) => each !== "")
        .map((each) => ({ ...word, text: each }));
    const filled = text.replace(/\$\$|\$\{(\w+)\}/g, (whole, name?: string) =>
      name === undefined ? "$" : (valueOf(name) ?? whole),
    );
    return [{ ...word, text: filled }];
  });
  return isWhole ? expanded : undefined;
}

interface Program {
  /** How many words it takes. */
  readonly count: number;
  /** gunicorn itself, or the interpreter that runs it. */
  readonly executable: Word;
}

const isGunicorn = (word: Word | undefined) => word !== undefined && /^gunicorn[\d.-]*$/.test(basename(word.text));
const isPython = (word: Word | undefined) => word !== undefined && /^python[\d.]*$/.test(basename(word.text));

function programOf(words: readonly Word[]): Program | undefined {
  let at = 0;
  if (basename(words[0]?.text ?? "") === "env")
    at = words.findIndex(({ text }, index) => index > 0 && !/^\w+=/.test(text));
  const executable = words[at];
  if (executable === undefined) return undefined;
  if (isGunicorn(executable)) return { count: at + 1, executable };
  if (!isPython(executable)) return undefined;
  const flags = words.slice(at + 1).findIndex(({ text }) => !/^-[uBOsE]+$/.test(text));
  const next = at + 1 + Math.max(flags, 0);
  if (words[next]?.text === "-m" && words[next + 1]?.text === "gunicorn") return { count: next + 2, executable };
  return isGunicorn(words[next]) ? { count: next + 1, executable } : undefined;
}

/** The virtualenv that the program stands in; of the system's, and of `pip install --user`, the interpreter. */
function pythonOf({ executable }: Program, variables: readonly Variable[]): Started["python"] {
  const { text, origin } = executable;
  if (!text.includes("/")) {
    const path = variables.find(({ name }) => name === "PATH");
    const folder = path?.value.split(":").find((each) => /^\/.*\/bin\/?$/.test(each) && !SYSTEM.test(each));
    return path === undefined || folder === undefined ? undefined : { value: dirname(folder), origin: path.origin };
  }
  const folder = dirname(text);
  if (folder.endsWith("/.local/bin")) return { value: "/usr/bin/python3", origin };
  if (SYSTEM.test(folder)) {
    const interpreter = isPython(executable) ? text : join(folder === "/bin" ? "/usr/bin" : folder, "python3");
    return { value: interpreter, origin };
  }
  return { value: dirname(folder), origin };
}

const SYSTEM = /^(?:\/usr(?:\/local)?)?\/s?bin\/?$/;
