/**
 * Finds a Python that has Django, or makes one: the interpreter's own Django, else a virtual environment in .build/venv
 * with the current release from PyPI, else Debian's python3-django. DJANGO_FROM=interpreter|pypi|debian asks for one of
 * them and takes no other.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { ROOT, run, type Ran } from "./run.ts";
import { installDebian } from "./debian.ts";

export const SOURCES = ["interpreter", "pypi", "debian"] as const;
export type DjangoSource = (typeof SOURCES)[number];

export interface Django {
  readonly source: DjangoSource;
  /** The interpreter, absolute. */
  readonly python: string;
  readonly pythonVersion: string;
  readonly version: string;
}

const VENV = join(ROOT, ".build/venv");
const DEBIAN_PYTHON = "/usr/bin/python3";
const PROBE =
  "import sys, django; print(sys.executable, '%d.%d.%d' % sys.version_info[:3], django.get_version(), sep='\\n')";

/** The first source that works; throws with what each of them said. */
export function chooseDjango(wanted: string | undefined, say: (line: string) => void): Django {
  const refusals: string[] = [];
  for (const source of sourcesFor(wanted)) {
    const found = ATTEMPTS[source](say);
    if (typeof found !== "string") return found;
    refusals.push(`  ${source}: ${found}`);
  }
  throw new Error(`no Django to be had:\n${refusals.join("\n")}`);
}

function sourcesFor(wanted: string | undefined): readonly DjangoSource[] {
  if (wanted === undefined || wanted === "") return SOURCES;
  const source = SOURCES.find((name) => name === wanted);
  if (source === undefined) throw new Error(`DJANGO_FROM is "${wanted}"; it can be ${SOURCES.join(", ")}`);
  return [source];
}

/** Each gives a Django, or the reason why it has none. */
const ATTEMPTS: Readonly<Record<DjangoSource, (say: (line: string) => void) => Django | string>> = {
  interpreter: () => probe("interpreter", "python3"),
  pypi: fromPypi,
  debian: fromDebian,
};

function fromPypi(say: (line: string) => void): Django | string {
  const python = join(VENV, "bin/python");
  const there = probe("pypi", python);
  if (typeof there !== "string") return there;
  say("django: the current release from PyPI into .build/venv");
  const made = existsSync(python) ? undefined : run(["python3", "-m", "venv", "--clear", VENV]);
  if (made !== undefined && made.code !== 0) return `python3 -m venv failed: ${lastLine(made)}`;
  const installed = run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "django"]);
  if (installed.code !== 0) return `pip install django failed: ${lastLine(installed)}`;
  return probe("pypi", python);
}

function fromDebian(say: (line: string) => void): Django | string {
  const there = probe("debian", DEBIAN_PYTHON);
  if (typeof there !== "string") return there;
  const problem = installDebian(["python3-django"], say);
  return problem ?? probe("debian", DEBIAN_PYTHON);
}

/** Isolated from PYTHONPATH and the current folder (-I): the server's Python sees what this one sees. */
function probe(source: DjangoSource, python: string): Django | string {
  const ran = run([python, "-I", "-c", PROBE]);
  if (ran.code !== 0) return `${python}: ${lastLine(ran)}`;
  const [path = "", pythonVersion = "", version = ""] = ran.stdout.trim().split("\n");
  return { source, python: path, pythonVersion, version };
}

function lastLine(ran: Ran): string {
  return ran.stderr.trim().split("\n").at(-1) ?? `ended with ${ran.code}`;
}
