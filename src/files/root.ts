/**
 * The directory that a handler serves, taken hold of (O_PATH) for each open below it. It may be a link that a deployment
 * moves, so it is looked up each time; while requests come thick, once in a moment: two of the five system calls that a
 * look at a file costs. What was found through it is as old as that look-up (`seenMs`), and is believed from then on; a
 * refusal through an old one is not believed at all (`renew`).
 *
 * While it is kept, so are directories below it that are asked for: to look at a file's name in its directory is one system call.
 *
 * A descriptor that nobody uses would keep an unmounted disk busy, so a timer closes it: one for all opens of its moment.
 */
import { monotonicMs } from "../base/clock.ts";
import { openPlaceDirectory } from "../os/open-beneath.ts";
import { closeDescriptor } from "../os/sockets.ts";

/** Long enough for hundreds of opens, too short for anybody to see. */
const KEPT_MS = 20;

/** How long a root may be kept where files are believed for so long: never as long as they. */
export function rootKeptMs(revalidateMs: number): number {
  return Math.min(KEPT_MS, revalidateMs / 4);
}

/** Directories below that are kept: sites have a few. */
const BELOW_MAX = 64;

export class Root {
  /** When the directory that `take` gave last was looked up; base/clock monotonicMs. */
  seenMs = -Infinity;
  private readonly path: string;
  private readonly keptMs: number;
  /** -1: none is kept. */
  private kept = -1;
  /** Was it looked up by the last `take`? */
  private isNew = false;
  private closing = false;
  /** By their paths below the kept one. */
  private readonly directories = new Map<string, number>();

  constructor(path: string, keptMs: number) {
    this.path = path;
    this.keptMs = keptMs;
  }

  /** A descriptor to be given back, or -errno. */
  take(): number {
    const nowMs = monotonicMs();
    const isRecent = nowMs - this.seenMs < this.keptMs;
    this.isNew = !isRecent || this.kept < 0;
    if (!this.isNew) return this.kept;
    this.drop();
    this.seenMs = nowMs;
    const fd = openPlaceDirectory(this.path);
    if (isRecent && fd >= 0) this.keep(fd);
    return fd;
  }

  giveBack(fd: number): void {
    if (fd >= 0 && fd !== this.kept) closeDescriptor(fd);
  }

  /** The directory `name` below the one that is kept, opened by `open` if need be: it stays this object's, until the end of the moment.
   *  -1 when none is kept, or there is none. */
  below(name: string, open: (directory: number, name: string) => number): number {
    if (this.kept < 0 || monotonicMs() - this.seenMs >= this.keptMs) return -1;
    const known = this.directories.get(name);
    if (known !== undefined) return known;
    if (this.directories.size === BELOW_MAX) return -1;
    const fd = open(this.kept, name);
    if (fd < 0) return -1;
    this.directories.set(name, fd);
    return fd;
  }

  /** True when what was taken last had been kept: what it refuses is to be asked again of the next one. */
  renew(): boolean {
    if (this.isNew) return false;
    this.drop();
    this.seenMs = -Infinity;
    return true;
  }

  private keep(fd: number): void {
    this.kept = fd;
    if (this.closing) return;
    this.closing = true;
    setTimeout(close, this.keptMs, this).unref();
  }

  /** To be called by its timer. */
  closed(): void {
    this.closing = false;
    this.drop();
  }

  private drop(): void {
    if (this.kept >= 0) closeDescriptor(this.kept);
    this.kept = -1;
    for (const fd of this.directories.values()) closeDescriptor(fd);
    this.directories.clear();
  }
}

function close(root: Root): void {
  root.closed();
}
