/**
 * What all spools of a front may hold together, bodies and replies alike: bytes in memory and bytes in temporary files.
 * nginx bounds only the single request (client_body_buffer_size, proxy_buffers, proxy_max_temp_file_size), so that a
 * thousand slow clients are a thousand times that.
 *
 * Memory that is refused goes to a file at once; file space that is refused is 507 for a body, and for a reply the source
 * waits (back-pressure). What must be kept all the same (bytes that came before the source heard of it) is `forced`.
 */

/** Memory of all spools of the server. Four hundred slow clients with full replies of REPLY_MEMORY_BYTES_MAX. */
export const SPOOL_MEMORY_BYTES_MAX = 128 * 1024 * 1024;

/** Temporary files of all spools of the server. A hundred uploads of the largest size that sites take by default. */
export const SPOOL_DISK_BYTES_MAX = 10 * 1024 * 1024 * 1024;

export type SpoolResource = "memory" | "disk";

export interface SpoolBounds {
  readonly memoryBytesMax: number;
  readonly diskBytesMax: number;
}

export interface SpoolBudgetOptions extends SpoolBounds {
  /** Told each time that something was refused. */
  readonly refused: (what: SpoolResource) => void;
}

export class SpoolBudget {
  memoryBytes = 0;
  diskBytes = 0;
  private readonly refused: SpoolBudgetOptions["refused"];
  private bounds: SpoolBounds;

  constructor({ refused, ...bounds }: SpoolBudgetOptions) {
    this.refused = refused;
    this.bounds = bounds;
  }

  /** From now on; what is held stays held. */
  setBounds(bounds: SpoolBounds): void {
    this.bounds = bounds;
  }

  /** False: there is not so much left, and nothing was taken. */
  takeMemory(bytes: number): boolean {
    if (this.memoryBytes + bytes > this.bounds.memoryBytesMax) return this.refuse("memory");
    this.memoryBytes += bytes;
    return true;
  }

  /** Memory that is held already, whatever the bound says. */
  forceMemory(bytes: number): void {
    this.memoryBytes += bytes;
  }

  giveMemory(bytes: number): void {
    this.memoryBytes -= bytes;
  }

  takeDisk(bytes: number): boolean {
    if (this.diskBytes + bytes > this.bounds.diskBytesMax) return this.refuse("disk");
    this.diskBytes += bytes;
    return true;
  }

  giveDisk(bytes: number): void {
    this.diskBytes -= bytes;
  }

  private refuse(what: SpoolResource): false {
    this.refused(what);
    return false;
  }
}

/** For spools that nobody bounds together: tests of one. */
export function unboundedBudget(): SpoolBudget {
  return new SpoolBudget({ memoryBytesMax: Infinity, diskBytesMax: Infinity, refused: () => {} });
}
