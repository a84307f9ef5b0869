import { expect, test } from "bun:test";
import type { Config } from "../../src/config/config.ts";
import { countRefusal, type RateMemory } from "../../src/exchange/rate-table.ts";
import { rateHits, ratesFor } from "../../src/master/rates.ts";

const limits = (...entries: readonly (readonly [name: string, entries: number])[]) =>
  ({ rateLimits: entries.map(([name, count]) => ({ name, entries: count })) }) as unknown as Config;

test("a limit of the same size goes on with what it has counted; another size begins anew", () => {
  const before = ratesFor(limits(["same", 1024], ["grown", 1024], ["gone", 1024]));
  const after = ratesFor(limits(["same", 1024], ["grown", 4096], ["constructor", 1024]), before);
  expect(after["same"]).toBe(before["same"] as RateMemory);
  expect(after["grown"]).not.toBe(before["grown"] as RateMemory);
  expect(Object.keys(after)).toEqual(["same", "grown", "constructor"]);
});

test("refusals are counted for each limit, of all fronts", () => {
  const rates = ratesFor(limits(["never", 1024], ["twice", 1024]));
  countRefusal(rates["twice"] as RateMemory);
  countRefusal(rates["twice"] as RateMemory);
  expect(rateHits(rates)).toEqual([["limit.twice", 2]]);
});
