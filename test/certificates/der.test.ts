import { expect, test } from "bun:test";
import {
  bits,
  der,
  implicit,
  integer,
  octets,
  oid,
  sequence,
  set,
  tagged,
  time,
  utf8,
  yes,
} from "../../src/certificates/der.ts";

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

test("lengths are one byte, or the number of the bytes that follow (X.690 section 8.1.3)", () => {
  const head = (length: number) => hex(der(0x04, Buffer.alloc(length)).subarray(0, 4));
  expect([head(2), head(127), head(128), head(256)]).toEqual(["04020000", "047f0000", "04818000", "04820100"]);
});

test("integers are not negative and as short as can be", () => {
  const of = (text: string) => hex(integer(Buffer.from(text, "hex")));
  expect([of("00"), of("7f"), of("80"), of("000001"), of("ff00")]).toEqual([
    "020100",
    "02017f",
    "02020080",
    "020101",
    "020300ff00",
  ]);
});

test("object identifiers are in base 128 (section 8.19)", () => {
  expect(hex(oid("1.2.840.10045.4.3.2"))).toBe("06082a8648ce3d040302");
  expect(hex(oid("2.5.29.17"))).toBe("0603551d11");
});

test("times are UTCTime until 2049 and GeneralizedTime after (RFC 5280 section 4.1.2.5)", () => {
  expect(time(new Date("2049-12-31T23:59:59.999Z")).toString("latin1")).toBe("\x17\r491231235959Z");
  expect(time(new Date("2050-01-01T00:00:00Z")).toString("latin1")).toBe("\x18\x0f20500101000000Z");
});

test("the rest has its tag", () => {
  const made = [
    sequence(yes()),
    set(),
    octets(),
    utf8("é"),
    bits(Buffer.from([0x80]), 7),
    tagged(3),
    implicit(2, Buffer.from("a")),
  ];
  expect(made.map(hex)).toEqual(["30030101ff", "3100", "0400", "0c02c3a9", "03020780", "a300", "820161"]);
});
