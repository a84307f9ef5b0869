/**
 * Opening what a request names, safely: nothing can be swapped between the check and the use (no TOCTOU), because the
 * kernel checks while it opens (os/open-beneath.ts), or what was opened is judged, never its name. O_NONBLOCK keeps a FIFO
 * from blocking the thread; only regular files are served.
 *
 *   inside   a link may lead anywhere below the root, and out of it nowhere (nginx: disable_symlinks off: anywhere)
 *   deny     no link below the root is followed (nginx: disable_symlinks on from=root)
 *   follow   links lead where they lead
 *
 * openat2 refuses every absolute link, so where one was met (EXDEV), and on kernels without openat2, the place is taken
 * hold of without opening anything (O_PATH), /proc/self/fd says where it really is, and it is opened through that. The
 * root itself may be a link: that of a deployment, which moves it (root.ts).
 */
import { readlinkSync } from "node:fs";
import { getSystemErrorName } from "node:util";
import { monotonicMs } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import { entriesBeside, type FileStat, isUnchanged, statEntry, statOf } from "../os/file-stat.ts";
import { HAS_OPENAT2, openBeneath, openDirectoryBeneath, openPlace, openToRead } from "../os/open-beneath.ts";
import { closeDescriptor } from "../os/sockets.ts";
import { Root } from "./root.ts";
import { walkBeneath } from "./walk.ts";

export const LINK_POLICIES = ["inside", "follow", "deny"] as const;
export type LinkPolicy = (typeof LINK_POLICIES)[number];
export const DEFAULT_LINK_POLICY: LinkPolicy = "inside";

export type Opened =
  /** The descriptor is the caller's to close. */
  | { readonly kind: "file"; readonly fd: number; readonly stats: FileStat }
  | { readonly kind: "directory" }
  | { readonly kind: "refused"; readonly status: 403 | 404 | 500 | 503 };

export type OpenedFile = Extract<Opened, { kind: "file" }>;

const DIRECTORY: Opened = { kind: "directory" };
const NOT_FOUND: Opened = { kind: "refused", status: 404 };

const EXDEV = 18;
const ELOOP = 40;

export interface OpenerOptions {
  /** Latin-1 string of bytes, without a closing slash: "" is the whole disk. */
  readonly root: string;
  readonly links: LinkPolicy;
  readonly log: Log;
  /** How long the root is believed to be where it is while requests come thick; default: not at all. See root.ts. */
  readonly rootKeptMs?: number;
  /** For tests: as if the kernel had no openat2. */
  readonly kernelResolves?: boolean;
}

/** Opens files below one directory, or one configured file. Paths are latin-1 strings of bytes. */
export class Opener {
  private readonly root: string;
  private readonly links: LinkPolicy;
  private readonly log: Log;
  private readonly kernelResolves: boolean;
  private readonly directory: Root;
  private readonly openDirectoryOfName = (directory: number, name: string) =>
    openDirectoryBeneath(directory, name, this.links === "deny" ? "deny" : "inside");

  constructor({ root, links, log, rootKeptMs = 0, kernelResolves = HAS_OPENAT2 }: OpenerOptions) {
    this.root = root === "" ? "/" : root;
    this.directory = new Root(this.root, rootKeptMs);
    this.links = links;
    this.log = log;
    this.kernelResolves = kernelResolves;
  }

  /** `rest` is "" or begins with `/`. Never throws. */
  open(rest: string): Opened {
    const fd = this.openFor(rest);
    return fd >= 0 ? this.judge(fd, rest) : this.refuse(rest, -fd);
  }

  /** Does the name lead to the file that had these stats, as it was? Told by one look at its directory while requests come thick
   *  (root.ts); false where that does not tell, and the file is to be opened. */
  isStill(rest: string, stats: FileStat): boolean {
    if (this.links === "follow" || !this.kernelResolves) return false;
    const slash = rest.lastIndexOf("/");
    const directory = this.directory.below(slash < 1 ? "." : rest.slice(1, slash), this.openDirectoryOfName);
    const found = directory < 0 ? undefined : statEntry(directory, rest.slice(slash + 1));
    return found !== undefined && isUnchanged(stats, found);
  }

  /** With which of these extensions behind the name there is something. It is not opened, so nothing of it was checked, and it need be
   *  no file: this tells what is worth opening. */
  present<T extends string>(rest: string, extensions: Readonly<Record<T, string>>, asked: readonly T[]): readonly T[] {
    return entriesBeside(this.pathOf(rest), extensions, asked);
  }

  /** Since when what was opened last is known to be where it was; base/clock monotonicMs. */
  get seenMs(): number {
    return this.directory.seenMs;
  }

  /** A descriptor of the directory, to read its entries, or undefined. The caller closes it. */
  openDirectory(rest: string): number | undefined {
    const fd = this.openFor(rest);
    if (fd < 0) return void this.refuse(rest, -fd);
    if (statOf(fd).kind === "directory") return fd;
    closeDescriptor(fd);
    return undefined;
  }

  private openFor(rest: string): number {
    if (this.links === "follow") {
      this.directory.seenMs = monotonicMs();
      return openToRead(this.pathOf(rest));
    }
    const directory = this.directory.take();
    if (directory < 0) return directory;
    let fd = -EXDEV;
    try {
      fd = this.openBelow(directory, rest);
    } finally {
      this.directory.giveBack(directory);
    }
    return fd < 0 && this.directory.renew() ? this.openFor(rest) : fd;
  }

  private openBelow(directory: number, rest: string): number {
    const links = this.links === "deny" ? "deny" : "inside";
    const isRoot = rest.length < 2;
    if (!this.kernelResolves)
      return links === "inside"
        ? this.openJudged(directory, rest)
        : walkBeneath(directory, isRoot ? "." : rest.slice(1));
    // From behind its slash on: a slice would be a string of its own.
    const fd = isRoot ? openBeneath(directory, ".", links) : openBeneath(directory, rest, links, 1);
    return fd === -EXDEV && links === "inside" ? this.openJudged(directory, rest) : fd;
  }

  /** Takes hold of the place, asks where it is, and opens that very place. */
  private openJudged(directory: number, rest: string): number {
    const place = openPlace(this.pathOf(rest));
    if (place < 0) return place;
    try {
      if (!isBelow(placeOf(place), placeOf(directory))) return -EXDEV;
      // A socket, FIFO or device is never opened, and answers as if it were not there.
      return statOf(place).kind === "other" ? -ENXIO : openToRead(`/proc/self/fd/${place}`);
    } finally {
      closeDescriptor(place);
    }
  }

  private judge(fd: number, rest: string): Opened {
    const stats = statOf(fd);
    if (stats.kind === "file") return { kind: "file", fd, stats };
    closeDescriptor(fd);
    return stats.kind === "directory" ? DIRECTORY : this.refuse(rest, ENXIO);
  }

  private refuse(rest: string, code: number): Opened {
    const status = statusOf(code);
    const path = () => show(this.pathOf(rest));
    if (code === EXDEV) {
      this.log.warn(`${path()} leads out of ${show(this.root)} through a symbolic link: answered 404`);
    } else if (code === ELOOP && this.links === "deny") {
      this.log.warn(`${path()} is reached through a symbolic link, and symlinks = "deny": answered 404`);
    } else if (status === 403) {
      this.log.warn(`${path()}: ${getSystemErrorName(-code)}: answered 403`);
    } else if (status >= 500) {
      this.log.error(`${path()}: ${getSystemErrorName(-code)}: answered ${status}`);
    }
    return status === 404 ? NOT_FOUND : { kind: "refused", status };
  }

  /** Where it is looked for. */
  pathOf(rest: string): string {
    return this.root === "/" ? rest || "/" : this.root + rest;
  }
}

/** Both canonical. */
function isBelow(path: string, root: string): boolean {
  if (path === "" || root === "") return false;
  return root === "/" || path === root || path.startsWith(`${root}/`);
}

/** The kernel's own, canonical name of an open file (proc(5)); "", which is below nothing, when it cannot be had. */
export function placeOf(fd: number): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`, "latin1");
  } catch {
    return "";
  }
}

/** For people: names are nearly always UTF-8, and a line feed in one must not end the line of the log. */
function show(path: string): string {
  return JSON.stringify(Buffer.from(path, "latin1").toString("utf8"));
}

const ENXIO = 6;

/** errno → status. Not there, for a client: ENOENT, ENOTDIR, ENAMETOOLONG, ELOOP; ENXIO, ENODEV (a unix socket, a device
 *  without a driver); ESTALE (a dead network mount's file); EXDEV (a way out). */
const NOT_THERE: ReadonlySet<number> = new Set([2, 20, 36, ELOOP, ENXIO, 19, 116, EXDEV]);
/** EPERM, EACCES */
const FORBIDDEN: ReadonlySet<number> = new Set([1, 13]);
/** ENOMEM, ENFILE, EMFILE, EAGAIN (directories are renamed all the time) */
const TRY_AGAIN: ReadonlySet<number> = new Set([12, 23, 24, 11]);

function statusOf(code: number): 403 | 404 | 500 | 503 {
  if (NOT_THERE.has(code)) return 404;
  if (FORBIDDEN.has(code)) return 403;
  return TRY_AGAIN.has(code) ? 503 : 500;
}
