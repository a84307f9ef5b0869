import { expect, test } from "bun:test";
import { makeLog } from "../../src/base/log.ts";
import { REPEAT_PERIOD_MS, REPEATS_MAX, sparing } from "../../src/base/log-repetition.ts";

function stage(level: "info" | "warn" = "info") {
  const lines: string[] = [];
  const timers: { atMs: number; action: () => void }[] = [];
  const clock = { nowMs: 0 };
  const log = sparing(
    makeLog("x", level, (line) => lines.push(line.replace(/^.*?: /, "").trimEnd())),
    () => clock.nowMs,
    (ms, action) => timers.push({ atMs: clock.nowMs + ms, action }),
  );
  const pass = (ms: number) => {
    clock.nowMs += ms;
    const due = timers.filter(({ atMs }) => atMs <= clock.nowMs);
    timers.splice(0, timers.length, ...timers.filter((timer) => !due.includes(timer)));
    for (const { action } of due) action();
  };
  return { lines, log, pass };
}

test("of lines that differ in numbers, addresses and quoted texts alone the first few are written, the rest is counted", () => {
  const { lines, log, pass } = stage();
  for (let i = 0; i < 100; i++) log.info(`192.0.2.${i} "GET /${"x".repeat(i)}": 400 bad head ${i}`);
  expect(lines).toHaveLength(REPEATS_MAX);
  pass(REPEAT_PERIOD_MS);
  expect(lines.slice(REPEATS_MAX)).toEqual([
    `192.0.2.99 "GET /${"x".repeat(99)}": 400 bad head 99 (and 89 more like this before)`,
  ]);
});

test("other lines, other levels and crit are not held back", () => {
  const { lines, log } = stage();
  for (let i = 0; i < 50; i++) log.warn("the same");
  log.error("the same");
  log.warn("another");
  for (let i = 0; i < 20; i++) log.crit("on fire");
  expect(lines.filter((line) => line === "the same")).toHaveLength(REPEATS_MAX + 1);
  expect(lines).toContain("another");
  expect(lines.filter((line) => line === "on fire")).toHaveLength(20);
});

test("a new period begins anew, and tells first of what the last one left out", () => {
  const { lines, log, pass } = stage();
  for (let i = 0; i <= REPEATS_MAX; i++) log.warn("again");
  pass(REPEAT_PERIOD_MS - 1);
  log.warn("again");
  expect(lines).toHaveLength(REPEATS_MAX);
  pass(1);
  expect(lines.at(-1)).toBe("again (and 1 more like this before)");
  log.warn("again");
  expect(lines.at(-1)).toBe("again");
  pass(REPEAT_PERIOD_MS * 2);
  expect(lines).toHaveLength(REPEATS_MAX + 2);
});

test("levels below that of the log stay silent", () => {
  const { lines, log, pass } = stage("warn");
  for (let i = 0; i < 50; i++) log.info("quiet");
  pass(REPEAT_PERIOD_MS);
  expect(lines).toEqual([]);
});

test("more kinds of lines than are watched lose no line", () => {
  const { lines, log } = stage();
  const letters = (n: number) => [...String(n)].map((digit) => "abcdefghij"[Number(digit)]).join("");
  for (let i = 0; i < 1000; i++) log.info(`kind z${letters(i)}`);
  expect(lines).toHaveLength(1000);
});
