import { expect, test } from "bun:test";
import { purgedPlace } from "../../src/cache/purge.ts";
import { CacheStage } from "./stage.ts";

test.each([
  ["all", "*"],
  ["http://Example.org/A?b=C", "example.org/A?b=C"],
  ["https://example.org:8443", "example.org/"],
  ["http://[::1]:80/x", "[::1]/x"],
  ["http://example.org/news/*", "example.org/news/*"],
  ["example.org/x", undefined],
  ["/x", undefined],
  ["", undefined],
  ["http://", undefined],
  ["http://a/b#c", undefined],
])("%s", (url, place) => {
  expect(purgedPlace(url)).toBe(place);
});

test("what is purged is fetched anew", () => {
  const stage = new CacheStage();
  stage.ask({ path: "/a", query: "b", host: "example.org" }, "old");
  expect(stage.cache.forget(purgedPlace("http://Example.org:81/a?b") ?? "")).toBe(1);
  expect(stage.show(stage.ask({ path: "/a", query: "b", host: "example.org" }, "new"))).toBe("MISS new");
});
