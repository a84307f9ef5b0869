/**
 * A small file of the configuration that may change while the server runs (htpasswd, error pages): kept in memory, looked
 * at again at most once a second when it is asked for. While it cannot be read, what was read last stands.
 */
import { readFileSync, statSync } from "node:fs";
import { monotonicMs } from "../base/clock.ts";
import type { Log } from "../base/log.ts";

const CHECK_INTERVAL_MS = 1000;

export class SmallFile<T> {
  readonly path: string;
  private readonly bytesMax: number;
  private readonly parse: (bytes: Buffer) => T;
  private readonly log: Log;
  private value: T | undefined = undefined;
  private checkedMs = -Infinity;
  /** Modification, size and place: what `mv` and an editor both change. */
  private version = "";
  /** The last thing wrong with it, so that it is told once. */
  private told = "";

  constructor(path: string, bytesMax: number, parse: (bytes: Buffer) => T, log: Log) {
    this.path = path;
    this.bytesMax = bytesMax;
    this.parse = parse;
    this.log = log;
  }

  /** Undefined when it was never readable. Never throws. */
  get(): T | undefined {
    const nowMs = monotonicMs();
    if (nowMs - this.checkedMs < CHECK_INTERVAL_MS) return this.value;
    this.checkedMs = nowMs;
    try {
      this.look();
      this.told = "";
    } catch (error) {
      this.tell((error as Error).message);
    }
    return this.value;
  }

  private look(): void {
    const { mtimeNs, size, ino } = statSync(this.path, { bigint: true });
    const version = `${mtimeNs} ${size} ${ino}`;
    if (version === this.version) return;
    if (size > BigInt(this.bytesMax)) throw new Error(`it has ${size} bytes; at most ${this.bytesMax} are read`);
    this.value = this.parse(readFileSync(this.path));
    this.version = version;
  }

  private tell(why: string): void {
    if (why === this.told) return;
    this.told = why;
    const stands = this.value === undefined ? "there is nothing in its place" : "what was read last stands";
    this.log.error(`${this.path}: ${why}; ${stands}`);
  }
}
