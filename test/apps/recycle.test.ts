import { describe, expect, test } from "bun:test";
import { Constitution, type RecycleOptions, recycles, type VitalSigns } from "../../src/apps/recycle.ts";

const BORN = 1_000;
const MIB = 1024 ** 2;

function judge(options: RecycleOptions, signs: Partial<VitalSigns>, random = 0): string {
  const verdict = new Constitution(options, BORN, () => random).judge({
    nowMs: BORN,
    handled: 0,
    isIdle: true,
    rssBytes: 1,
    ...signs,
  });
  return verdict.kind === "fit" ? "fit" : `${verdict.kind}: ${verdict.why}`;
}

describe("a worker has had its time", () => {
  const cases: [string, RecycleOptions, Partial<VitalSigns>, string][] = [
    ["never, without limits", {}, { handled: 1e9, nowMs: 1e15, rssBytes: 1e15 }, "fit"],
    ["not one request before", { maxRequests: 100 }, { handled: 99 }, "fit"],
    ["after its requests", { maxRequests: 100 }, { handled: 100 }, "outworn: max_requests: it has answered 100"],
    ["not a moment before", { maxLifetimeMs: 500 }, { nowMs: BORN + 499 }, "fit"],
    ["after its life", { maxLifetimeMs: 500 }, { nowMs: BORN + 500 }, "outworn: max_lifetime"],
    ["not at its memory", { maxRssBytes: 9 * MIB }, { rssBytes: 9 * MIB }, "fit"],
    ["above it", { maxRssBytes: 9 * MIB }, { rssBytes: 10 * MIB, handled: 1 }, "outworn: max_rss: it holds 10 MiB"],
    ["not by what it held before its first request", { maxRssBytes: 9 * MIB }, { rssBytes: 10 * MIB }, "fit"],
    ["not when that cannot be read", { maxRssBytes: 1, killRssBytes: 1 }, { rssBytes: undefined }, "fit"],
    [
      "at once above the other bound, whatever it does",
      { maxRssBytes: MIB, killRssBytes: 9 * MIB },
      { rssBytes: 10 * MIB, isIdle: false },
      "kill: kill_rss: it holds 10 MiB",
    ],
  ];
  test.each(cases)("%s", (_, options, signs, expected) => {
    expect(judge(options, signs)).toBe(expected);
  });

  test("up to a tenth later, so that not all have it together", () => {
    expect(judge({ maxRequests: 100 }, { handled: 109 }, 1)).toBe("fit");
    expect(judge({ maxRequests: 100 }, { handled: 111 }, 1)).not.toBe("fit");
    expect(judge({ maxLifetimeMs: 1000 }, { nowMs: BORN + 1099 }, 1)).toBe("fit");
    expect(judge({ maxLifetimeMs: 1000 }, { nowMs: BORN + 1100 }, 1)).not.toBe("fit");
  });
});

describe("memory that a request needs while it runs", () => {
  const heavy = { nowMs: BORN, handled: 5, isIdle: false, rssBytes: 20 };
  const busy = () => new Constitution({ maxRssBytes: 10 }, BORN, () => 0);

  test("is not held against the worker until one has ended", () => {
    const constitution = busy();
    expect(constitution.judge(heavy).kind).toBe("fit");
    expect(constitution.judge(heavy).kind).toBe("fit");
    expect(constitution.judge({ ...heavy, handled: 6 }).kind).toBe("outworn");
  });

  test("and not when it is given back by then", () => {
    const constitution = busy();
    constitution.judge(heavy);
    expect(constitution.judge({ ...heavy, handled: 6, rssBytes: 9 }).kind).toBe("fit");
    expect(constitution.judge({ ...heavy, handled: 6 }).kind).toBe("fit");
  });
});

test("there is something to look at when any limit is set", () => {
  expect(recycles({ maxRequests: undefined, maxLifetimeMs: undefined })).toBe(false);
  for (const limit of ["maxRequests", "maxLifetimeMs", "maxRssBytes", "killRssBytes"])
    expect(recycles({ [limit]: 1 })).toBe(true);
});
