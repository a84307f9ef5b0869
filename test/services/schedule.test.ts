import { describe, expect, test } from "bun:test";
import { nextTime, parseSchedule, type Schedule } from "../../src/services/schedule.ts";
import { localOffset, zoneOffset } from "../../src/services/zone.ts";

function schedule(text: string): Schedule {
  const parsed = parseSchedule(text);
  if (typeof parsed === "string") throw new Error(`${text}: ${parsed}`);
  return parsed;
}

/** The next `count` times after `after`, ISO in UTC without seconds. */
function times(text: string, after: string, zone: string, count: number): string[] {
  const offsetAt = zoneOffset(zone);
  if (offsetAt === undefined) throw new Error(`no zone ${zone}`);
  const parsed = schedule(text);
  let at = Date.parse(after);
  return Array.from({ length: count }, () => {
    at = nextTime(parsed, at, offsetAt) ?? NaN;
    return new Date(at).toISOString().slice(0, 16);
  });
}

describe("fields", () => {
  const cases: readonly (readonly [text: string, after: string, next: readonly string[]])[] = [
    ["*/5 * * * *", "2026-11-22T10:02:30Z", ["2026-11-22T10:05", "2026-11-22T10:10"]],
    ["*/5 * * * *", "2026-11-22T10:05:00Z", ["2026-11-22T10:10"]],
    ["0 0 * * *", "2026-12-31T23:59:59Z", ["2027-01-01T00:00", "2027-01-02T00:00"]],
    ["30 4 1,15 * *", "2026-11-22T00:00:00Z", ["2026-12-01T04:30", "2026-12-15T04:30", "2027-01-01T04:30"]],
    ["0 9-17/4 * * mon-fri", "2026-11-20T14:00:00Z", ["2026-11-20T17:00", "2026-11-23T09:00", "2026-11-23T13:00"]],
    ["15 6 * jan,JUL 0", "2026-11-22T00:00:00Z", ["2027-01-03T06:15"]],
    ["0 0 * * 7", "2026-11-22T00:00:00Z", ["2026-11-29T00:00"]],
    ["0 0 * * 5-7", "2026-11-22T00:00:00Z", ["2026-11-27T00:00", "2026-11-28T00:00", "2026-11-29T00:00"]],
    // crontab(5): either of them suffices when both are restricted …
    ["0 0 13 * fri", "2026-11-11T00:00:00Z", ["2026-11-13T00:00", "2026-11-20T00:00", "2026-11-27T00:00"]],
    // … and both have to fit when one begins with a star.
    ["0 0 */2 * sun", "2026-11-22T00:00:00Z", ["2026-11-29T00:00", "2026-12-13T00:00"]],
    ["0 0 29 2 *", "2026-11-22T00:00:00Z", ["2028-02-29T00:00", "2032-02-29T00:00"]],
    ["0 0 29 2 *", "2096-03-01T00:00:00Z", ["2104-02-29T00:00"]],
    ["@hourly", "2026-11-22T10:00:00Z", ["2026-11-22T11:00"]],
    ["@daily", "2026-11-22T10:00:00Z", ["2026-11-23T00:00"]],
    ["@midnight", "2026-11-22T10:00:00Z", ["2026-11-23T00:00"]],
    ["@weekly", "2026-11-22T10:00:00Z", ["2026-11-29T00:00"]],
    ["@monthly", "2026-11-22T10:00:00Z", ["2026-12-01T00:00"]],
    ["@Yearly", "2026-11-22T10:00:00Z", ["2027-01-01T00:00"]],
    ["@every 90s", "2026-11-22T10:00:00Z", ["2026-11-22T10:01", "2026-11-22T10:03"]],
    ["  0\t0  * * *  ", "2026-11-22T10:00:00Z", ["2026-11-23T00:00"]],
  ];
  test.each(cases)("%s after %s", (text, after, next) => {
    expect(times(text, after, "UTC", next.length)).toEqual([...next]);
  });
});

describe("refused, and told what it should be", () => {
  const cases = [
    ["", "five fields"],
    ["* * * *", "five fields"],
    ["* * * * * *", "five fields"],
    ["60 * * * *", 'a minute in the place of "60"'],
    ["* 24 * * *", 'a hour in the place of "24"'],
    ["* * 0 * *", "a day"],
    ["* * * 13 *", "a month"],
    ["* * * foo *", "a month"],
    ["* * * * 8", "a weekday"],
    ["*/0 * * * *", "a minute"],
    ["5/10 * * * *", "a minute"],
    ["30-10 * * * *", "a minute"],
    ["1,,2 * * * *", "a minute"],
    ["-1 * * * *", "a minute"],
    ["* * * * fri-mon", "a weekday"],
    ["0 0 31 2 *", "a day that exists"],
    ["0 0 30 feb *", "a day that exists"],
    ["@reboot", "one of @yearly"],
    ["@every", '"@every" with a duration'],
    ["@every 100ms", '"@every" with a duration'],
    ["@every soon", '"@every" with a duration'],
  ] as const;
  test.each(cases)("%p", (text, why) => {
    expect(parseSchedule(text)).toStartWith(why);
  });
});

/** Berlin 2026: clocks go from 02:00 to 03:00 on 29 March, from 03:00 back to 02:00 on 25 October (UTC 01:00 both). */
describe("where clocks change", () => {
  const BERLIN = "Europe/Berlin";
  test("a fixed time that is left out comes later by as much", () => {
    expect(times("30 2 * * *", "2026-03-28T12:00:00Z", BERLIN, 2)).toEqual(["2026-03-29T01:30", "2026-03-30T00:30"]);
  });

  test("and is not forgotten when one asks in between", () => {
    expect(times("30 2 * * *", "2026-03-29T01:10:00Z", BERLIN, 1)).toEqual(["2026-03-29T01:30"]);
  });

  test("a fixed time that comes twice counts the first time only", () => {
    const first = ["2026-10-25T00:30", "2026-10-26T01:30"];
    expect(times("30 2 * * *", "2026-10-24T12:00:00Z", BERLIN, 2)).toEqual(first);
    expect(times("30 2 * * *", "2026-10-25T00:40:00Z", BERLIN, 1)).toEqual(["2026-10-26T01:30"]);
  });

  test("with a star for the hour it follows the wall: twice in the hour that comes twice, never in the one that does not", () => {
    const autumn = ["2026-10-24T23:30", "2026-10-25T00:30", "2026-10-25T01:30", "2026-10-25T02:30"];
    expect(times("30 * * * *", "2026-10-24T23:00:00Z", BERLIN, 4)).toEqual(autumn);
    const spring = ["2026-03-29T00:30", "2026-03-29T01:30"];
    expect(times("30 * * * *", "2026-03-29T00:00:00Z", BERLIN, 2)).toEqual(spring);
  });

  test("every five minutes is every five minutes, all through both nights", () => {
    for (const day of ["2026-03-29", "2026-10-25"]) {
      const found = times("*/5 * * * *", `${day}T00:00:00Z`, BERLIN, 40).map((time) => Date.parse(`${time}Z`));
      expect(found.every((at, i) => i === 0 || at - (found[i - 1] as number) === 300_000)).toBe(true);
    }
  });

  test("zones with half hours, and changes by half an hour", () => {
    expect(times("0 9 * * *", "2026-11-22T00:00:00Z", "Asia/Kolkata", 1)).toEqual(["2026-11-22T03:30"]);
    // Lord Howe Island: +11 to +10:30 at 02:00 on 5 April 2026.
    const howe = times("45 1 * * *", "2026-04-04T10:00:00Z", "Australia/Lord_Howe", 2);
    expect(howe).toEqual(["2026-04-04T14:45", "2026-04-05T15:15"]);
  });
});

test("the runtime's own cron agrees, wherever it can say something: fixed times and stars, over all of a year", () => {
  // Bun.cron.parse knows the zone of the process only.
  for (const text of ["0 3 * * *", "*/20 4-6 * * 1-5", "15 0 1,31 * *", "5 4 * 2,12 *", "0 12 13 * 5"]) {
    const parsed = schedule(text);
    for (let day = 0; day < 365; day += 7) {
      const after = Date.UTC(2026, 0, 1 + day, (day * 5) % 24, day % 60);
      const expected = Bun.cron.parse(text, new Date(after))?.getTime();
      expect({ text, after, next: nextTime(parsed, after, localOffset) }).toEqual({ text, after, next: expected });
    }
  }
});

test("there is no such zone", () => {
  expect(zoneOffset("Mars/Olympus")).toBeUndefined();
  expect(zoneOffset("")).toBeUndefined();
});
