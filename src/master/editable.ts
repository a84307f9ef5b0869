/**
 * Where modules are that were installed to be edited (`pip install -e`): outside of the project, and yet the project's own.
 * Two forms are in use: a .pth file with the folder in a line (site.html of Python's manual), and a finder whose MAPPING
 * names the folder of each package (setuptools). What is written otherwise is not watched.
 */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, isAbsolute, join } from "node:path";

/** No such file is larger; what is, is something else. */
const FILE_BYTES_MAX = 1024 * 1024;

/** `python`: an interpreter, that of a virtualenv by the path in it. */
export function editableFolders(python: string): string[] {
  const lib = join(dirname(dirname(python)), "lib");
  const libraries = names(lib).filter((name) => name.startsWith("python3"));
  return libraries.flatMap((name) => foldersIn(join(lib, name, "site-packages")));
}

function foldersIn(sitePackages: string): string[] {
  const files = names(sitePackages);
  const lines = files
    .filter((name) => name.endsWith(".pth"))
    .flatMap((name) => read(join(sitePackages, name)).split("\n"));
  const finders = files.filter((name) => /^__editable__.*_finder\.py$/.test(name));
  const mapped = finders.flatMap((name) => mappedFolders(read(join(sitePackages, name))));
  const folders = [...lines.map((line) => line.trim()), ...mapped].filter((path) => isAbsolute(path) && isFolder(path));
  return [...new Set(folders)];
}

/** `MAPPING: dict[str, str] = {'package': '/folder/package'}`, in one line as setuptools writes it. */
function mappedFolders(finder: string): string[] {
  const mapping = /^MAPPING\b[^=]*=\s*\{(.*)\}/m.exec(finder)?.[1] ?? "";
  return [...mapping.matchAll(/:\s*'((?:[^'\\]|\\.)*)'/g)].map(([, path = ""]) => path);
}

function names(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function read(path: string): string {
  try {
    return statSync(path).size > FILE_BYTES_MAX ? "" : readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}
