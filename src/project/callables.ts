/**
 * WSGI callables in the sources of a project that is not Django's: by how the frameworks are called, and by what a Procfile
 * or gunicorn's command line says. Nothing is imported.
 */
import { basename, join, relative } from "node:path";
import type { Files } from "../machine/surroundings.ts";
import { foldersBelow } from "./folders.ts";

export interface FoundCallable {
  /** Relative to the root: `app.py`. */
  readonly file: string;
  /** `src.app`; undefined for a file that cannot be imported by name. */
  readonly module: string | undefined;
  readonly callable: string;
  /** `Flask`, `Bottle`, …, `WSGI` for a function of its own. */
  readonly framework: string;
  /** A function that makes the application: it has to be called by a line of the project. */
  readonly factory: boolean;
  /** It speaks ASGI, which is for an ASGI server. */
  readonly asgi: boolean;
}

interface Sign {
  readonly framework: string;
  readonly pattern: RegExp;
  readonly asgi?: true;
  readonly factory?: true;
  /** What the pattern alone does not say. */
  readonly isMeant?: (match: RegExpExecArray) => boolean;
}

const assigned = (call: string) => new RegExp(String.raw`^(\w+)(?:\s*:\s*[\w.\[\]]+)?\s*=\s*(?:\w+\.)*${call}\(`, "gm");

/** A parameter, with or without a type: `e: dict[str, Any]`. */
const PARAMETER = String.raw`\s*(\w+)(?:\s*:[^,()=\[]{0,100}(?:\[[^\]]{0,200}\])?)?\s*`;

/** A function of two parameters under a name of the field, and its body. What is decorated may be a command, or a fixture. */
const OF_TWO = new RegExp(
  String.raw`(?<!^[@)][^\n]*\n)^def\s+(application|app)\(${PARAMETER},${PARAMETER}(?:,\s*\/?\s*)?\)[^:\n]*:([^\n]*(?:\n(?:[ \t][^\n]*|\r)?)*)`,
  "gm",
);

/** An application calls its second parameter with a status (PEP 3333), or hands both on to another one. */
function startsResponse([, , environ = "", start = "", body = ""]: RegExpExecArray): boolean {
  return new RegExp(String.raw`(?<![\w.])${start}\s*\(\s*[^\s)]|\(\s*${environ}\s*,\s*${start}\s*\)`).test(body);
}

/** In the order in which they are believed. The first group is the callable. */
const SIGNS: readonly Sign[] = [
  { framework: "Flask", pattern: assigned("(?:Flask|APIFlask)") },
  { framework: "Bottle", pattern: assigned("(?:Bottle|default_app)") },
  { framework: "Falcon", pattern: assigned("(?:falcon\\.(?:App|API)|(?:App|API))") },
  { framework: "Pyramid", pattern: assigned("make_wsgi_app") },
  { framework: "CherryPy", pattern: assigned("Application") },
  { framework: "web.py", pattern: assigned("wsgifunc") },
  { framework: "FastAPI", pattern: assigned("FastAPI"), asgi: true },
  { framework: "Starlette", pattern: assigned("(?:Starlette|Litestar|Quart|Sanic|BlackSheep)"), asgi: true },
  { framework: "WSGI", pattern: /^def\s+(\w+)\(\s*\w*env\w*\s*,\s*start_response\b/gm },
  { framework: "WSGI", pattern: OF_TWO, isMeant: startsResponse },
  { framework: "WSGI", pattern: /^(app)\s*=\s*lambda\s+\w+\s*,\s*\w+\s*:/gm },
  { framework: "WSGI", pattern: /^(application)\s*=\s*\w/gm },
  { framework: "Flask", pattern: /^def\s+((?:create|make)_app)\(/gm, factory: true },
];

/** A project beside its sources: `src/`, a package. */
const DEPTH = 2;
const FILES_MAX = 500;

/** Where people put it, the most usual first. */
const FILE_NAMES = ["wsgi.py", "app.py", "main.py", "application.py", "server.py", "run.py", "__init__.py"];

export function findCallables(files: Files, root: string): FoundCallable[] {
  const paths = foldersBelow(files, root, DEPTH).flatMap((folder) =>
    files
      .list(folder)
      .filter((name) => name.endsWith(".py") && !/^(test_|conftest|setup\.py)/.test(name))
      .map((name) => join(folder, name)),
  );
  const found = paths.slice(0, FILES_MAX).flatMap((path) => callablesIn(files, root, path));
  const named = namedByOthers(files, root);
  return found.toSorted((a, b) => rank(a, named) - rank(b, named));
}

function callablesIn(files: Files, root: string, path: string): FoundCallable[] {
  const text = files.read(path) ?? "";
  const file = relative(root, path);
  const module = moduleName(file);
  const found = SIGNS.flatMap(({ framework, pattern, asgi = false, factory = false, isMeant = () => true }) =>
    [...text.matchAll(pattern)].filter(isMeant).map(([, callable = ""]): FoundCallable => {
      return { file, module, callable, framework, factory, asgi };
    }),
  );
  // What two signs mean is what the first says. A factory beside its product is not needed.
  const first = found.filter(({ callable }, i) => found.findIndex((other) => other.callable === callable) === i);
  return first.some(({ factory }) => !factory) ? first.filter(({ factory }) => !factory) : first;
}

/** A package's `__init__.py` is imported by the package's name. */
function moduleName(file: string): string | undefined {
  const parts = file.replace(/\.py$/, "").split("/");
  if (parts.length > 1 && parts.at(-1) === "__init__") parts.pop();
  return parts.every((part) => /^[\p{L}_][\p{L}\p{N}_]*$/u.test(part)) ? parts.join(".") : undefined;
}

/** `module:callable` in files that start the application elsewhere. */
function namedByOthers(files: Files, root: string): ReadonlySet<string> {
  const text = ["Procfile", "Dockerfile", "docker-compose.yml", "compose.yml", ".flaskenv"]
    .map((name) => files.read(join(root, name)) ?? "")
    .join("\n");
  return new Set([...text.matchAll(/\b([A-Za-z_][\w.]*:[A-Za-z_]\w*)\b/g)].map(([, name = ""]) => name));
}

function rank(found: FoundCallable, named: ReadonlySet<string>): number {
  const place = FILE_NAMES.indexOf(basename(found.file));
  const depth = found.file.split("/").length - 1;
  return (
    (named.has(`${found.module}:${found.callable}`) ? -1000 : 0) +
    (found.factory ? 400 : 0) +
    (found.asgi ? 200 : 0) +
    (place === -1 ? FILE_NAMES.length : place) * 10 +
    depth
  );
}
