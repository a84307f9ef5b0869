/**
 * Checks of paths that the file names: that they are there, are of the right sort, and that the user who runs this may
 * do with them what serving needs. Each says what it found at the place where the path is written.
 */
import { accessSync, constants, type Stats, statSync } from "node:fs";
import { dirname } from "node:path";
import type { Place } from "./place.ts";
import { findUser } from "./users.ts";

/** What is at `path`; undefined after reporting that nothing is, or that it cannot be looked at. */
export function requireFound(place: Place, path: string, expected: string): Stats | undefined {
  try {
    return statSync(path);
  } catch (error) {
    place.wrong({ what: `names ${path}, ${failureOf(error)}`, should: `should be ${expected}` });
    return undefined;
  }
}

/** A directory whose files can be opened. */
export function requireDirectory(place: Place, path: string, expected = "an existing directory"): boolean {
  const found = requireFound(place, path, expected);
  if (found === undefined) return false;
  if (!found.isDirectory()) {
    place.wrong({ what: `names ${path}, which is not a directory`, should: `should be ${expected}` });
    return false;
  }
  return requireAccess(place, path, constants.R_OK | constants.X_OK, "readable");
}

export function requireReadable(place: Place, path: string): boolean {
  return requireAccess(place, path, constants.R_OK, "readable");
}

export function requireWritableDirectory(place: Place, path: string): boolean {
  return requireDirectory(place, path) && requireAccess(place, path, constants.W_OK | constants.X_OK, "writable");
}

/** A file that can be appended to, or made. */
export function requireAppendable(place: Place, path: string): void {
  let found: Stats | undefined;
  try {
    found = statSync(path, { throwIfNoEntry: false });
  } catch (error) {
    return place.wrong({ what: `names ${path}, ${failureOf(error)}`, should: "should be a file" });
  }
  if (found === undefined) return void requireWritableParent(place, path);
  if (found.isDirectory()) {
    return place.wrong({ what: `names ${path}, which is a directory`, should: "should be a file" });
  }
  requireAccess(place, path, constants.W_OK, "writable");
}

/** The directory in which a file or socket is to be made. */
export function requireWritableParent(place: Place, path: string): boolean {
  return requireWritableDirectory(place, dirname(path));
}

function requireAccess(place: Place, path: string, mode: number, word: string): boolean {
  try {
    accessSync(path, mode);
    return true;
  } catch {
    place.wrong({ what: `names ${path}, which user ${userName()} cannot use`, should: `should be ${word}` });
    return false;
  }
}

export function isExecutableFile(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

export function isDirectory(path: string): boolean {
  return kindOf(path) === "directory";
}

export function isFile(path: string): boolean {
  return kindOf(path) === "file";
}

function kindOf(path: string): "directory" | "file" | undefined {
  try {
    return statSync(path).isDirectory() ? "directory" : "file";
  } catch {
    return undefined;
  }
}

/** `which does not exist`, for a failed stat or read. */
export function failureOf(error: unknown): string {
  const { code } = error as { code?: string };
  switch (code) {
    case "ENOENT":
      return "which does not exist";
    case "ENOTDIR":
      return "which lies below something that is not a directory";
    case "EACCES":
      return `which user ${userName()} may not reach`;
    case "EISDIR":
      return "which is a directory";
    default:
      return `which cannot be read (${code ?? String(error)})`;
  }
}

function userName(): string {
  const uid = String(process.getuid?.() ?? "?");
  return findUser(uid)?.name ?? uid;
}
