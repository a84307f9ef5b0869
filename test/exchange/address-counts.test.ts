import { describe, expect, test } from "bun:test";
import { AddressCounts } from "../../src/exchange/address-counts.ts";
import { makeCountMemory } from "../../src/exchange/count-sketch.ts";

describe("connections of an address", () => {
  test("are counted over all fronts, each address apart", () => {
    const memory = makeCountMemory(2);
    const [first, second] = [new AddressCounts(memory, 0), new AddressCounts(memory, 1)] as const;
    for (let i = 0; i < 3; i++) first.connected("192.0.2.7", 1);
    second.connected("192.0.2.7", 1);
    second.connected("192.0.2.8", 1);
    expect([first.of("192.0.2.7"), second.of("192.0.2.7"), first.of("192.0.2.8")]).toEqual([4, 4, 1]);
    first.connected("192.0.2.7", -1);
    expect(second.of("192.0.2.7")).toBe(3);
    expect(new AddressCounts(memory, 0).of("192.0.2.7")).toBe(1);
  });

  test("of one IPv6 network are those of one client", () => {
    const counts = new AddressCounts(makeCountMemory(1), 0);
    counts.connected("2001:db8:0:1::7", 1);
    counts.connected("2001:db8:0:1:ffff::8", 1);
    expect(counts.of("2001:db8:0:1::9")).toBe(2);
    expect(counts.of("2001:db8:0:2::7")).toBe(0);
    counts.connected("::ffff:192.0.2.7", 1);
    expect(counts.of("192.0.2.7")).toBe(1);
  });

  test("are never too low, and rarely too high beside thousands of others", () => {
    const counts = new AddressCounts(makeCountMemory(1), 0);
    const address = (i: number) => `10.0.${i >> 8}.${i & 255}`;
    for (let i = 0; i < 4000; i++) counts.connected(address(i), 1);
    const told = Array.from({ length: 4000 }, (_, i) => counts.of(address(i)));
    expect(Math.min(...told)).toBe(1);
    expect(told.filter((count) => count > 1).length).toBeLessThan(600);
    expect(Math.max(...told)).toBeLessThan(8);
    for (let i = 0; i < 4000; i++) counts.connected(address(i), -1);
    expect(told.every((_, i) => counts.of(address(i)) === 0)).toBe(true);
  });
});
