import { describe, expect, test } from "bun:test";
import { parseAddress } from "../../src/base/ip-address.ts";
import { compileAddressSet, parseAddressRange } from "../../src/exchange/address-set.ts";

describe("parsing a range", () => {
  test.each([
    "10.0.0.0/33",
    "10.0.0.0/-1",
    "10.0.0.0/08",
    "10.0.0.0/",
    "/8",
    "::/129",
    "10/8",
    "::ffff:0.0.0.0/95",
    "all",
  ])("%p is none", (text) => {
    expect(parseAddressRange(text)).toBeUndefined();
  });

  test("bits behind the prefix are told and taken for zero", () => {
    expect(parseAddressRange("192.0.2.7/24")).toEqual({
      kind: "ipv4",
      first: 0xc0000200,
      last: 0xc00002ff,
      strayBits: true,
    });
    expect(parseAddressRange("2001:db8::1/32")).toMatchObject({ kind: "ipv6", strayBits: true });
    expect(parseAddressRange("2001:db8::/32")).toMatchObject({ kind: "ipv6", strayBits: false });
  });
});

describe("a set of addresses", () => {
  const list = ["10.0.0.0/8", "192.0.2.7", "192.0.2.8/31", "2001:db8::/32", "::1", "::ffff:203.0.113.0/120", "unix:"];
  const has = compileAddressSet(list);
  const members = [
    ["10.0.0.0", true],
    ["10.255.255.255", true],
    ["9.255.255.255", false],
    ["11.0.0.0", false],
    ["192.0.2.6", false],
    ["192.0.2.7", true],
    ["192.0.2.9", true],
    ["192.0.2.10", false],
    ["203.0.113.255", true],
    ["203.0.114.0", false],
    ["::ffff:10.1.2.3", true],
    ["2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", true],
    ["2001:db9::", false],
    ["::1", true],
    ["::2", false],
    ["unix:", true],
    ["", false],
    ["nonsense", false],
  ] as const;
  test.each(members)("has %p: %p", (address, expected) => {
    expect(has(address)).toBe(expected);
  });

  test("of everything in one family has nothing of the other", () => {
    expect(compileAddressSet(["0.0.0.0/0"])("255.255.255.255")).toBe(true);
    expect(compileAddressSet(["0.0.0.0/0"])("::1")).toBe(false);
    expect(compileAddressSet(["::/0"])("::1")).toBe(true);
    expect(compileAddressSet(["::/0"])("192.0.2.7")).toBe(false);
    expect(compileAddressSet([])("192.0.2.7")).toBe(false);
    expect(compileAddressSet([])("unix:")).toBe(false);
  });

  test("agrees with a linear search over ranges that overlap, touch and repeat", () => {
    const ranges: string[] = [];
    let seed = 7;
    const random = (below: number) => (seed = (seed * 48271) % 2147483647) % below;
    for (let i = 0; i < 300; i++) ranges.push(`10.${random(4)}.${random(256)}.${random(256)}/${16 + random(17)}`);
    const within = compileAddressSet(ranges);
    const parsed = ranges.map((text) => parseAddressRange(text) as { first: number; last: number });
    for (let i = 0; i < 2000; i++) {
      const address = `10.${random(5)}.${random(256)}.${random(256)}`;
      const number = parseAddress(address) as number;
      expect(within(address)).toBe(parsed.some(({ first, last }) => first <= number && number <= last));
    }
  });
});
