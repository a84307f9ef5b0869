import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { Charset } from "../../src/exchange/charset.ts";
import { contentTypeOf, isPacked, lastExtensionDecides } from "../../src/files/mime.ts";
import { nginxMissing } from "../support/nginx.ts";
import { testUnless } from "../support/skip.ts";

test.each([
  ["/a.html", "text/html; charset=utf-8"],
  ["/a.CSS", "text/css; charset=utf-8"],
  ["/a.js", "text/javascript; charset=utf-8"],
  ["/a.mjs", "text/javascript; charset=utf-8"],
  ["/a.svg", "image/svg+xml; charset=utf-8"],
  ["/a.xml", "text/xml; charset=utf-8"],
  ["/a.json", "application/json"],
  ["/a.geojson", "application/geo+json"],
  ["/a.webmanifest", "application/manifest+json"],
  ["/a.ipynb", "application/x-ipynb+json"],
  ["/a.wasm", "application/wasm"],
  ["/a.png", "image/png"],
  ["/a.avif", "image/avif"],
  ["/a.webp", "image/webp"],
  ["/a.jxl", "image/jxl"],
  ["/a.heic", "image/heic"],
  ["/a.glb", "model/gltf-binary"],
  ["/a.ico", "image/x-icon"],
  ["/a.woff2", "font/woff2"],
  ["/a.pdf", "application/pdf"],
  ["/a.parquet", "application/vnd.apache.parquet"],
  ["/a.tar.gz", "application/gzip"],
  ["/a.css.zst", "application/zstd"],
  ["/a.css.br", "application/octet-stream"],
  ["/a.min.js", "text/javascript; charset=utf-8"],
  ["/a.b.c.HtMl", "text/html; charset=utf-8"],
  ["/a", "application/octet-stream"],
  ["/a.", "application/octet-stream"],
  ["/a.html/b", "application/octet-stream"],
  ["/a.unheard-of", "application/octet-stream"],
  ["/a.constructor", "application/octet-stream"],
])("%s is %s", (name, type) => {
  expect(contentTypeOf(name, new Charset("utf-8"))).toBe(type);
});

test("without a configured charset none is claimed", () => {
  expect(contentTypeOf("index.html", undefined)).toBe("text/html");
});

describe("configured types", () => {
  const options = {
    types: {
      ".foo": "text/x-foo",
      ".html": "application/xhtml+xml",
      ".d.ts": "text/plain",
      ".u": "text/plain; charset=gbk",
    },
    defaultType: "text/plain",
  };
  test.each([
    ["/a.foo", "text/x-foo; charset=utf-8"],
    ["/A.FOO", "text/x-foo; charset=utf-8"],
    ["/a.html", "application/xhtml+xml; charset=utf-8"],
    ["/x.d.ts", "text/plain; charset=utf-8"],
    ["/x.ts", "video/mp2t"],
    ["/x.u", "text/plain; charset=gbk"],
    ["/README", "text/plain; charset=utf-8"],
    ["/a.d.ts/README", "text/plain; charset=utf-8"],
    ["/a.constructor", "text/plain; charset=utf-8"],
    ["/a.png", "image/png"],
  ])("%s is %s", (name, type) => {
    expect(contentTypeOf(name, new Charset("utf-8"), options)).toBe(type);
  });
});

test("what is packed by its format", () => {
  const packed = ["image/png", "video/mp4", "audio/ogg", "font/woff2", "application/gzip", "application/zip"];
  const not = [
    "text/css",
    "image/svg+xml",
    "application/pdf",
    "font/ttf",
    "application/octet-stream",
    "application/wasm",
  ];
  expect(packed.map(isPacked)).toEqual(packed.map(() => true));
  expect(not.map(isPacked)).toEqual(not.map(() => false));
});

/** Where ours is newer than nginx's: RFC 9239, RFC 8081 and the registrations that followed. */
const RENAMED = new Set(["js", "bmp", "rar"]);

testUnless(nginxMissing())("every extension of nginx's mime.types has its type", () => {
  const types = readFileSync("/etc/nginx/mime.types", "latin1");
  const rows = [...types.matchAll(/^\s+(\S+\/\S+)\s+([^;]+);/gm)];
  expect(rows.length).toBeGreaterThan(70);
  for (const [, type, extensions] of rows) {
    for (const extension of (extensions as string).split(/\s+/)) {
      if (RENAMED.has(extension)) continue;
      expect(`${extension} ${contentTypeOf(`x.${extension}`, undefined)}`).toBe(`${extension} ${type}`);
    }
  }
});

test("the last extension decides unless a longer one is configured", () => {
  for (const types of [undefined, {}, { ".css": "text/x", ".ts": "text/y" }])
    expect(lastExtensionDecides({ types })).toBe(true);
  expect(lastExtensionDecides()).toBe(true);
  expect(lastExtensionDecides({ types: { ".css": "text/x", ".d.ts": "text/y" } })).toBe(false);
});
