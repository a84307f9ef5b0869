import { describe, expect, test } from "bun:test";
import {
  COMPRESSED_TYPES,
  compressedHead,
  isCompressible,
  notModifiedHead,
  TypeList,
} from "../../src/exchange/compressible.ts";
import { Fields } from "../../src/protocol/http/fields.ts";
import { LENGTH_UNKNOWN, type ReplyHead } from "../../src/protocol/http/message.ts";

const types = new TypeList(COMPRESSED_TYPES);

function head(fields: Record<string, string>, status = 200, length = 1000): ReplyHead {
  return { status, reason: undefined, fields: Fields.of(Object.entries(fields)), length };
}

const HTML = { "Content-Type": "text/html; charset=utf-8" };

describe("types", () => {
  test.each([
    ["text/html", true],
    ["Text/HTML; charset=utf-8", true],
    ["application/json", true],
    ["application/ld+json", true],
    ["image/svg+xml", true],
    ["application/wasm", true],
    ["font/ttf", true],
    ["font/woff2", false],
    ["image/png", false],
    ["application/zip", false],
    ["application/octet-stream", false],
    ["text/event-stream", false],
    ["text", false],
    ["", false],
    ["xtext/html", false],
  ])("%s: %p", (type, listed) => {
    expect(types.has(type)).toBe(listed);
  });

  test("event streams only by name, and stars mean any characters of a part", () => {
    expect(new TypeList(["text/event-stream"]).has("text/event-stream")).toBe(true);
    const every = new TypeList(["*/*"]);
    expect([every.has("image/png"), every.has("text/event-stream"), every.has("png")]).toEqual([true, false, false]);
    expect(new TypeList(["text/x.y"]).has("text/xzy")).toBe(false);
    expect(new TypeList([]).has("")).toBe(false);
  });
});

describe("compressed is", () => {
  test.each([
    ["a page", head(HTML), true],
    ["an error page", head(HTML, 404), true],
    ["a reply of unknown length", head(HTML, 200, LENGTH_UNKNOWN), true],
    ["identity as the coding", head({ ...HTML, "Content-Encoding": "identity" }), true],
    ["transform as a word of another directive", head({ ...HTML, "Cache-Control": "x-no-transforms" }), true],
  ])("%s", (_, given) => {
    expect(isCompressible(given, types, 512)).toBe(true);
  });

  test.each([
    ["what is short", head(HTML, 200, 511)],
    ["what is empty", head(HTML, 200, 0)],
    ["what has no type", head({})],
    ["a picture", head({ "Content-Type": "image/png" })],
    ["a part", head({ ...HTML, "Content-Range": "bytes 0-999/2000" }, 206)],
    ["a 204", head(HTML, 204)],
    ["a 205", head(HTML, 205)],
    ["a 304", head(HTML, 304)],
    ["a 416 with its range", head({ ...HTML, "Content-Range": "bytes */2000" }, 416)],
    ["what is encoded", head({ ...HTML, "Content-Encoding": "br" })],
    ["no-transform", head({ ...HTML, "Cache-Control": "public,No-Transform, max-age=1" })],
    ["a digest of the bytes", head({ ...HTML, "Repr-Digest": "sha-256=:x:" })],
  ])("not %s", (_, given) => {
    expect(isCompressible(given, types, 512)).toBe(false);
  });
});

test("the head of a compressed reply", () => {
  const given = head({ ...HTML, ETag: '"a"', "Accept-Ranges": "bytes", Vary: "Cookie", "Content-Length": "1000" });
  const { fields, length } = compressedHead(given, "br", 77);
  expect(fields.pairs()).toEqual([
    ["Content-Type", "text/html; charset=utf-8"],
    ["ETag", 'W/"a"'],
    ["Vary", "Cookie, Accept-Encoding"],
    ["Content-Encoding", "br"],
  ]);
  expect(length).toBe(77);
  expect(given.fields.get("etag")).toBe('"a"');
  const weak = compressedHead(head({ ...HTML, ETag: 'W/"a"' }), "gzip", 1);
  expect(weak.fields.get("etag")).toBe('W/"a"');
});

test("a 304 has the tag that the client knows", () => {
  const given = head({ ETag: '"a"' }, 304, LENGTH_UNKNOWN);
  const known = (etag: string) => notModifiedHead(given, Fields.of([["If-None-Match", etag]])).fields;
  expect(known('"x", W/"a"').get("etag")).toBe('W/"a"');
  expect(known('W/"a"').get("vary")).toBe("Accept-Encoding");
  expect(known('"a"').get("etag")).toBe('"a"');
  expect(notModifiedHead(given, new Fields())).toBe(given);
});
