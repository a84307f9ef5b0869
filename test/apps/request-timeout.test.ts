import { describe, expect, test } from "bun:test";
import { RequestEncoder } from "../../src/apps/environ.ts";
import { timeIsOverMs } from "../../src/apps/request-timeout.ts";
import type { Running } from "../../src/apps/scoreboard.ts";
import { parseStacks } from "../../src/apps/stacks.ts";
import { describeRequest } from "../../src/apps/taken-request.ts";
import { EMPTY_BODY } from "../../src/exchange/spool.ts";
import { fakeExchange, type FakeRequest } from "../support/exchange.ts";

const BEGUN: Running = { id: 1, front: 0, begunMs: 1000, limitMs: 500, ownDeadlineMs: undefined };

describe("when the time of a request is over", () => {
  const cases: [string, Partial<Running>, number | undefined][] = [
    ["its limit after it began", {}, 1500],
    ["never, without a limit", { limitMs: 0 }, undefined],
    ["at its own deadline, without a limit", { limitMs: 0, ownDeadlineMs: 1200 }, 1200],
    ["at its own deadline, if that comes first", { ownDeadlineMs: 1200 }, 1200],
    ["at the limit, if that comes first", { ownDeadlineMs: 9000 }, 1500],
  ];
  test.each(cases)("%s", (_, running, over) =>
    expect(timeIsOverMs({ ...BEGUN, ...running }, 1000)).toBe(over as number),
  );
});

test("what faulthandler writes is taken apart by threads", () => {
  const text = `Thread 0x00007f0000001740 (most recent call first):
  File "/x/views.py", line 7 in report
  File "<server wsgi.py>", line 3 in run

Thread 0x00007f0000001741 [server-serve] (most recent call first):
  File "/x/other.py", line 1 in wait
Current thread 0x00007f0000001742 (most recent call first):
  <no Python frame>
`;
  expect(parseStacks(text)).toEqual([
    {
      thread: "7f0000001740",
      lines: ['  File "/x/views.py", line 7 in report', '  File "<server wsgi.py>", line 3 in run'],
    },
    { thread: "7f0000001741", lines: ['  File "/x/other.py", line 1 in wait'] },
    { thread: "7f0000001742", lines: ["  <no Python frame>"] },
  ]);
  expect(parseStacks('Stack (most recent call first):\n  File "a", line 1 in b\n')).toEqual([
    { thread: "", lines: ['  File "a", line 1 in b'] },
  ]);
  expect(parseStacks("")).toEqual([]);
});

describe("a request in a slot", () => {
  function frameOf(request: FakeRequest): Uint8Array {
    const encoder = new RequestEncoder();
    const to = { id: 1, front: 0, epoch: 1, deadlineMs: 0, limitMs: 0, lends: false };
    return encoder.buffer.subarray(0, encoder.encode(fakeExchange(request).exchange, EMPTY_BODY, to));
  }

  test("is read back from its frame", () => {
    expect(describeRequest(frameOf({ method: "PUT", path: "/report", query: "year=2026" }))).toBe(
      "PUT /report?year=2026",
    );
    const long = "x".repeat(3000);
    expect(describeRequest(frameOf({ path: `/${long}` }))).toBe(`GET /${"x".repeat(511)}`);
  });

  test("that is overwritten meanwhile is no error, wherever it is cut or changed", () => {
    const frame = frameOf({ path: "/report", fields: [["X-Long", "y".repeat(300)]] });
    for (let length = 0; length <= frame.length; length++) {
      expect(describeRequest(frame.subarray(0, length))).toMatch(/^(a request|GET \/report)$/);
    }
    for (let at = 0; at < frame.length; at++) {
      const changed = frame.slice();
      changed[at] = 0xff;
      expect(typeof describeRequest(changed)).toBe("string");
    }
  });
});
