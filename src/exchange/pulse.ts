/**
 * Which fronts hang: each counts in shared memory as long as its loop turns, and the master looks. Time is counted in looks
 * and not by a clock, so that a machine that slept, or a process that was stopped, finds all of them well. A thread that is
 * ended by force closes nothing: beside its count stands the epoll descriptor that knows all its connections.
 *
 *     0   front 0   count │ epoll          Int32 each
 *     8   front 1   count │ epoll
 */

/** How often it is looked. A front counts twice as often. */
export const LOOK_MS = 1_000;

/** A front that did nothing for so many looks will do nothing any more. Long turns are bugs, but the longest that was seen to
 *  end (a regular expression of a configuration over a long path) took two seconds. */
export const STILL_LOOKS_MAX = 15;

const ROW = 2;
const COUNT = 0;
const EPOLL = 1;

/** For a front: its own row. */
export class FrontPulse {
  private readonly row: Int32Array;

  constructor(memory: SharedArrayBuffer, front: number, epoll: number) {
    this.row = new Int32Array(memory, front * ROW * Int32Array.BYTES_PER_ELEMENT, ROW);
    Atomics.store(this.row, EPOLL, epoll);
  }

  beat(): void {
    Atomics.add(this.row, COUNT, 1);
  }
}

export function makePulseMemory(fronts: number): SharedArrayBuffer {
  return new SharedArrayBuffer(fronts * ROW * Int32Array.BYTES_PER_ELEMENT);
}

export class Pulse {
  private readonly rows: Int32Array;
  private readonly seen: number[];
  private readonly still: number[];

  constructor(memory: SharedArrayBuffer) {
    this.rows = new Int32Array(memory);
    this.seen = Array.from({ length: this.rows.length / ROW }, () => 0);
    this.still = this.seen.map(() => 0);
  }

  /** Numbers of fronts that hang, once each. `lives`: is it one that should count? */
  look(lives: (front: number) => boolean): number[] {
    return this.seen.flatMap((seen, front) => {
      const count = Atomics.load(this.rows, front * ROW + COUNT);
      const isStill = lives(front) && count === seen;
      this.seen[front] = count;
      this.still[front] = isStill ? (this.still[front] ?? 0) + 1 : 0;
      return this.still[front] === STILL_LOOKS_MAX ? [front] : [];
    });
  }

  epollOf(front: number): number {
    return Atomics.load(this.rows, front * ROW + EPOLL);
  }
}
