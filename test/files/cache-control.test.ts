import { describe, expect, test } from "bun:test";
import { CachePolicy, type CacheRule, DEFAULT_CACHE_RULES, IMMUTABLE } from "../../src/files/cache-control.ts";
import type { StaticManifest } from "../../src/files/static-manifest.ts";

const MANIFEST = { isHashed: (path: string) => path.includes(".hash.") } as unknown as StaticManifest;

function rule(pattern: string, value: string | undefined, isAge = false): CacheRule {
  return { pattern, value, isAge };
}

describe("patterns", () => {
  const rules = [
    rule("*", "any"),
    rule("*.html", "page"),
    rule("index.html", "index"),
    rule("*.min.js", "minified"),
    rule("img/*", "picture"),
    rule("deep/**", "deep"),
    rule("/top.txt", "top"),
    rule("a+b.txt", "plus"),
    rule("é.txt", "utf8"),
    rule("*.none", undefined),
  ];
  const policy = new CachePolicy(rules, undefined);
  test.each([
    ["/x.css", "any"],
    ["/x", "any"],
    ["/x.html", "page"],
    ["/sub/x.html", "page"],
    ["/sub/index.html", "index"],
    ["/a.min.js", "minified"],
    ["/img/a.png", "picture"],
    ["/img/a/b.png", "any"],
    ["/other/img/a.png", "any"],
    ["/deep/a/x.htm", "deep"],
    ["/deep/a/b.css", "deep"],
    ["/top.txt", "top"],
    ["/sub/top.txt", "any"],
    ["/a+b.txt", "plus"],
    ["/aab.txt", "any"],
    ["/xhtml", "any"],
    ["/\xc3\xa9.txt", "utf8"],
    ["/a.none", undefined],
  ])("%s: %p", (path, value) => {
    expect(policy.of(path)).toBe(value);
    expect(new CachePolicy(rules.toReversed(), undefined).of(path)).toBe(value);
  });

  test("what none of them fits is asked about each time", () => {
    expect(new CachePolicy([rule("*.css", "x")], undefined).of("/a.js")).toBe("no-cache");
  });
});

describe("a hashed name", () => {
  test.each([
    ["nothing", DEFAULT_CACHE_RULES, IMMUTABLE],
    ["an age", [rule("*", "max-age=60", true)], IMMUTABLE],
    ["no fitting rule", [rule("*.png", "x")], IMMUTABLE],
    ["directives", [rule("*", "no-store")], "no-store"],
    ["directives by pattern", [rule("*", "max-age=60", true), rule("*.css", "private")], "private"],
    ["off", [rule("*", undefined)], undefined],
  ])("where %s is written", (_, rules, value) => {
    expect(new CachePolicy(rules, MANIFEST).of("/a.hash.css")).toBe(value);
  });

  test("means nothing where there is no manifest to ask", () => {
    expect(new CachePolicy(DEFAULT_CACHE_RULES, undefined).of("/a.hash.css")).toBe("no-cache");
    expect(new CachePolicy(DEFAULT_CACHE_RULES, MANIFEST).of("/a.css")).toBe("no-cache");
  });
});
