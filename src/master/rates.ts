/** The buckets of each [limit.NAME], in memory that all fronts share: here, so that they outlive a front and a reload. */
import type { Config } from "../config/config.ts";
import { holdsEntries, makeRateMemory, type RateMemory, refusalsOf } from "../exchange/rate-table.ts";

export type Rates = Readonly<Record<string, RateMemory>>;

/** Those that are there already go on with what they have counted. */
export function ratesFor({ rateLimits }: Config, before: Rates = {}): Rates {
  return Object.fromEntries(
    rateLimits.map(({ name, entries }) => {
      const known = Object.hasOwn(before, name) ? before[name] : undefined;
      return [name, known !== undefined && holdsEntries(known, entries) ? known : makeRateMemory(entries)];
    }),
  );
}

/** How often each has refused a request; those that never did are left out. */
export function rateHits(rates: Rates): [string, number][] {
  const counted = Object.entries(rates).map(([name, memory]): [string, number] => [
    `limit.${name}`,
    refusalsOf(memory),
  ]);
  return counted.filter(([, hits]) => hits > 0);
}
