import { expect, test } from "bun:test";
import { contentTypeOf } from "../../src/files/mime.ts";

test.each([
  ["/a.html", "text/html; charset=utf-8"],
  ["/a.CSS", "text/css; charset=utf-8"],
  ["/a.js", "text/javascript; charset=utf-8"],
  ["/a.mjs", "text/javascript; charset=utf-8"],
  ["/a.svg", "image/svg+xml; charset=utf-8"],
  ["/a.xml", "text/xml; charset=utf-8"],
  ["/a.json", "application/json"],
  ["/a.webmanifest", "application/manifest+json"],
  ["/a.wasm", "application/wasm"],
  ["/a.png", "image/png"],
  ["/a.avif", "image/avif"],
  ["/a.webp", "image/webp"],
  ["/a.jxl", "image/jxl"],
  ["/a.ico", "image/x-icon"],
  ["/a.woff2", "font/woff2"],
  ["/a.pdf", "application/pdf"],
  ["/a.tar.gz", "application/gzip"],
  ["/a.min.js", "text/javascript; charset=utf-8"],
  ["/a", "application/octet-stream"],
  ["/a.", "application/octet-stream"],
  ["/a.html/b", "application/octet-stream"],
  ["/a.unheard-of", "application/octet-stream"],
  ["/a.constructor", "application/octet-stream"],
])("%s is %s", (name, type) => {
  expect(contentTypeOf(name, "utf-8")).toBe(type);
});

test("without a configured charset none is claimed", () => {
  expect(contentTypeOf("index.html", undefined)).toBe("text/html");
});
