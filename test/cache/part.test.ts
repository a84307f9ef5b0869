import { describe, expect, test } from "bun:test";
import { CacheStage, FRESH, type Pairs } from "./stage.ts";

const DATES: Pairs = [
  ["Last-Modified", "Thu, 01 Jan 2026 00:00:00 GMT"],
  ["Date", "Thu, 01 Jan 2026 00:01:00 GMT"],
];
const KEPT: Pairs = [...FRESH, ...DATES, ["ETag", '"v1"'], ["Content-Type", "text/x"]];

function kept(fields: Pairs = KEPT) {
  const stage = new CacheStage();
  stage.ask({}, "0123456789", fields);
  return stage;
}

describe("of a complete reply that is kept", () => {
  test.each<[string, number, string, string]>([
    ["bytes=0-3", 206, "0123", "bytes 0-3/10"],
    ["bytes=8-", 206, "89", "bytes 8-9/10"],
    ["bytes=-1", 206, "9", "bytes 9-9/10"],
    ["bytes=5-99", 206, "56789", "bytes 5-9/10"],
    ["bytes=0-0,9-9", 200, "0123456789", "-"],
    ["lines=1-2", 200, "0123456789", "-"],
    ["bytes=3-1", 200, "0123456789", "-"],
  ])("Range: %s is answered here", (range, status, text, contentRange) => {
    const stage = kept();
    const { reply, exchange } = stage.request({ fields: [["Range", range]] });
    expect([reply.head?.status, reply.text, reply.head?.length]).toEqual([status, text, text.length]);
    expect(reply.head?.fields.get("content-range") ?? "-").toBe(contentRange);
    expect([exchange.cacheStatus, reply.head?.fields.get("etag")]).toEqual(["HIT", '"v1"']);
    expect(stage.asked.length).toBe(1);
    // The part has not become what is kept.
    expect(stage.show(stage.request())).toBe("HIT 0123456789");
  });

  test("what begins behind its end is a 416 with its length", () => {
    const { reply } = kept().request({ fields: [["Range", "bytes=10-"]] });
    expect([reply.head?.status, reply.head?.fields.get("content-range")]).toEqual([416, "bytes */10"]);
  });

  test("of one without content there are no parts", () => {
    const stage = new CacheStage();
    stage.ask({}, "", KEPT);
    const { reply, exchange } = stage.request({ fields: [["Range", "bytes=0-"]] });
    expect([reply.head?.status, reply.text, exchange.cacheStatus]).toEqual([200, "", "HIT"]);
  });

  test.each<[string, number]>([
    ['"v1"', 206],
    ['"v2"', 200],
    ['W/"v1"', 200],
    ["Thu, 01 Jan 2026 00:00:00 GMT", 206],
    ["Thu, 01 Jan 2026 00:00:01 GMT", 200],
  ])("If-Range: %s decides between the part and all of it", (validator, status) => {
    const fields: Pairs = [
      ["Range", "bytes=0-3"],
      ["If-Range", validator],
    ];
    expect(kept().request({ fields }).reply.head?.status).toBe(status);
  });

  test("a weak tag is never good enough for If-Range, nor is a date of the second of the reply", () => {
    const weak: Pairs = [...FRESH, ["ETag", 'W/"v1"']];
    const young: Pairs = [...FRESH, ["Last-Modified", DATES[1]?.[1] ?? ""], ["Date", DATES[1]?.[1] ?? ""]];
    for (const [fields, validator] of [
      [weak, 'W/"v1"'],
      [young, DATES[1]?.[1] ?? ""],
    ] as const) {
      const request: Pairs = [
        ["Range", "bytes=0-3"],
        ["If-Range", validator],
      ];
      expect(kept(fields).request({ fields: request }).reply.head?.status).toBe(200);
    }
  });

  test("If-None-Match comes first, and HEAD has no parts", () => {
    const both: Pairs = [
      ["Range", "bytes=0-3"],
      ["If-None-Match", '"v1"'],
    ];
    expect(kept().request({ fields: both }).reply.head?.status).toBe(304);
    expect(kept().request({ method: "HEAD", fields: [["Range", "bytes=0-3"]] }).reply.head?.status).toBe(200);
  });
});

test("a part of what is not kept, or is stale, is the server's to give, and is not kept", () => {
  const stage = new CacheStage();
  const fields: Pairs = [["Range", "bytes=0-1"]];
  const first = stage.ask({ fields }, "ab", [...FRESH, ["Content-Range", "bytes 0-1/5"]], 206);
  expect([stage.show(first), stage.asked.at(-1)]).toEqual(["BYPASS ab", first.exchange]);
  expect(stage.show(stage.ask({}, "abcde"))).toBe("MISS abcde");
  stage.nowMs += 61_000;
  expect(stage.show(stage.ask({ fields }, "cd", FRESH, 206))).toBe("BYPASS cd");
});
