/**
 * Opening what a request names, safely: open first, then judge the descriptor, so that nothing can be swapped between
 * the check and the use (no TOCTOU). O_NONBLOCK keeps a FIFO from blocking the thread; only regular files are served;
 * a symbolic link may lead anywhere inside the root, and out of it nowhere (nginx's disable_symlinks is off by default:
 * there a link may lead anywhere).
 *
 * Where an opened file really is says /proc/self/fd (proc(5)): the kernel's own, canonical name of it.
 */
import { type BigIntStats, closeSync, constants, fstatSync, openSync, readlinkSync } from "node:fs";
import type { Log } from "../base/log.ts";

const O_CLOEXEC = 0o2000000;
const OPEN_FLAGS = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY | O_CLOEXEC;

export type Opened =
  /** The descriptor is the caller's to close. */
  | { readonly kind: "file"; readonly fd: number; readonly stats: BigIntStats }
  | { readonly kind: "directory" }
  | { readonly kind: "refused"; readonly status: 403 | 404 | 500 | 503 };

const DIRECTORY: Opened = { kind: "directory" };
const NOT_FOUND: Opened = { kind: "refused", status: 404 };

/** Opens files below one directory, or one configured file. Paths are latin-1 strings of bytes. */
export class Opener {
  private readonly root: string;
  private readonly confined: boolean;
  private readonly log: Log;
  /** Canonical, with a closing slash; "" before it was asked for. */
  private realRoot = "";

  /** `confined`: what is opened must lie below the root; a single file that the configuration names need not. */
  constructor(root: string, confined: boolean, log: Log) {
    this.root = root;
    this.confined = confined;
    this.log = log;
  }

  /** `rest` is "" or begins with `/`. Never throws. */
  open(rest: string): Opened {
    const path = this.root + rest;
    let fd: number;
    try {
      fd = openSync(Buffer.from(path === "" ? "/" : path, "latin1"), OPEN_FLAGS);
    } catch (error) {
      return this.refuse(path, error);
    }
    try {
      return this.judge(fd, path);
    } catch (error) {
      closeSync(fd);
      return this.refuse(path, error);
    }
  }

  private judge(fd: number, path: string): Opened {
    const stats = fstatSync(fd, { bigint: true });
    if (this.confined && !this.isInside(fd)) {
      this.log.warn(`${show(path)} leads out of ${show(this.root)} through a symbolic link: answered 404`);
      closeSync(fd);
      return NOT_FOUND;
    }
    if (stats.isFile()) return { kind: "file", fd, stats };
    closeSync(fd);
    return stats.isDirectory() ? DIRECTORY : NOT_FOUND;
  }

  /** The root may itself be a link that a deployment has moved to the next release: asked again before refusing. */
  private isInside(fd: number): boolean {
    const place = `${realPath(fd)}/`;
    if (this.realRoot !== "" && place.startsWith(this.realRoot)) return true;
    this.realRoot = this.findRealRoot();
    return place.startsWith(this.realRoot);
  }

  private findRealRoot(): string {
    const path = this.root === "" ? "/" : this.root;
    const fd = openSync(Buffer.from(path, "latin1"), OPEN_FLAGS | constants.O_DIRECTORY);
    try {
      const real = realPath(fd);
      return real === "/" ? "/" : `${real}/`;
    } finally {
      closeSync(fd);
    }
  }

  private refuse(path: string, error: unknown): Opened {
    const code = (error as { code?: string }).code ?? "";
    const status = statusOf(code);
    if (status === 403) this.log.warn(`${show(path)}: ${code}: answered 403`);
    if (status >= 500) this.log.error(`${show(path)}: ${(error as Error).message}: answered ${status}`);
    return status === 404 ? NOT_FOUND : { kind: "refused", status };
  }
}

function realPath(fd: number): string {
  return readlinkSync(`/proc/self/fd/${fd}`, "latin1");
}

/** For people: names are nearly always UTF-8, and a line feed in one must not end the line of the log. */
function show(path: string): string {
  return JSON.stringify(Buffer.from(path, "latin1").toString("utf8"));
}

function statusOf(code: string): 403 | 404 | 500 | 503 {
  switch (code) {
    case "ENOENT":
    case "ENOTDIR":
    case "ENAMETOOLONG":
    case "ELOOP":
    // a unix socket, a device without a driver, a dead network mount's file
    case "ENXIO":
    case "ENODEV":
    case "ESTALE":
      return 404;
    case "EACCES":
    case "EPERM":
      return 403;
    case "EMFILE":
    case "ENFILE":
    case "ENOMEM":
      return 503;
    default:
      return 500;
  }
}
