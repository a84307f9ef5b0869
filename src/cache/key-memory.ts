/** Keys of which something is known for a while: a bounded number, those that were learnt longest ago give way. */
import { PASSES_MAX } from "./options.ts";

export class KeyMemory {
  private readonly until = new Map<string, number>();
  private readonly now: () => number;

  constructor(now: () => number) {
    this.now = now;
  }

  add(key: string, forMs: number): void {
    const { until } = this;
    if (until.size >= PASSES_MAX) until.delete(until.keys().next().value ?? "");
    until.delete(key);
    until.set(key, this.now() + forMs);
  }

  /** For how long still; 0: nothing is known. */
  leftMs(key: string): number {
    return Math.max(0, (this.until.get(key) ?? 0) - this.now());
  }

  has(key: string): boolean {
    return this.leftMs(key) > 0;
  }
}
