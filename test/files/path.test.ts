import { expect, test } from "bun:test";
import { belowMount, hasEncodedSlash, isServable, joinPaths, rootBytes } from "../../src/files/path.ts";

test.each([
  "",
  "/",
  "/a",
  "/a/",
  "/a/b.css",
  "/a b/c",
  "/%2e%2e/literal percent signs",
  "/.well-known/acme-challenge/token",
  "/a/.well-known",
  "/a.b.c",
  "/a..b",
  "/~user/x",
  "/\xff\xfe",
  "/line\nfeed",
  "/" + "a".repeat(4094),
])("%j may be looked for", (rest) => {
  expect(isServable(rest)).toBe(true);
});

test.each([
  "a",
  "/..",
  "/../etc/passwd",
  "/a/../b",
  "/a/..",
  "/.",
  "/./a",
  "/a/./b",
  "/...",
  "/.git/config",
  "/.env",
  "/a/.htpasswd",
  "/.well-known/.secret",
  "/.well-knownx",
  "/..well-known",
  "//a",
  "/a//b",
  "/a//",
  "/a\\b",
  "/..\\..\\x",
  "/a\0.css",
  "/settings.py~",
  "/old~/x",
  "/" + "a".repeat(4095),
])("%j is nothing that is served", (rest) => {
  expect(isServable(rest)).toBe(false);
});

test.each([
  ["/a%2fb", "/a/b", true],
  ["/a%2Fb", "/a/b", true],
  ["/a/b", "/a/b", false],
  ["/a%20b", "/a b", false],
  ["/a%252fb", "/a%2fb", false],
])("a slash of %j was sent encoded: %2$p", (rawPath, path, expected) => {
  expect(hasEncodedSlash({ rawPath, path })).toBe(expected);
});

test("joinPaths makes one slash of two that meet", () => {
  expect([joinPaths("/a/", "/b"), joinPaths("/a", "/b"), joinPaths("/a/", "b"), joinPaths("/a", "b")]).toEqual([
    "/a/b",
    "/a/b",
    "/a/b",
    "/ab",
  ]);
  expect([joinPaths("", "/"), joinPaths("/", ""), joinPaths("/", "/")]).toEqual(["/", "/", "/"]);
});

test("belowMount cuts the mount off and nothing else", () => {
  expect(belowMount("/static/a", "/static")).toBe("/a");
  expect(belowMount("/static", "/static")).toBe("");
  expect(belowMount("/a", "")).toBe("/a");
});

test("rootBytes holds one character per byte and no closing slash", () => {
  expect(rootBytes("/srv/grün/")).toBe("/srv/gr\xc3\xbcn");
  expect(rootBytes("/")).toBe("");
});
