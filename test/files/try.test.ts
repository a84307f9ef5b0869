/** Names that are tried in turn below a directory, and what happens when there is none of them. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { plainReply } from "../../src/exchange/canned.ts";
import type { FilesOptions } from "../../src/files/handler.ts";
import { makeTryHandler, traceFiles } from "../../src/files/try.ts";
import { fakeExchange, type FakeRequest } from "../support/exchange.ts";
import { makeFolder, removeFolder, writeFiles } from "../support/folder.ts";

const folder = makeFolder("try");
beforeAll(() =>
  writeFiles(folder, { "index.html": "home", "a.txt": "a", "page.html": "page", "d/index.html": "d", "e/f": "f" }),
);
afterAll(() => removeFolder(folder));

const FILES = { root: folder, single: false, index: ["index.html"], cacheControl: undefined, charset: undefined };

function ask(candidates: readonly string[], path: string, mount = "", more: FakeRequest = {}) {
  const { exchange, reply } = fakeExchange({ path, ...more });
  exchange.mount = mount;
  makeTryHandler({ ...FILES, candidates, otherwise: (other) => plainReply(other, 418, "text/plain", "other") })(
    exchange,
  );
  return { reply, exchange };
}

describe("the first that is there", () => {
  const cases: readonly (readonly [readonly string[], string, string, number, string])[] = [
    [["$uri", "/index.html"], "/a.txt", "", 200, "a"],
    [["$uri", "/index.html"], "/x/y", "", 200, "home"],
    [["$uri", "/index.html"], "/d", "", 200, "home"],
    [["$uri", "$uri.html"], "/page", "", 200, "page"],
    [["$uri", "$uri/"], "/d/", "", 200, "d"],
    [["$uri"], "/d/", "", 200, "d"],
    [["$uri", "$uri/"], "/e/", "", 418, "other"],
    [["$uri", "$uri/"], "/s/a.txt", "/s", 200, "a"],
    [["$uri"], "/s", "/s", 418, "other"],
    [["/d/$uri"], "/index.html", "", 200, "d"],
    [["$uri/index.html"], "/d/", "", 200, "d"],
    [["$uri/index.html"], "/", "", 200, "home"],
    [["$uri"], "/../a.txt", "", 418, "other"],
    [["$uri"], "/$uri", "", 418, "other"],
    [[], "/a.txt", "", 418, "other"],
  ];
  test.each(cases)("%p of %s below %p: %d", (candidates, path, mount, status, body) => {
    const { reply } = ask(candidates, path, mount);
    expect([reply.status, reply.text]).toEqual([status, body]);
  });
});

test("a directory with an index is redirected to its slash, one without is not", () => {
  const { reply } = ask(["$uri", "$uri/"], "/d", "", { query: "q" });
  expect([reply.status, reply.header("location")]).toEqual([301, "/d/?q"]);
  expect(ask(["$uri", "$uri/"], "/e").reply.status).toBe(418);
});

test("another method finds the same files, which do not take it", () => {
  expect(ask(["$uri"], "/a.txt", "", { method: "POST" }).reply.status).toBe(405);
  expect(ask(["$uri"], "/b.txt", "", { method: "POST" }).reply.status).toBe(418);
});

test("the trace says what is looked for", () => {
  const { exchange } = fakeExchange({ path: "/s/a.txt" });
  exchange.mount = "/s";
  expect(traceFiles(FILES, ["$uri", "$uri/", "/nothing"], exchange)).toEqual([
    { name: "/a.txt", kind: "file" },
    { name: "/a.txt/", kind: "none" },
    { name: "/nothing", kind: "none" },
  ]);
});

test.each([
  ["/d", ["$uri", "$uri/"], ["none", "redirect"]],
  ["/d/", ["$uri", "$uri/"], ["file", "file"]],
  ["/e", ["$uri", "$uri/"], ["none", "none"]],
  ["/d", undefined, ["redirect"]],
  ["/d/", undefined, ["file"]],
  ["/e/", undefined, ["none"]],
  ["/.hidden", undefined, ["none"]],
] as const)("the trace of %s by %p is what the handlers do: %p", (path, candidates, kinds) => {
  const { exchange } = fakeExchange({ path });
  const traced = traceFiles(FILES, candidates, exchange);
  expect(traced.map(({ kind }) => kind)).toEqual([...kinds]);
});

test("the trace of a directory names its index, and a listing where there is one", () => {
  const trace = (options: FilesOptions, path: string) =>
    traceFiles(options, undefined, fakeExchange({ path }).exchange);
  expect(trace(FILES, "/d/")).toEqual([{ name: "/d/index.html", kind: "file" }]);
  expect(trace({ ...FILES, listing: true }, "/e/")).toEqual([{ name: "/e/", kind: "listing" }]);
});
