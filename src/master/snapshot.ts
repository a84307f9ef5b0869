/**
 * What files look like at one moment, and which of them differ at another: a project's sources (reload_on_change) or single
 * files (touch_reload). Reads directories and states, never contents. When it is looked: watch.ts.
 */
import { existsSync, readdirSync, statSync } from "node:fs";
import { extname, join } from "node:path";

/** Path → what tells one state of a file from another. */
export type Snapshot = ReadonlyMap<string, string>;

/** What a Python process reads once and keeps: sources, compiled modules, translations, and templates, which Django caches. */
const SUFFIXES = new Set([".py", ".so", ".mo", ".html", ".htm", ".jinja", ".jinja2", ".j2", ".env"]);
/** Besides everything that begins with a dot. */
const IGNORED_FOLDERS = new Set(["__pycache__", "node_modules", "site-packages"]);
/** In a virtualenv. */
const VIRTUALENV_MARK = "pyvenv.cfg";

/** No project has so many; what has is a folder that was not meant, such as `/`. */
const FILES_MAX = 50_000;
const DEPTH_MAX = 40;

/** The state of single files; those that are not there have one too. */
export function snapshotFiles(paths: readonly string[]): Snapshot {
  return new Map(paths.map((path) => [path, stateOf(path) ?? "absent"]));
}

/** The state of all sources below `folders`, virtualenvs, caches and hidden folders left out. */
export function snapshotTrees(folders: readonly string[]): Snapshot {
  const found = new Map<string, string>();
  const seen = new Set<string>();
  for (const folder of folders) collect(folder, 0, found, seen);
  return found;
}

/** `seen`: folders by device and inode, since symbolic links may lead in circles. */
function collect(folder: string, depth: number, found: Map<string, string>, seen: Set<string>): void {
  const identity = folderIdentity(folder);
  if (identity === undefined || seen.has(identity) || depth > DEPTH_MAX) return;
  seen.add(identity);
  if (depth > 0 && existsSync(join(folder, VIRTUALENV_MARK))) return;
  for (const entry of entriesOf(folder)) {
    if (found.size >= FILES_MAX) return;
    const path = join(folder, entry.name);
    if (SUFFIXES.has(extname(entry.name)) || entry.name === ".env") add(path, found);
    else if (isFolder(entry) && !isIgnored(entry.name)) collect(path, depth + 1, found, seen);
  }
}

type Entry = ReturnType<typeof entriesOf>[number];

function entriesOf(folder: string) {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch {
    // it was removed meanwhile, or is none of ours
    return [];
  }
}

/** What a link leads to shows when it is entered. */
function isFolder(entry: Entry): boolean {
  return entry.isDirectory() || entry.isSymbolicLink();
}

function isIgnored(name: string): boolean {
  return name.startsWith(".") || IGNORED_FOLDERS.has(name);
}

function folderIdentity(path: string): string | undefined {
  const found = statOf(path);
  return found?.isDirectory() === true ? `${found.dev}:${found.ino}` : undefined;
}

function add(path: string, found: Map<string, string>): void {
  const state = stateOf(path);
  if (state !== undefined) found.set(path, state);
}

function stateOf(path: string): string | undefined {
  const found = statOf(path);
  return found === undefined ? undefined : `${found.ino} ${found.mtimeMs} ${found.size}`;
}

function statOf(path: string) {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {
    // ELOOP, EACCES
    return undefined;
  }
}

/** The first path that was changed, made or removed; undefined when all is as it was. */
export function firstChange(before: Snapshot, after: Snapshot): string | undefined {
  for (const [path, state] of after) if (before.get(path) !== state) return path;
  for (const path of before.keys()) if (!after.has(path)) return path;
  return undefined;
}
