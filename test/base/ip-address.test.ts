import { describe, expect, test } from "bun:test";
import { isLoopback, parseAddress, showAddressBytes } from "../../src/base/ip-address.ts";

describe("parsing an address", () => {
  const cases: [string, number | bigint | undefined][] = [
    ["0.0.0.0", 0],
    ["192.0.2.7", 0xc0000207],
    ["255.255.255.255", 0xffffffff],
    ["::", 0n],
    ["::1", 1n],
    ["2001:db8::1", 0x20010db8000000000000000000000001n],
    ["1:2:3:4:5:6:7:8", 0x00010002000300040005000600070008n],
    ["64:ff9b::192.0.2.7", 0x0064ff9b0000000000000000c0000207n],
    ["1:2:3:4:5:6:192.0.2.7", 0x000100020003000400050006c0000207n],
    ["fe80::1%eth0", 0xfe800000000000000000000000000001n],
    ["::ffff:192.0.2.7", 0xc0000207],
    ["::FFFF:c000:0207", 0xc0000207],
    ...[
      "",
      "1.2.3",
      "1.2.3.4.5",
      "1.2.3.256",
      "01.2.3.4",
      "1.2.3.4 ",
      "1..3.4",
      ".1.2.3",
      "1.2.3.",
      "a.b.c.d",
      ":",
      ":::",
      "1::2::3",
      "1:2:3:4:5:6:7",
      "1:2:3:4:5:6:7:8:9",
      "1:2:3:4:5:6:7::8",
      "12345::",
      "g::",
      "1.2.3.4::",
      "::1.2.3",
      "unix:",
      "example.org",
    ].map((text): [string, undefined] => [text, undefined]),
  ];
  test.each(cases)("%p is %p", (text, expected) => {
    expect(parseAddress(text)).toBe(expected as never);
  });
});

describe("showing an address", () => {
  const cases: [string, number[]][] = [
    ["192.0.2.7", [192, 0, 2, 7]],
    ["::", Array.from({ length: 16 }, () => 0)],
    ["::1", [...Array.from({ length: 15 }, () => 0), 1]],
    ["2001:db8::1", [0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]],
    ["2001:db8:0:1:1:1:1:1", [0x20, 1, 0x0d, 0xb8, 0, 0, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1]],
    ["1::2:0:0:3:4", [0, 1, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 3, 0, 4]],
    ["1::", [0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]],
    ["192.0.2.7", [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 7]],
  ];
  test.each(cases)("gives %p", (text, bytes) => {
    expect(showAddressBytes(Uint8Array.from(bytes))).toBe(text);
  });
});

test("loopback is 127.0.0.0/8, also mapped, and ::1", () => {
  for (const address of ["127.0.0.1", "127.255.0.9", "::1", "0:0::1", "::ffff:127.0.0.1"])
    expect([address, isLoopback(address)]).toEqual([address, true]);
  for (const address of ["0.0.0.0", "::", "128.0.0.1", "126.255.255.255", "::2", "::ffff:10.0.0.1", "localhost"])
    expect([address, isLoopback(address)]).toEqual([address, false]);
});
