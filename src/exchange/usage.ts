/**
 * What the fronts use together: a row of numbers for each front in shared memory, written by that front alone and summed
 * up by whoever asks. So a limit holds for the whole server although fronts share no objects, and the row of a front that
 * died is simply set to zero by its successor.
 *
 *   front 0 │ connections │ paused │ hits of each limit … │
 *   front 1 │ connections │ paused │ hits of each limit … │        Int32 each
 *
 * What each [limit.NAME] refused is counted beside its buckets (rate-table.ts): they come and go with a reload, this stays.
 */

/** Limits whose hits are counted; the names are those of the settings (docs/config.md). */
export const LIMIT_NAMES = [
  "max_connections",
  "max_connections_per_address",
  "descriptors",
  "handshake_timeout",
  "header_timeout",
  "body_timeout",
  "send_timeout",
  "min_body_rate",
  "min_send_rate",
  "max_pipelined_requests",
  "spool_memory",
  "spool_disk",
  "proxy_protocol",
  "max_target_size",
  "max_header_size",
  "max_header_fields",
  "max_body_size",
  "keepalive_timeout",
  "keepalive_requests",
  "keepalive_max_age",
  "queue_size",
  "queue_timeout",
] as const;
export type LimitName = (typeof LIMIT_NAMES)[number];

const CONNECTIONS = 0;
const PAUSED = 1;
const FIRST_LIMIT = 2;
const ROW_WIDTH = FIRST_LIMIT + LIMIT_NAMES.length;

/** For the master: memory for so many fronts. */
export function makeUsageMemory(fronts: number): SharedArrayBuffer {
  return new SharedArrayBuffer(fronts * ROW_WIDTH * Int32Array.BYTES_PER_ELEMENT);
}

/** For the master: how often each limit was hit by all fronts; those that never were are left out. */
export function limitHits(memory: SharedArrayBuffer): [string, number][] {
  const rows = new Int32Array(memory);
  const counted = LIMIT_NAMES.map((name, i): [string, number] => [name, sum(rows, FIRST_LIMIT + i)]);
  return counted.filter(([, hits]) => hits > 0);
}

/** For the master: the connections that all fronts have open. */
export function connectionsOf(memory: SharedArrayBuffer): number {
  return sum(new Int32Array(memory), CONNECTIONS);
}

function sum(rows: Int32Array, column: number): number {
  let total = 0;
  for (let at = column; at < rows.length; at += ROW_WIDTH) total += rows[at] as number;
  return total;
}

export class Usage {
  readonly fronts: number;
  private readonly rows: Int32Array;
  private readonly start: number;

  constructor(memory: SharedArrayBuffer, front: number) {
    this.rows = new Int32Array(memory);
    this.fronts = this.rows.length / ROW_WIDTH;
    this.start = front * ROW_WIDTH;
    // What a predecessor had open is closed; what it counted stays counted.
    this.rows[this.start + CONNECTIONS] = 0;
    this.rows[this.start + PAUSED] = 0;
  }

  /** Does this front accept nothing, for want of descriptors? */
  setPaused(paused: boolean): void {
    this.rows[this.start + PAUSED] = paused ? 1 : 0;
  }

  /** Is there another front that accepts nothing? */
  get othersPaused(): boolean {
    return sum(this.rows, PAUSED) > (this.rows[this.start + PAUSED] as number);
  }

  /** Of all fronts. Another front may be accepting at this very moment, so a limit can be passed by one for each front. */
  get connections(): number {
    return sum(this.rows, CONNECTIONS);
  }

  connected(change: 1 | -1): void {
    this.add(CONNECTIONS, change);
  }

  hit(limit: LimitName): void {
    this.add(FIRST_LIMIT + LIMIT_NAMES.indexOf(limit), 1);
  }

  private add(column: number, change: number): void {
    const at = this.start + column;
    this.rows[at] = (this.rows[at] as number) + change;
  }
}
