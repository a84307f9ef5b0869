/** The folders of a project that people have written, as opposed to those that tools fill. */
import { join } from "node:path";
import type { Files } from "../machine/surroundings.ts";

/** Filled by tools, large, and never the place of a project. */
const SKIPPED = /^(\..*|node_modules|__pycache__|site-packages|migrations|locale|bower_components|htmlcov)$/;

/** Of one search: a home directory with everything in it is not searched to the end. */
const FOLDERS_MAX = 2000;

/** Hidden folders, virtualenvs and what tools fill are left out. Breadth first, so that what is near comes first. */
export function foldersBelow(files: Files, top: string, depth: number): string[] {
  const found = [top];
  let level = [top];
  for (let deep = 0; deep < depth && found.length < FOLDERS_MAX; deep++) {
    level = level.flatMap((folder) => childrenOf(files, folder)).slice(0, FOLDERS_MAX - found.length);
    found.push(...level);
  }
  return found;
}

function childrenOf(files: Files, folder: string): string[] {
  const names = files.list(folder).filter((name) => !SKIPPED.test(name));
  const paths = names.map((name) => join(folder, name));
  return paths.filter((path) => files.kind(path) === "directory" && !isVirtualenv(files, path));
}

/** PEP 405. */
export function isVirtualenv(files: Files, folder: string): boolean {
  return files.kind(join(folder, "pyvenv.cfg")) === "file";
}
