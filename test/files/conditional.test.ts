import { describe, expect, test } from "bun:test";
import { evaluate, type Outcome, readConditions } from "../../src/files/conditional.ts";
import { Fields } from "../../src/protocol/http/fields.ts";

const NOW = Date.UTC(2026, 10, 22, 12, 0, 0);
const MODIFIED = Date.UTC(2026, 10, 20, 8, 30, 15);
const SAME = "Fri, 20 Nov 2026 08:30:15 GMT";
const BEFORE = "Fri, 20 Nov 2026 08:30:14 GMT";
const AFTER = "Fri, 20 Nov 2026 08:30:16 GMT";
const SAME_RFC850 = "Friday, 20-Nov-26 08:30:15 GMT";
const FILE = { etag: '"18a-400"', lastModified: SAME, lastModifiedMs: MODIFIED };

type Case = readonly [fields: Record<string, string>, outcome: Outcome, method?: string];

function check(cases: readonly Case[], file = FILE): void {
  for (const [fields, outcome, method = "GET"] of cases) {
    test(`${method} ${JSON.stringify(fields)} is ${outcome}`, () => {
      const conditions = readConditions(Fields.of([["Host", "x"], ...Object.entries(fields)]));
      expect(evaluate(conditions, file, method, () => NOW)).toBe(outcome);
    });
  }
}

describe("rfc9110_13_1_1 If-Match", () => {
  check([
    [{ "If-Match": '"18a-400"' }, "whole"],
    [{ "If-Match": "*" }, "whole"],
    [{ "If-Match": '"x", "18a-400"' }, "whole"],
    [{ "If-Match": '"x"' }, "failed"],
    [{ "If-Match": 'W/"18a-400"' }, "failed"],
    [{ "If-Match": "18a-400" }, "failed"],
    [{ "If-Match": "" }, "failed"],
  ]);
});

describe("a weak tag, of what was compressed here", () => {
  check(
    [
      [{ "If-None-Match": 'W/"18a-400-br"' }, "not-modified"],
      [{ "If-None-Match": '"x", "18a-400-br"' }, "not-modified"],
      [{ "If-None-Match": '"18a-400"' }, "whole"],
      [{ "If-Match": 'W/"18a-400-br"' }, "failed"],
      [{ "If-Match": '"18a-400-br"' }, "failed"],
      [{ "If-Match": "*" }, "whole"],
      [{ Range: "bytes=0-1", "If-Range": 'W/"18a-400-br"' }, "whole"],
    ],
    { ...FILE, etag: 'W/"18a-400-br"' },
  );
});

describe("rfc9110_13_1_2 If-None-Match", () => {
  check([
    [{ "If-None-Match": '"18a-400"' }, "not-modified"],
    [{ "If-None-Match": 'W/"18a-400"' }, "not-modified"],
    [{ "If-None-Match": "*" }, "not-modified"],
    [{ "If-None-Match": '"a,b" , W/"c",\t"18a-400"' }, "not-modified"],
    [{ "If-None-Match": '"18a-400"' }, "not-modified", "HEAD"],
    [{ "If-None-Match": '"18a-400x"' }, "whole"],
    [{ "If-None-Match": '"x" "18a-400"' }, "whole"],
    [{ "If-None-Match": 'w/"18a-400"' }, "whole"],
    [{ "If-None-Match": "18a-400" }, "whole"],
  ]);

  test("several lines are one list", () => {
    const fields = Fields.of([
      ["If-None-Match", '"x"'],
      ["If-None-Match", '"18a-400"'],
    ]);
    expect(evaluate(readConditions(fields), FILE, "GET", () => NOW)).toBe("not-modified");
  });
});

describe("rfc9110_13_1_3 If-Modified-Since", () => {
  check([
    [{ "If-Modified-Since": SAME }, "not-modified"],
    [{ "If-Modified-Since": AFTER }, "not-modified"],
    [{ "If-Modified-Since": SAME_RFC850 }, "not-modified"],
    [{ "If-Modified-Since": BEFORE }, "whole"],
    [{ "If-Modified-Since": "yesterday" }, "whole"],
    [{ "If-Modified-Since": "" }, "whole"],
  ]);
});

describe("rfc9110_13_1_4 If-Unmodified-Since", () => {
  check([
    [{ "If-Unmodified-Since": SAME }, "whole"],
    [{ "If-Unmodified-Since": AFTER }, "whole"],
    [{ "If-Unmodified-Since": BEFORE }, "failed"],
    [{ "If-Unmodified-Since": "never" }, "whole"],
  ]);
});

describe("rfc9110_13_1_5 If-Range", () => {
  const Range = "bytes=0-1";
  check([
    [{ Range }, "ranged"],
    [{ Range, "If-Range": '"18a-400"' }, "ranged"],
    [{ Range, "If-Range": SAME }, "ranged"],
    [{ Range, "If-Range": SAME_RFC850 }, "ranged"],
    [{ Range, "If-Range": 'W/"18a-400"' }, "whole"],
    [{ Range, "If-Range": '"x"' }, "whole"],
    [{ Range, "If-Range": AFTER }, "whole"],
    [{ Range, "If-Range": BEFORE }, "whole"],
    [{ Range, "If-Range": "rubbish" }, "whole"],
    [{ "If-Range": '"18a-400"' }, "whole"],
    [{ Range }, "whole", "HEAD"],
  ]);

  test("a date is no strong validator within the second of the change (rfc9110_8_8_2_2)", () => {
    const conditions = readConditions(
      Fields.of([
        ["Range", Range],
        ["If-Range", SAME],
      ]),
    );
    expect(evaluate(conditions, FILE, "GET", () => MODIFIED + 999)).toBe("whole");
    expect(evaluate(conditions, FILE, "GET", () => MODIFIED + 1000)).toBe("ranged");
  });
});

describe("rfc9110_13_2_2 precedence", () => {
  check([
    [{ "If-Match": '"18a-400"', "If-Unmodified-Since": BEFORE }, "whole"],
    [{ "If-Match": '"x"', "If-None-Match": '"18a-400"' }, "failed"],
    [{ "If-Match": '"18a-400"', "If-None-Match": '"18a-400"' }, "not-modified"],
    [{ "If-None-Match": '"x"', "If-Modified-Since": SAME }, "whole"],
    [{ "If-None-Match": '"18a-400"', Range: "bytes=0-1" }, "not-modified"],
    [{ "If-Unmodified-Since": BEFORE, "If-Modified-Since": SAME }, "failed"],
  ]);
});

test("a request without conditions costs no object", () => {
  const none = readConditions(new Fields());
  const fields = Fields.of([
    ["Referer", "x"],
    ["Incremental", "?1"],
    ["Idempotency-Key", "y"],
  ]);
  expect(readConditions(fields)).toBe(none);
});
