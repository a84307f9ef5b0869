import { expect, test } from "bun:test";
import { hstsStages } from "../../src/front/hsts.ts";

const DAY_MS = 86_400_000;
const FULL = { maxAgeMs: 365 * DAY_MS, includeSubdomains: true, preload: true };

test("without a ramp all of it is said from the beginning", () => {
  expect(hstsStages(FULL)).toEqual([{ fromMs: 0, value: "max-age=31536000; includeSubDomains; preload" }]);
});

test("a ramp says nothing before its day, then longer and longer, and asks for the lists at the end", () => {
  const rampFromMs = 1000 * DAY_MS;
  const stages = hstsStages({ ...FULL, rampFromMs }).map(({ fromMs, value }) => [
    (fromMs - rampFromMs) / DAY_MS,
    value,
  ]);
  expect(stages).toEqual([
    [-1000, undefined],
    [0, "max-age=300; includeSubDomains"],
    [1, "max-age=604800; includeSubDomains"],
    [8, "max-age=2592000; includeSubDomains"],
    [38, "max-age=31536000; includeSubDomains; preload"],
  ]);
});

test("no stage of a ramp is longer than what is wanted", () => {
  const stages = hstsStages({ maxAgeMs: 7 * DAY_MS, includeSubdomains: false, preload: false, rampFromMs: 0 });
  expect(stages.map(({ value }) => value)).toEqual([undefined, "max-age=300", "max-age=604800"]);
});
