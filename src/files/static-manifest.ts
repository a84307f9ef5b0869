/**
 * Which files of a directory have names that change with their content, so that they may be kept for ever: those that
 * Django's ManifestStaticFilesStorage made. It writes down which in `staticfiles.json`:
 *
 *   { "version": "1.1", "paths": { "css/site.css": "css/site.0123456789ab.css" }, "hash": "…" }        1.0 has no hash
 *
 * With that file there is no guessing, as with WhiteNoise: of the names that look like it only the listed ones count.
 * Without it (or while it cannot be read) the pattern decides: twelve hexadecimal digits between dots before the last
 * extension, of which one is a letter, since `report.202401311200.pdf` is a date; of true hashes 1 in 280 has no letter.
 */
import { statSync } from "node:fs";
import { monotonicMs } from "../base/clock.ts";
import { type Log, SILENT } from "../base/log.ts";
import { SmallFile } from "../exchange/small-file.ts";

export const MANIFEST_NAME = "staticfiles.json";

/** A hundred thousand files have about 16 MiB. */
export const MANIFEST_BYTES_MAX = 32 * 1024 * 1024;

/** Whether one has appeared is asked this often. */
const CHECK_INTERVAL_MS = 1000;

/** Twelve digits, and the dot before them. */
const HASH_AND_DOT = 13;
const HASHED = /\.(?=[0-9]*[a-f])[0-9a-f]{12}\.[^./]+$/;

export class StaticManifest {
  private readonly path: string;
  private readonly file: SmallFile<ReadonlySet<string>>;
  private isThere = false;
  private checkedMs = -Infinity;

  /** `directory`: absolute. */
  constructor(directory: string, log: Log = SILENT) {
    this.path = `${directory}/${MANIFEST_NAME}`;
    this.file = new SmallFile(this.path, MANIFEST_BYTES_MAX, readManifest, log);
  }

  /** `path` begins with `/`, below the directory; bytes as latin-1. */
  isHashed(path: string): boolean {
    const names = this.exists() ? this.file.get() : undefined;
    return names === undefined ? looksHashed(path) : names.has(path);
  }

  /** Most directories have none, which is no error worth a line in the log. */
  private exists(): boolean {
    const nowMs = monotonicMs();
    if (nowMs - this.checkedMs < CHECK_INTERVAL_MS) return this.isThere;
    this.checkedMs = nowMs;
    this.isThere = isFile(this.path);
    return this.isThere;
  }
}

/** Of most names it is told by one character that they do not. */
function looksHashed(path: string): boolean {
  return path.charCodeAt(path.lastIndexOf(".") - HASH_AND_DOT) === 0x2e && HASHED.test(path);
}

function isFile(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
  } catch {
    // a directory that cannot be entered serves no files either
    return false;
  }
}

/** Throws when it is not what Django writes. */
export function readManifest(bytes: Buffer): ReadonlySet<string> {
  const manifest: unknown = JSON.parse(bytes.toString("utf8"));
  if (!isObject(manifest) || !isObject(manifest["paths"])) throw new Error("it has no table of paths");
  const version = manifest["version"];
  if (version !== "1.0" && version !== "1.1")
    throw new Error(`its version is ${JSON.stringify(version)}, not 1.0 or 1.1`);
  const names = new Set<string>();
  for (const [name, hashed] of Object.entries(manifest["paths"])) {
    // A storage that leaves some files as they are lists them under their own names.
    if (typeof hashed !== "string" || hashed === name) continue;
    names.add(`/${Buffer.from(hashed, "utf8").latin1Slice()}`);
  }
  return names;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
