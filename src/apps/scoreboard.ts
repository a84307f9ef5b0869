/**
 * The scoreboard of an app: shared memory with one slot per Python thread, written by the workers, read by the master
 * and, for deadlines, by the front threads.
 * A thread receives its request straight into its slot, so the id of a request is here the moment the kernel hands it
 * over: it is known which requests died with a worker, whatever killed it. All numbers are little-endian.
 *
 *     0      u32 pid           of the worker that owns the slot
 *     8      f64 since         CLOCK_MONOTONIC seconds: begin of the request at hand or, when idle, of the last one
 *     16     u64 handled       requests, by this worker's thread
 *     64     the request frame (frames.ts): u32 id at 64, 0 when idle, u8 front at 68
 */
import { closeSync, writeSync } from "node:fs";
import { openSharedMemory, type SharedMemory } from "../os/shared-memory.ts";
import { REQUEST_FRAME_BYTES_MAX } from "./frames.ts";

export const FRAME_OFFSET = 64;
/** A whole number of pages of 4 KiB. */
export const SLOT_BYTES = REQUEST_FRAME_BYTES_MAX + 4096;

const MEMORY_DIRECTORY = "/dev/shm";

/** A request that a thread has taken and not finished. */
export interface Running {
  readonly front: number;
  readonly id: number;
}

export interface SlotStatus {
  readonly pid: number;
  /** The request at hand, undefined when idle. */
  readonly running: Running | undefined;
  /** CLOCK_MONOTONIC, milliseconds. */
  readonly sinceMs: number;
  readonly handled: number;
}

export class Scoreboard {
  readonly fd: number;
  private readonly memory: SharedMemory;
  private readonly view: DataView;

  /** Throws OsError-like errors of the file system when there is no room for it. */
  constructor(slots: number, temporaryDirectory: string) {
    this.memory = open(slots * SLOT_BYTES, temporaryDirectory);
    this.fd = this.memory.fd;
    const { bytes } = this.memory;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  read(slot: number): SlotStatus {
    const at = slot * SLOT_BYTES;
    const { view } = this;
    return {
      pid: view.getUint32(at, true),
      running: this.running(slot),
      sinceMs: view.getFloat64(at + 8, true) * 1000,
      handled: Number(view.getBigUint64(at + 16, true)),
    };
  }

  running(slot: number): Running | undefined {
    const at = slot * SLOT_BYTES + FRAME_OFFSET;
    const id = this.view.getUint32(at, true);
    return id === 0 ? undefined : { id, front: this.view.getUint8(at + 4) };
  }

  /** Requests answered by the threads of `slots`. */
  handled(slots: readonly number[]): number {
    return slots.reduce((sum, slot) => sum + this.read(slot).handled, 0);
  }

  /** For the successor of a worker that died. */
  clear(slot: number): void {
    const at = slot * SLOT_BYTES;
    this.memory.bytes.fill(0, at, at + FRAME_OFFSET + 8);
  }

  close(): void {
    this.memory.close();
  }
}

/** The ids that are being run, as a front thread sees them. */
export class ScoreboardView {
  private readonly view: DataView;

  /** Maps the scoreboard and closes `fd`. Throws when that cannot be done. */
  constructor(fd: number) {
    try {
      const bytes = Bun.mmap(`/proc/self/fd/${fd}`, { shared: true });
      this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    } finally {
      closeSync(fd);
    }
  }

  /** Every id that some thread has taken and not finished, of whichever front. */
  running(): Set<number> {
    const ids = new Set<number>();
    for (let at = FRAME_OFFSET; at < this.view.byteLength; at += SLOT_BYTES) ids.add(this.view.getUint32(at, true));
    return ids;
  }
}

function open(size: number, temporaryDirectory: string): SharedMemory {
  try {
    return reserve(openSharedMemory(size, MEMORY_DIRECTORY), size);
  } catch {
    return reserve(openSharedMemory(size, temporaryDirectory), size);
  }
}

/** Writes every page once: a file system without room says so here, instead of killing a worker with SIGBUS later. */
function reserve(memory: SharedMemory, size: number): SharedMemory {
  const zeroes = Buffer.alloc(SLOT_BYTES);
  try {
    for (let at = 0; at < size; at += SLOT_BYTES) {
      if (writeSync(memory.fd, zeroes, 0, SLOT_BYTES, at) !== SLOT_BYTES) throw new Error("no room for shared memory");
    }
    return memory;
  } catch (error) {
    closeSync(memory.fd);
    throw error;
  }
}
