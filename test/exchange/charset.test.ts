import { describe, expect, test } from "bun:test";
import { Charset } from "../../src/exchange/charset.ts";
import { Fields } from "../../src/protocol/http/fields.ts";

/** As nginx answers (test/e2e/import-nginx.test.ts). */
const REPLIES: readonly (readonly [type: string, status: number, expected: string | undefined])[] = [
  ["text/html", 200, "text/html; charset=gbk"],
  ["Text/HTML", 200, "Text/HTML; charset=gbk"],
  ["text/html", 404, "text/html; charset=gbk"],
  ["text/html", 303, "text/html; charset=gbk"],
  ["text/html", 301, undefined],
  ["text/html", 302, undefined],
  ["application/javascript", 200, "application/javascript; charset=gbk"],
  ["application/rss+xml", 200, "application/rss+xml; charset=gbk"],
  ["text/css", 200, undefined],
  ["application/json", 200, undefined],
  ["text/html;", 200, undefined],
  ["text/html; charset=utf-8", 200, undefined],
  ["text/html; level=1", 200, undefined],
  ["", 200, undefined],
];

const headOf = (type: string, status = 200) => ({
  status,
  reason: undefined,
  fields: Fields.of([["Content-Type", type]]),
  length: 0,
});

describe("a reply", () => {
  test.each(REPLIES)("%s %d", (type, status, expected) =>
    expect(new Charset("gbk").ofReply(headOf(type, status))).toBe(expected),
  );

  test("without a type stays without", () => {
    expect(new Charset("gbk").ofReply({ ...headOf(""), fields: new Fields() })).toBeUndefined();
  });
});

test("listed types are those of files and replies", () => {
  const charset = new Charset("gbk", ["text/css", "application/*"]);
  expect(charset.ofFile("text/css")).toBe("text/css; charset=gbk");
  expect(charset.ofFile("text/html")).toBe("text/html");
  expect(charset.ofReply(headOf("application/json"))).toBe("application/json; charset=gbk");
  expect(charset.ofReply(headOf("text/html"))).toBeUndefined();
});

test("none is none", () => {
  expect(Charset.of({ charset: undefined, charsetTypes: ["text/css"] })).toBeUndefined();
});
