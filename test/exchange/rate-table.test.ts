/** What a bucket lets through, beside nginx's own arithmetic; full sets; and one table in several threads. */
import { describe, expect, test } from "bun:test";
import { makeRateMemory, RateTable } from "../../src/exchange/rate-table.ts";

const SECOND = 1e6;

/** ngx_http_limit_req_lookup: excess in thousandths of a request; true when it passes. */
class NginxBucket {
  private excess: number | undefined;
  private lastMs = 0;

  passes(nowMs: number, ratePerSecond: number, burst: number): boolean {
    if (this.excess === undefined) {
      this.excess = 0;
      this.lastMs = nowMs;
      return true;
    }
    const excess = Math.max(0, this.excess - ratePerSecond * (nowMs - this.lastMs) + 1000);
    if (excess > burst * 1000) return false;
    this.excess = excess;
    this.lastMs = nowMs;
    return true;
  }
}

describe("a bucket", () => {
  test.each([
    [10, 0],
    [10, 5],
    [1, 3],
    [500, 20],
  ])("lets through what nginx does: %d/s, burst %d", (rate, burst) => {
    const table = new RateTable(makeRateMemory(1024), { intervalUs: SECOND / rate, burst });
    const nginx = new NginxBucket();
    let nowMs = 1000;
    let seed = 7;
    let refused = 0;
    for (let i = 0; i < 5000; i++) {
      seed = ((Math.imul(seed, 1103515245) + 12345) >>> 0) % 2147483648;
      nowMs += Math.floor((seed / 2147483648) * (2000 / rate));
      const passes = table.take("key", nowMs * 1000) >= 0;
      if (!passes) refused++;
      expect({ i, passes }).toEqual({ i, passes: nginx.passes(nowMs, rate, burst) });
    }
    expect(refused).toBeGreaterThan(10);
  });

  test("says how long to wait, and counts nothing that was refused", () => {
    const table = new RateTable(makeRateMemory(1024), { intervalUs: SECOND, burst: 1 });
    expect(table.take("a", SECOND)).toBe(0);
    expect(table.take("a", SECOND)).toBe(SECOND);
    expect(table.take("a", SECOND)).toBe(-SECOND);
    expect(table.take("a", 1.5 * SECOND)).toBe(-SECOND / 2);
    expect(table.peek("a", 2 * SECOND)).toBe(SECOND);
    expect(table.take("a", 2 * SECOND)).toBe(SECOND);
    expect(table.take("b", 2 * SECOND)).toBe(0);
  });

  test("with more keys than there is room the table stays as large, and busy keys are still limited", () => {
    const memory = makeRateMemory(1024);
    const table = new RateTable(memory, { intervalUs: SECOND, burst: 0 });
    for (let i = 0; i < 50_000; i++) table.take(`key ${i}`, i * 10);
    expect(memory.buffer.byteLength).toBe(1024 * 16);
    expect(table.take("last", 500_000)).toBe(0);
    expect(table.take("last", 500_000)).toBeLessThan(0);
  });
});

/** How many passed, of what so many threads took at once. */
async function passedBy(threads: number, orders: object): Promise<number> {
  const workers = Array.from(
    { length: threads },
    () => new Worker(new URL("./rate-table-thread.ts", import.meta.url).href),
  );
  const passed = await Promise.all(
    workers.map((worker) => {
      const { promise, resolve } = Promise.withResolvers<number>();
      worker.onmessage = (event: MessageEvent<number>) => resolve(event.data);
      worker.postMessage(orders);
      return promise;
    }),
  );
  for (const worker of workers) worker.terminate();
  return passed.reduce((sum, each) => sum + each, 0);
}

test("threads that count in one table at once let through as many as one would", async () => {
  // An interval of an hour: nothing leaks out of the bucket meanwhile.
  expect(await passedBy(3, { memory: makeRateMemory(1024), requests: 20_000 })).toBe(5001);
});

test("of two first requests of a key at the same moment one passes, where one may", async () => {
  const together = { gate: new SharedArrayBuffer(4), threads: 2 };
  expect(await passedBy(2, { memory: makeRateMemory(64 * 1024), requests: 2000, together })).toBe(2000);
});
