import { expect, test } from "bun:test";
import { makeLog } from "../../src/base/log.ts";
import { limitHits, makeUsageMemory, Usage } from "../../src/exchange/usage.ts";
import { LIMIT_LOG_INTERVAL_MS, LimitLog } from "../../src/front/limit-log.ts";

test("a limit is told at once, then once in an interval with the number of the others", () => {
  const lines: string[] = [];
  const log = makeLog("front-0", "info", (line) => lines.push(line));
  const memory = makeUsageMemory(1);
  let nowMs = 0;
  const limits = new LimitLog(log, new Usage(memory, 0), () => nowMs);
  for (let i = 0; i < 100; i++) limits.hit("max_connections", "192.0.2.7 is refused");
  limits.hit("spool_disk", "another limit has its own line");
  expect(lines).toHaveLength(2);
  nowMs = LIMIT_LOG_INTERVAL_MS;
  limits.hit("max_connections", "192.0.2.8 is refused");
  expect(lines).toHaveLength(3);
  expect(lines[2]).toContain(
    `[warn] ${process.pid} front-0: max_connections: 192.0.2.8 is refused (and 99 times before)`,
  );
  expect(limitHits(memory)).toEqual([
    ["max_connections", 101],
    ["spool_disk", 1],
  ]);
});

test("the end of a limit is told once for each line that told of it", () => {
  const lines: string[] = [];
  const log = makeLog("front-0", "info", (line) => lines.push(line));
  let nowMs = 0;
  const limits = new LimitLog(log, new Usage(makeUsageMemory(1), 0), () => nowMs);
  limits.over("descriptors", "nothing had been said");
  expect(lines).toEqual([]);
  const flap = () => {
    limits.hit("descriptors", "paused");
    limits.over("descriptors", "accepting again");
  };
  for (let i = 0; i < 100; i++) flap();
  expect(lines).toHaveLength(2);
  expect(lines[1]).toContain(`[info] ${process.pid} front-0: descriptors: accepting again`);
  nowMs = LIMIT_LOG_INTERVAL_MS;
  flap();
  expect(lines).toHaveLength(4);
});
