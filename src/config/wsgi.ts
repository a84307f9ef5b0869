/**
 * The `wsgi` key: `module:callable` or `path/file.py:callable`, and whether there is such a module. Nothing is imported
 * here: that is the interpreter's business, and it is slow. What is looked for is what `import` would find first: a
 * package, a module (.py, .pyc or compiled), below root, PYTHONPATH or the virtualenv's site-packages.
 */
import { readdirSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import type { WsgiTarget } from "./config.ts";
import { nearest } from "./nearest.ts";
import { isDirectory, isFile, requireFound, requireReadable } from "./paths.ts";
import type { Place } from "./place.ts";

/** PEP 3333 servers agree on this name; Django's startproject writes it. */
const DEFAULT_CALLABLE = "application";

const EXPECTED = 'should be "module:callable" or "path/file.py:callable"';

/** Letters of any script: Python identifiers are not ASCII only. */
const DOTTED_NAME = /^[\p{L}_][\p{L}\p{N}_]*(\.[\p{L}_][\p{L}\p{N}_]*)*$/u;

/** `search`: directories in which modules may be, `root` first. Undefined after reporting why not. */
export function readWsgi(place: Place, written: string, search: readonly string[]): WsgiTarget | undefined {
  const colon = written.lastIndexOf(":");
  const target = colon === -1 ? written : written.slice(0, colon);
  const callable = colon === -1 ? DEFAULT_CALLABLE : written.slice(colon + 1);
  if (!DOTTED_NAME.test(callable)) {
    const what = `names the callable ${JSON.stringify(callable)}`;
    return void place.wrong({ what, should: "should be a name, such as application; a call is not one" });
  }
  const isPath = target.includes("/") || target.endsWith(".py");
  return isPath ? readFile(place, target, callable, search) : readModule(place, target, callable, search);
}

function readFile(place: Place, target: string, callable: string, search: readonly string[]): WsgiTarget | undefined {
  const [root = "/"] = search;
  const file = resolve(root, target);
  const found = requireFound(place, file, "a Python file; a relative one is looked for below root");
  if (found === undefined) return undefined;
  if (found.isDirectory()) {
    return void place.wrong({ what: `names ${file}, which is a directory`, should: EXPECTED });
  }
  return requireReadable(place, file) ? { kind: "file", file, callable } : undefined;
}

function readModule(place: Place, module: string, callable: string, search: readonly string[]): WsgiTarget | undefined {
  if (!DOTTED_NAME.test(module)) {
    return void place.wrong({ what: `names the module ${JSON.stringify(module)}`, should: EXPECTED });
  }
  if (search.some((folder) => hasModule(folder, module.split(".")))) return { kind: "module", module, callable };
  const [root = "/"] = search;
  const looked = join(root, ...module.split("."));
  const suggestion = nearestModule(root, module);
  const should = "should be a module that can be imported with root on sys.path";
  return void place.wrong({ what: `names ${module}, but there is no ${looked}.py`, should, suggestion });
}

/** Every part but the last is a package, with or without `__init__.py` (PEP 420). */
function hasModule(folder: string, parts: readonly string[]): boolean {
  const packages = join(folder, ...parts.slice(0, -1));
  const name = parts.at(-1) ?? "";
  if (isDirectory(join(packages, name)) || isFile(join(packages, `${name}.py`))) return true;
  return entries(packages).some((entry) => entry.startsWith(`${name}.`) && /\.(pyc|so)$/.test(entry));
}

function nearestModule(root: string, module: string): string | undefined {
  const name = module.split(".").at(-1) ?? "";
  const candidates = ["", ...entries(root).filter((entry) => isDirectory(join(root, entry)))].flatMap((folder) =>
    entries(join(root, folder))
      .filter((entry) => entry.endsWith(".py"))
      .map((entry) =>
        relative(root, join(root, folder, entry))
          .slice(0, -3)
          .replaceAll("/", "."),
      ),
  );
  const sameName = candidates.filter((candidate) => candidate.split(".").at(-1) === name);
  return nearest(module, candidates) ?? (sameName.length === 1 ? sameName[0] : undefined);
}

function entries(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
