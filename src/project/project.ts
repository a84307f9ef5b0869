/**
 * What is served: a Django project, another WSGI application, or a folder of files. Found by looking at files alone;
 * what only the project's own interpreter knows is settings.ts's business.
 */
import { basename, dirname, join, relative } from "node:path";
import type { Files } from "../machine/surroundings.ts";
import { findCallables, type FoundCallable } from "./callables.ts";
import { foldersBelow } from "./folders.ts";

export interface DjangoProject {
  readonly kind: "django";
  /** Where manage.py stands. */
  readonly root: string;
  readonly name: string;
  /** Those that wsgi.py, asgi.py and manage.py name, most decisive first; empty when all of them compute it. */
  readonly settings: readonly NamedSettings[];
  /** Modules such as `mysite.wsgi`, the one beside the settings first. */
  readonly wsgi: readonly string[];
  readonly asgi: readonly string[];
}

export interface NamedSettings {
  readonly module: string;
  /** Relative to the root. */
  readonly by: string;
}

export interface WsgiProject {
  readonly kind: "wsgi";
  readonly root: string;
  readonly name: string;
  /** The likeliest first; at least one. */
  readonly callables: readonly FoundCallable[];
}

export interface StaticProject {
  readonly kind: "static";
  /** The folder whose files are served. */
  readonly root: string;
  readonly name: string;
}

export type Project = DjangoProject | WsgiProject | StaticProject;

/** manage.py may stand in a folder of a repository of several. */
const DEPTH = 3;
/** Who is in the folder of the settings means the project above. */
const LEVELS_UP = 3;

/** Where builders of static sites put what they made, most usual first; the folder itself comes before. */
const SITE_FOLDERS = ["public", "dist", "build", "_site", "site", "out", "www", "htdocs", "html"];

/** Names of a folder of settings that say nothing about the project. */
const GENERIC = /^(config|conf|core|project|settings|src|app|backend|server|web|django|main|api|site)$/;

/** All that there is in and below `folder`, the likeliest first. Django projects above it count when there is none here. */
export function findProjects(files: Files, folder: string): Project[] {
  const django = findDjango(files, folder);
  if (django.length > 0) return django;
  const callables = findCallables(files, folder);
  const [first] = callables;
  const wsgi: Project[] = first === undefined ? [] : [{ kind: "wsgi", root: folder, name: nameOf(folder), callables }];
  return [...wsgi, ...findStatic(files, folder)];
}

function findDjango(files: Files, folder: string): DjangoProject[] {
  const isRoot = (each: string) => looksLikeManage(files.read(join(each, "manage.py")));
  if (isRoot(folder)) return [describeDjango(files, folder)];
  const below = foldersBelow(files, folder, DEPTH).filter(isRoot);
  if (below.length > 0) return below.map((root) => describeDjango(files, root));
  let above = folder;
  for (let level = 0; level < LEVELS_UP && dirname(above) !== above; level++) {
    above = dirname(above);
    if (isRoot(above)) return [describeDjango(files, above)];
  }
  return [];
}

/** Flask-Script had a manage.py too. */
function looksLikeManage(text: string | undefined): boolean {
  return text !== undefined && /\bdjango\b|DJANGO_SETTINGS_MODULE|execute_from_command_line/.test(text);
}

function describeDjango(files: Files, root: string): DjangoProject {
  const folders = foldersBelow(files, root, DEPTH);
  const wsgi = modulesNamed(files, root, folders, "wsgi.py", /get_wsgi_application|application\s*=/);
  const asgi = modulesNamed(files, root, folders, "asgi.py", /get_asgi_application|ProtocolTypeRouter|application\s*=/);
  const settings = namedSettings(files, root, [...wsgi, ...asgi]);
  return { kind: "django", root, name: projectName(root, settings[0]?.module ?? wsgi[0]), settings, wsgi, asgi };
}

function modulesNamed(
  files: Files,
  root: string,
  folders: readonly string[],
  name: string,
  mark: RegExp,
): readonly string[] {
  const paths = folders.map((folder) => join(folder, name)).filter((path) => mark.test(files.read(path) ?? ""));
  return paths.map((path) => moduleOf(root, path)).filter((module) => module !== undefined);
}

/** `mysite/wsgi.py` → `mysite.wsgi`; undefined when a folder on the way cannot be a package. */
export function moduleOf(root: string, path: string): string | undefined {
  const parts = relative(root, path).replace(/\.py$/, "").split("/");
  return parts.every((part) => /^[\p{L}_][\p{L}\p{N}_]*$/u.test(part)) ? parts.join(".") : undefined;
}

const SETTINGS = /DJANGO_SETTINGS_MODULE["']\s*(?:,|\]\s*=)\s*["']([\w.]+)["']/g;

/** wsgi.py comes first: its word is what counts when the site is served. */
function namedSettings(files: Files, root: string, modules: readonly string[]): NamedSettings[] {
  const paths = [...modules.map((module) => `${module.replaceAll(".", "/")}.py`), "manage.py"];
  const found = paths.flatMap((by) => {
    const text = (files.read(join(root, by)) ?? "").replace(/^\s*#.*$/gm, "");
    return [...text.matchAll(SETTINGS)].map(([, module = ""]) => ({ module, by }));
  });
  return found.filter(({ module }, i) => found.findIndex((other) => other.module === module) === i);
}

function projectName(root: string, module: string | undefined): string {
  const [first] = module?.split(".") ?? [];
  if (first !== undefined && !GENERIC.test(first)) return first;
  // `shop/src/manage.py`: the folder of the code says nothing either.
  return nameOf(GENERIC.test(basename(root)) && dirname(root) !== "/" ? dirname(root) : root);
}

/** What a name in server.toml may be of. */
function nameOf(folder: string): string {
  const name = basename(folder)
    .normalize("NFKD")
    .replace(/\p{M}+/gu, "")
    .replace(/[^A-Za-z0-9_.-]+/g, "-")
    .replace(/^[^A-Za-z0-9]+/, "");
  return name === "" ? "site" : name.slice(0, 64);
}

function findStatic(files: Files, folder: string): StaticProject[] {
  const hasIndex = (each: string) => /^index\.html?$/m.test(files.list(each).join("\n"));
  const folders = [folder, ...SITE_FOLDERS.map((name) => join(folder, name))].filter(hasIndex);
  return folders.map((root) => ({ kind: "static", root, name: nameOf(folder) }));
}
