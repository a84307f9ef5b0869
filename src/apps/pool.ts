/**
 * The workers of an app and the seats they sit on, as the supervisor keeps them: who there is, which slots of the
 * scoreboard are whose, what is known of starts that failed. Bookkeeping only; policy.ts says what should be.
 */
import { afterExit, type Seat, type SeatedWorker, type WorkerState } from "./policy.ts";
import type { Constitution } from "./recycle.ts";
import type { WorkerProcess } from "./worker-process.ts";

/** An old and a new worker on every seat at once: then a reload waits for no request that runs long. */
const BLOCKS_PER_SEAT = 2;
/** Printed lines that a failure to start shows. */
const LAST_LINES = 20;

export interface Worker extends SeatedWorker {
  state: WorkerState;
  outworn: string | undefined;
  readonly process: WorkerProcess;
  /** Slots of the scoreboard, one for each thread. */
  readonly slots: readonly number[];
  /** From its first ready moment on. */
  constitution: Constitution | undefined;
  /** Why it leaves, when it was told to. */
  leaving: string | undefined;
  /** It has heard that it is to finish. */
  hasHeard: boolean;
  /** Why the import failed, until the exit. */
  traceback: string | undefined;
  readonly lastLines: string[];
}

/** A worker that failed, or one that there never was. */
export type Fallen = Pick<Worker, "seat" | "generation" | "state" | "traceback" | "lastLines">;

/** How a process ended that nobody had told to. */
export interface Failure {
  /** `exited with code 1`. */
  readonly cause: string;
  /** Or the last lines that it printed. */
  readonly traceback: string;
}

interface KnownSeat extends Seat {
  readonly failures: number;
  readonly untilMs: number;
  readonly lastExit: Failure | undefined;
}

const FRESH: KnownSeat = { failures: 0, untilMs: 0, lastExit: undefined };

export class Pool {
  readonly seats: KnownSeat[];
  private readonly threads: number;
  private readonly members = new Map<WorkerProcess, Worker>();
  private readonly freeBlocks: number[];

  constructor(seats: number, threads: number) {
    this.threads = threads;
    this.seats = Array.from({ length: seats }, () => FRESH);
    this.freeBlocks = Array.from({ length: seats * BLOCKS_PER_SEAT }, (_, block) => block);
  }

  /** Slots that the scoreboard must have. */
  static slots(seats: number, threads: number): number {
    return seats * BLOCKS_PER_SEAT * threads;
  }

  get processesMax(): number {
    return this.seats.length * BLOCKS_PER_SEAT;
  }

  /** In the order in which they were spawned. */
  get workers(): Worker[] {
    return [...this.members.values()];
  }

  get size(): number {
    return this.members.size;
  }

  get ready(): Worker[] {
    return this.workers.filter((worker) => worker.state.kind === "ready");
  }

  get seatsReady(): number {
    return new Set(this.ready.map(({ seat }) => seat)).size;
  }

  seat(number: number): KnownSeat {
    // Numbers are those of `seats`, which never changes its length.
    return this.seats[number] as KnownSeat;
  }

  of(process: WorkerProcess): Worker | undefined {
    return this.members.get(process);
  }

  /** Slots for a worker to be, and the process that `spawn` makes of them. There is a block free: policy.ts counts. */
  add(seat: number, generation: number, nowMs: number, spawn: (slots: number[]) => WorkerProcess): Worker {
    const [block] = this.freeBlocks;
    if (block === undefined) throw new Error("no room for another process");
    const slots = Array.from({ length: this.threads }, (_, thread) => block * this.threads + thread);
    const process = spawn(slots);
    this.freeBlocks.shift();
    const worker: Worker = {
      seat,
      generation,
      process,
      slots,
      state: { kind: "starting", sinceMs: nowMs },
      outworn: undefined,
      constitution: undefined,
      leaving: undefined,
      hasHeard: false,
      traceback: undefined,
      lastLines: [],
    };
    this.members.set(process, worker);
    return worker;
  }

  remove(worker: Worker): void {
    this.members.delete(worker.process);
    this.freeBlocks.push((worker.slots[0] as number) / this.threads);
  }

  /** What follows from an exit that nobody asked for. Returns the pause before the next start. */
  failed(seat: number, state: WorkerState, begun: number, failure: Failure, nowMs: number): number {
    const { failures, delayMs } = afterExit(state, begun, this.seat(seat).failures, nowMs);
    this.seats[seat] = { failures, untilMs: nowMs + delayMs, lastExit: failure };
    return delayMs;
  }

  /** It became ready: the next failure is the first of its row, unless it dies young. */
  forgive(): void {
    this.seats.forEach((seat, number) => (this.seats[number] = { ...seat, untilMs: 0 }));
  }
}

export function keepLine(worker: Worker, line: string): void {
  worker.lastLines.push(line);
  if (worker.lastLines.length > LAST_LINES) worker.lastLines.shift();
}

export function isLeaving({ state }: SeatedWorker): boolean {
  return state.kind !== "starting" && state.kind !== "ready";
}
