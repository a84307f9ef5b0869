import { describe, expect, test } from "bun:test";
import { formatDuration, formatSize, parseDuration, parseSize } from "../../src/base/units.ts";

const SECOND = 1000;
const HOUR = 3600 * SECOND;

describe("durations", () => {
  test.each([
    ["0", 0],
    ["30", 30 * SECOND],
    ["250ms", 250],
    ["30s", 30 * SECOND],
    ["5m", 300 * SECOND],
    ["1h", HOUR],
    ["1h30m", 1.5 * HOUR],
    ["1m500ms", 60_500],
    ["30d", 30 * 24 * HOUR],
    ["2w", 14 * 24 * HOUR],
    ["1y", 365 * 24 * HOUR],
  ])("%s is %d ms", (text, ms) => expect(parseDuration(text)).toBe(ms));

  test.each(["", " ", "s", "5 m", "1.5h", "-1s", "+1s", "1M", "1S", "30m1h", "1s1s", "ten", "1e3", "0x10", "٣s"])(
    "%p is not a duration",
    (text) => expect(parseDuration(text)).toBeUndefined(),
  );

  test("what a number cannot hold exactly is refused", () => {
    expect(parseDuration("9007199254740991ms")).toBe(Number.MAX_SAFE_INTEGER);
    expect(parseDuration("9007199254740992ms")).toBeUndefined();
    expect(parseDuration("9".repeat(400))).toBeUndefined();
  });

  test.each([
    [0, "0s"],
    [250, "250ms"],
    [1500, "1s500ms"],
    [60_000, "1m"],
    [90 * 60_000, "1h30m"],
    [30 * 24 * HOUR, "30d"],
    [365 * 24 * HOUR, "365d"],
  ])("%d ms is written %s", (ms, text) => expect(formatDuration(ms)).toBe(text));

  test("what is written is read back, whatever the number", () => {
    for (let ms = 1; ms < 1e13; ms = ms * 3 + 7) expect(parseDuration(formatDuration(ms))).toBe(ms);
  });
});

describe("sizes", () => {
  test.each([
    ["0", 0],
    ["17", 17],
    ["17B", 17],
    ["8k", 8192],
    ["8K", 8192],
    ["16KiB", 16_384],
    ["16 KiB", 16_384],
    ["16kB", 16_000],
    ["100MB", 100_000_000],
    ["100MiB", 104_857_600],
    ["1m", 1_048_576],
    ["1G", 1_073_741_824],
    ["2T", 2_199_023_255_552],
  ])("%s is %d bytes", (text, bytes) => expect(parseSize(text)).toBe(bytes));

  test.each(["", "KiB", "1.5M", "-1", "1  K", "1 K ", "1Ki", "1Q", "1_000", "0x10", "9007199254740992", "9999999T"])(
    "%p is not a size",
    (text) => expect(parseSize(text)).toBeUndefined(),
  );

  test.each([
    [0, "0B"],
    [1000, "1000B"],
    [1024, "1KiB"],
    [65_536, "64KiB"],
    [100 * 1024 ** 2, "100MiB"],
    [1024 ** 3 + 1024, "1048577KiB"],
    [1024 ** 4, "1TiB"],
  ])("%d bytes are written %s", (bytes, text) => expect(formatSize(bytes)).toBe(text));

  test("what is written is read back, whatever the number", () => {
    for (let bytes = 1; bytes < 1e15; bytes = bytes * 3 + 5) expect(parseSize(formatSize(bytes))).toBe(bytes);
  });
});
