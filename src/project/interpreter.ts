/**
 * Which Python runs a project: the virtualenvs that are in sight, in the order in which they are likely meant, and what is
 * installed in each. The first that has what the project needs is taken; `VIRTUAL_ENV` alone may be another project's.
 */
import { dirname, join, resolve } from "node:path";
import type { Surroundings } from "../machine/surroundings.ts";
import { isVirtualenv } from "./folders.ts";

export interface Candidate {
  /** As it is started: not resolved, since python finds its virtualenv by this path. */
  readonly python: string;
  /** The directory of the virtualenv; undefined for an interpreter of the system. */
  readonly virtualenv: string | undefined;
  /** `.venv`, `VIRTUAL_ENV`, `poetry`, `pipenv`, `uv`, `conda`, `PATH` */
  readonly origin: string;
}

export interface Interpreter extends Candidate {
  /** `3.11.7` */
  readonly version: string;
  /** Undefined when it is not installed. */
  readonly django: string | undefined;
  /** Of those that were asked for, what is installed. */
  readonly modules: readonly string[];
}

/** One that does not run, and why. */
export interface BrokenInterpreter extends Candidate {
  readonly failure: string;
}

/** Where projects keep them, most usual first. config/python.ts looks at these, too. */
const VIRTUALENV_NAMES = [".venv", "venv", "env"] as const;

/** A cold interpreter on a slow disk takes a second or two. */
const TELL_TIMEOUT_MS = 20_000;
/** poetry and pipenv are slow to start. */
const TOOL_TIMEOUT_MS = 20_000;

/** Asked about beside Django. */
const MODULES = ["channels", "daphne", "uvicorn", "whitenoise", "flask", "celery", "gunicorn"];

/** For Pythons from 3.6 on, so that one which is too old can say so. */
const TELL = `import json, os, sys
from importlib.util import find_spec
django = None
if find_spec("django"):
    from django import get_version
    django = get_version()
found = [name for name in sys.argv[1:] if find_spec(name)]
with os.fdopen(3, "w") as result:
    json.dump({"version": "%d.%d.%d" % sys.version_info[:3], "executable": sys.executable, "django": django, "modules": found}, result)
`;

/** The likeliest first, none twice. */
export async function findCandidates(
  surroundings: Surroundings,
  root: string,
): Promise<(Candidate | BrokenInterpreter)[]> {
  const { files, environment } = surroundings;
  const near = [root, dirname(root)];
  const inFolders = near.flatMap((folder) =>
    VIRTUALENV_NAMES.flatMap((name) => inVirtualenv(surroundings, join(folder, name), name)),
  );
  const otherwiseNamed = near.flatMap((folder) =>
    files.list(folder).flatMap((name) => {
      const path = join(folder, name);
      return isVirtualenv(files, path) ? inVirtualenv(surroundings, path, name) : [];
    }),
  );
  const named = (variable: string, origin: string) => {
    const folder = environment[variable];
    return folder === undefined || folder === "" ? [] : inVirtualenv(surroundings, resolve(root, folder), origin);
  };
  const all = [
    ...named("UV_PROJECT_ENVIRONMENT", "uv"),
    ...inFolders,
    ...named("VIRTUAL_ENV", "VIRTUAL_ENV"),
    ...otherwiseNamed,
    ...(await fromTool(surroundings, root, "poetry", ["env", "info", "--path"], "poetry.lock")),
    ...(await fromTool(surroundings, root, "pipenv", ["--venv"], "Pipfile")),
    ...withoutUv(surroundings, root),
    ...named("CONDA_PREFIX", "conda"),
    ...onPath(surroundings),
  ];
  return all.filter(({ python }, i) => all.findIndex((other) => other.python === python) === i);
}

function inVirtualenv({ files }: Surroundings, folder: string, origin: string): Candidate[] {
  const python = ["python", "python3"]
    .map((name) => join(folder, "bin", name))
    .find((path) => files.isExecutable(path));
  return python === undefined ? [] : [{ python, virtualenv: folder, origin }];
}

function onPath({ files, environment }: Surroundings): Candidate[] {
  const folders = (environment["PATH"] ?? "/usr/local/bin:/usr/bin:/bin").split(":").filter((each) => each !== "");
  const paths = [...folders, "/usr/bin"].map((folder) => join(folder, "python3"));
  return paths
    .filter((path) => files.isExecutable(path))
    .map((python) => ({ python, virtualenv: undefined, origin: "PATH" }));
}

/** It keeps its virtualenv in the project, from `uv sync` on. */
function withoutUv({ files, environment }: Surroundings, root: string): BrokenInterpreter[] {
  const folder = resolve(root, environment["UV_PROJECT_ENVIRONMENT"] || ".venv");
  const isMissing = files.kind(join(root, "uv.lock")) === "file" && files.kind(folder) === undefined;
  const failure = "it is not there, and uv sync makes it";
  return isMissing ? [{ python: folder, virtualenv: undefined, origin: "uv", failure }] : [];
}

/** The virtualenv that a tool keeps elsewhere, by asking the tool; only for projects that use it. */
async function fromTool(
  surroundings: Surroundings,
  root: string,
  tool: string,
  words: readonly string[],
  mark: string,
): Promise<(Candidate | BrokenInterpreter)[]> {
  const { files } = surroundings;
  const isUsed = [root, dirname(root)].some((folder) => files.kind(join(folder, mark)) === "file");
  if (!isUsed) return [];
  const ran = await surroundings.run([tool, ...words], { folder: root, timeoutMs: TOOL_TIMEOUT_MS });
  const folder = ran.code === 0 ? ran.stdout.trim().split("\n").at(-1) : undefined;
  const found = folder?.startsWith("/") === true ? inVirtualenv(surroundings, folder, tool) : [];
  if (found.length > 0) return found;
  const said = ran.failure === "ENOENT" ? "it is not on the PATH" : ran.stderr.trim().split("\n").at(-1);
  const failure = said === undefined || said === "" ? `it tells of no virtualenv, and ${tool} install makes it` : said;
  return [{ python: [tool, ...words].join(" "), virtualenv: undefined, origin: tool, failure }];
}

interface Told {
  readonly version: string;
  readonly executable: string;
  readonly django: string | null;
  readonly modules: readonly string[];
}

export async function examine(
  surroundings: Surroundings,
  candidate: Candidate,
  root: string,
): Promise<Interpreter | BrokenInterpreter> {
  const words = [candidate.python, "-c", TELL, ...MODULES];
  const ran = await surroundings.run(words, { folder: root, timeoutMs: TELL_TIMEOUT_MS });
  try {
    const { version, executable, django, modules } = JSON.parse(ran.result) as Told;
    // A version manager's shim is another Python tomorrow, and none for a service.
    const python = candidate.virtualenv === undefined && executable !== "" ? executable : candidate.python;
    return { ...candidate, python, version, django: django ?? undefined, modules };
  } catch {
    const last = ran.stderr.trim().split("\n").at(-1) ?? "";
    const how = ran.failure ?? `status ${ran.code}`;
    return { ...candidate, failure: last === "" ? how : `${how}: ${last}` };
  }
}

export interface Interpreters {
  /** The one to take; undefined when none runs. */
  readonly chosen: Interpreter | undefined;
  readonly others: readonly (Interpreter | BrokenInterpreter)[];
}

/** `needed`: a module that the project cannot do without, such as `django`. Without one that has it, the first that runs.
 *  `wanted`, a virtualenv or an interpreter, is taken before all others, and whatever it has. */
export async function findInterpreter(
  surroundings: Surroundings,
  root: string,
  needed?: string,
  wanted?: string,
): Promise<Interpreters> {
  if (wanted !== undefined) return findWanted(surroundings, root, wanted);
  const seen: (Interpreter | BrokenInterpreter)[] = [];
  const has = (each: Interpreter) =>
    needed === undefined || (needed === "django" ? each.django !== undefined : each.modules.includes(needed));
  for (const candidate of await findCandidates(surroundings, root)) {
    const found = "failure" in candidate ? candidate : await examine(surroundings, candidate, root);
    seen.push(found);
    if (!("failure" in found) && has(found)) return chosenOf(seen, found);
  }
  return chosenOf(
    seen,
    seen.find((each): each is Interpreter => !("failure" in each)),
  );
}

async function findWanted(surroundings: Surroundings, root: string, wanted: string): Promise<Interpreters> {
  const [inFolder] = inVirtualenv(surroundings, wanted, "--python");
  const candidate = inFolder ?? { python: wanted, virtualenv: undefined, origin: "--python" };
  const found = await examine(surroundings, candidate, root);
  return "failure" in found ? { chosen: undefined, others: [found] } : { chosen: found, others: [] };
}

function chosenOf(seen: readonly (Interpreter | BrokenInterpreter)[], chosen: Interpreter | undefined): Interpreters {
  return { chosen, others: seen.filter((each) => each !== chosen) };
}
