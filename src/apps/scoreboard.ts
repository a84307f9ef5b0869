/**
 * The scoreboard of an app: shared memory with one slot per Python thread, written by the workers, read by the master
 * and, for deadlines, by the front threads.
 * A thread receives its request straight into its slot, so the id of a request is here the moment the kernel hands it
 * over: it is known which requests died with a worker, whatever killed it. All numbers are little-endian.
 *
 *     0      u32 pid           of the worker that owns the slot
 *     4      u32 begun         id of the request that `since` is of; another than at 64: taken, and not begun yet
 *     8      f64 since         CLOCK_MONOTONIC seconds: begin of the request at hand or, when idle, of the last one
 *     16     u64 handled       requests, by this worker's thread
 *     24     f64 deadline      CLOCK_MONOTONIC seconds that the application has set for the request…
 *     32     u32 …with this id (uwsgi.set_user_harakiri)
 *     36     u32 worker        its number, from 1
 *     40     u64 thread        as Python's tracebacks name it
 *     48     u32 retracted     id of the request that its front has sent to another thread instead (retraction.ts)
 *     64     the request frame (frames.ts): u32 id at 64, 0 when idle, u8 front at 68
 *
 * Behind the frame of slot 0 the fronts say of which requests nobody waits any more, so that a thread which comes to one
 * leaves it: 1008 × u32, the id at the place (id + 37 × front) mod 1008. Two of one place overwrite each other, and the
 * one that is lost is run; two fronts never have the same id at the same place.
 */
import { closeSync, writeSync } from "node:fs";
import { openSharedMemory, type SharedMemory } from "../os/shared-memory.ts";
import { REQUEST_FRAME_BYTES_MAX, REQUEST_LIMIT_OFFSET } from "./frames.ts";

export const FRAME_OFFSET = 64;
/** A whole number of pages of 4 KiB. */
export const SLOT_BYTES = REQUEST_FRAME_BYTES_MAX + 4096;

export const MEMORY_DIRECTORY = "/dev/shm";

/** Where the ids of abandoned requests stand: behind the frame of slot 0, to its end. */
export const ABANDONED_OFFSET = FRAME_OFFSET + REQUEST_FRAME_BYTES_MAX;
const ABANDONED_PLACES = (SLOT_BYTES - ABANDONED_OFFSET) / 4;
const RETRACTED_OFFSET = 48;

/** A request that a thread has taken and not finished. */
export interface Running {
  readonly front: number;
  readonly id: number;
  /** CLOCK_MONOTONIC, milliseconds. Undefined: the thread has not come to it yet, as when another holds the GIL. */
  readonly begunMs: number | undefined;
  /** How long it may run; 0 for any time. */
  readonly limitMs: number;
  /** CLOCK_MONOTONIC, milliseconds: a deadline of the application's own. */
  readonly ownDeadlineMs: number | undefined;
}

/** As a front thread sees it. */
export interface SeenRunning extends Running {
  readonly slot: number;
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
    return readRunning(this.view, slot * SLOT_BYTES);
  }

  /** Its front has sent the request at hand to another thread. */
  isRetracted(slot: number): boolean {
    const at = slot * SLOT_BYTES;
    const id = this.view.getUint32(at + FRAME_OFFSET, true);
    return id !== 0 && this.view.getUint32(at + RETRACTED_OFFSET, true) === id;
  }

  /** The thread's number as Python's tracebacks show it, `00007f3a…` in hexadecimal digits without leading zeroes. */
  thread(slot: number): string {
    return this.view.getBigUint64(slot * SLOT_BYTES + 40, true).toString(16);
  }

  /** The frame that was received into the slot last. */
  frame(slot: number): Uint8Array {
    const at = slot * SLOT_BYTES;
    return this.memory.bytes.subarray(at + FRAME_OFFSET, at + SLOT_BYTES);
  }

  /** Requests answered by the threads of `slots`. */
  handled(slots: readonly number[]): number {
    return slots.reduce((sum, slot) => sum + this.read(slot).handled, 0);
  }

  /** Those, and the requests that are being run. */
  begun(slots: readonly number[]): number {
    return this.handled(slots) + slots.filter((slot) => this.running(slot)?.begunMs !== undefined).length;
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
  private readonly words: Int32Array;

  /** Maps the scoreboard and closes `fd`. Throws when that cannot be done. */
  constructor(fd: number) {
    try {
      const bytes = Bun.mmap(`/proc/self/fd/${fd}`, { shared: true });
      this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      this.words = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
    } finally {
      closeSync(fd);
    }
  }

  /** Nobody waits for this request of `front` any more; should a thread come to it, it says EXPIRED. */
  abandon(front: number, id: number): void {
    this.view.setUint32(abandonedAt(front, id), id, true);
  }

  /** An abandoned request is over: its id may come again. */
  forget(front: number, id: number): void {
    const at = abandonedAt(front, id);
    if (this.view.getUint32(at, true) === id) this.view.setUint32(at, 0, true);
  }

  /** By id: every request of `front` that some thread has taken and not finished. */
  running(front: number): Map<number, SeenRunning> {
    const found = new Map<number, SeenRunning>();
    for (let slot = 0; slot < this.slots; slot++) {
      const running = readRunning(this.view, slot * SLOT_BYTES);
      if (running?.front === front) found.set(running.id, { ...running, slot });
    }
    return found;
  }

  private get slots(): number {
    return this.view.byteLength / SLOT_BYTES;
  }

  /** Tells the thread of `slot` not to begin the request `id`. `before`: it had been told; `now`: it is told now; `gone`: it
   *  has another by now, of which somebody else may have spoken. */
  retract(slot: number, id: number): "before" | "now" | "gone" {
    const at = (slot * SLOT_BYTES + RETRACTED_OFFSET) / 4;
    const told = Atomics.load(this.words, at);
    if (told === (id | 0)) return "before";
    if (this.view.getUint32(slot * SLOT_BYTES + FRAME_OFFSET, true) !== id) return "gone";
    return Atomics.compareExchange(this.words, at, told, id | 0) === told ? "now" : "gone";
  }

  /** Has a process other than that of `slot` a thread without a request? */
  hasIdleBeside(slot: number): boolean {
    const own = this.view.getUint32(slot * SLOT_BYTES, true);
    for (let other = 0; other < this.slots; other++) {
      const pid = this.view.getUint32(other * SLOT_BYTES, true);
      if (pid !== 0 && pid !== own && this.view.getUint32(other * SLOT_BYTES + FRAME_OFFSET, true) === 0) return true;
    }
    return false;
  }
}

function abandonedAt(front: number, id: number): number {
  return ABANDONED_OFFSET + 4 * ((id + 37 * front) % ABANDONED_PLACES);
}

/** `since` is written before `begun`: whoever sees the id in `begun` sees the time that belongs to it. */
function readRunning(view: DataView, at: number): Running | undefined {
  const frame = at + FRAME_OFFSET;
  const id = view.getUint32(frame, true);
  if (id === 0) return undefined;
  const hasBegun = view.getUint32(at + 4, true) === id;
  const hasDeadline = view.getUint32(at + 32, true) === id;
  return {
    id,
    front: view.getUint8(frame + 4),
    begunMs: hasBegun ? view.getFloat64(at + 8, true) * 1000 : undefined,
    limitMs: view.getUint32(frame + REQUEST_LIMIT_OFFSET, true),
    ownDeadlineMs: hasDeadline ? view.getFloat64(at + 24, true) * 1000 : undefined,
  };
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
