import { describe, expect, test } from "bun:test";
import { limitHits, makeUsageMemory, Usage } from "../../src/exchange/usage.ts";

describe("usage", () => {
  test("is the sum over all fronts, and a successor begins with none", () => {
    const memory = makeUsageMemory(3);
    const fronts = [0, 1, 2].map((front) => new Usage(memory, front));
    fronts.forEach((usage, i) => Array.from({ length: i + 1 }, () => usage.connected(1)));
    expect(fronts.map((usage) => usage.connections)).toEqual([6, 6, 6]);
    fronts[2]?.connected(-1);
    expect(fronts[0]?.connections).toBe(5);
    expect(new Usage(memory, 1).connections).toBe(3);
  });

  test("keeps the hits of a front that died", () => {
    const memory = makeUsageMemory(2);
    new Usage(memory, 0).hit("spool_disk");
    new Usage(memory, 0).hit("spool_disk");
    new Usage(memory, 1).hit("max_connections");
    expect(limitHits(memory)).toEqual([
      ["max_connections", 1],
      ["spool_disk", 2],
    ]);
  });
});
