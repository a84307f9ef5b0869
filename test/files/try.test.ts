/** Names that are tried in turn below a directory, and what happens when there is none of them. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { unlinkSync } from "node:fs";
import { plainReply } from "../../src/exchange/canned.ts";
import type { Handler } from "../../src/exchange/exchange.ts";
import { FileCache } from "../../src/files/cache.ts";
import type { FilesOptions } from "../../src/files/options.ts";
import { makeDirectoriesHandler, makeTryHandler, traceFiles } from "../../src/files/try.ts";
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
  const otherwise: Handler = (other) => plainReply(other, 418, "text/plain", "other");
  makeTryHandler({ directories: [FILES], candidates, otherwise })(exchange);
  return { reply, exchange };
}

describe("the first that is there", () => {
  const cases: readonly (readonly [readonly string[], string, string, number, string])[] = [
    [["$uri", "/index.html"], "/a.txt", "", 200, "a"],
    [["$uri", "/index.html"], "/x/y", "", 200, "home"],
    [["$uri", "/index.html"], "/d", "", 200, "home"],
    [["$uri", "$uri.html"], "/page", "", 200, "page"],
    [["$uri", "$uri/"], "/d/", "", 200, "d"],
    [["$uri"], "/d/", "", 418, "other"],
    [["$uri"], "/", "", 418, "other"],
    [["/d$uri"], "/", "", 418, "other"],
    [["$uri/"], "/", "", 200, "home"],
    [["/d/"], "/a.txt", "", 200, "d"],
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
  expect(traceFiles([FILES], ["$uri", "$uri/", "/nothing"], exchange)).toEqual([
    { root: folder, name: "/a.txt", kind: "file" },
    { root: folder, name: "/a.txt/", kind: "none" },
    { root: folder, name: "/nothing", kind: "none" },
  ]);
});

test.each([
  ["/d", ["$uri", "$uri/"], ["none", "redirect"]],
  ["/d/", ["$uri", "$uri/"], ["none", "file"]],
  ["/e", ["$uri", "$uri/"], ["none", "none"]],
  ["/d", undefined, ["redirect"]],
  ["/d/", undefined, ["file"]],
  ["/e/", undefined, ["none"]],
  ["/.hidden", undefined, ["none"]],
] as const)("the trace of %s by %p is what the handlers do: %p", (path, candidates, kinds) => {
  const { exchange } = fakeExchange({ path });
  const traced = traceFiles([FILES], candidates, exchange);
  expect(traced.map(({ kind }) => kind)).toEqual([...kinds]);
});

test("the trace of a directory names its index, and a listing where there is one", () => {
  const trace = (options: FilesOptions, path: string) =>
    traceFiles([options], undefined, fakeExchange({ path }).exchange);
  expect(trace(FILES, "/d/")).toEqual([{ root: folder, name: "/d/index.html", kind: "file" }]);
  expect(trace({ ...FILES, listing: true }, "/e/")).toEqual([{ root: folder, name: "/e/", kind: "listing" }]);
});

describe("of several directories", () => {
  const outer = makeFolder("try-several");
  const [first, second] = [
    { ...FILES, root: `${outer}/1` },
    { ...FILES, root: `${outer}/2` },
  ];
  const directories = [first, second];
  beforeAll(() =>
    writeFiles(outer, {
      "1/a.txt": "a of 1",
      "1/d/x": "x",
      "1/page.html": "page of 1",
      "2/a.txt": "a of 2",
      "2/b.txt": "b of 2",
      "2/d/index.html": "d of 2",
      "2/index.html": "index of 2",
      "2/.hidden": "hidden",
    }),
  );
  afterAll(() => removeFolder(outer));

  function askOf(handler: Handler, request: FakeRequest) {
    const { exchange, reply } = fakeExchange(request);
    handler(exchange);
    return [reply.status, reply.header("location") ?? reply.text];
  }

  test.each([
    ["/a.txt", "GET", 200, "a of 1"],
    ["/b.txt", "GET", 200, "b of 2"],
    ["/d/", "GET", 200, "d of 2"],
    ["/d", "GET", 301, "/d/"],
    ["/d/x", "GET", 200, "x"],
    ["/", "GET", 200, "index of 2"],
    ["/none", "GET", 404, undefined],
    ["/.hidden", "GET", 404, undefined],
    ["/b.txt", "HEAD", 200, undefined],
    ["/b.txt", "POST", 405, undefined],
    ["/none", "POST", 405, undefined],
    ["/b.txt", "OPTIONS", 405, undefined],
    ["/none", "OPTIONS", 405, undefined],
  ] as const)("%s by %s without try: %d", (path, method, status, text) => {
    const handler = makeDirectoriesHandler(directories);
    const [got, said] = askOf(handler, { path, method });
    expect(got).toBe(status);
    if (text !== undefined) expect(said).toBe(text);
  });

  test("each name is looked for in all of them before the next", () => {
    const otherwise: Handler = (other) => plainReply(other, 418, "text/plain", "other");
    const handler = makeTryHandler({ directories, candidates: ["$uri", "$uri.html", "/a.txt"], otherwise });
    const of = (path: string) => askOf(handler, { path });
    expect(of("/b.txt")).toEqual([200, "b of 2"]);
    expect(of("/page")).toEqual([200, "page of 1"]);
    expect(of("/index")).toEqual([200, "index of 2"]);
    expect(of("/none")).toEqual([200, "a of 1"]);
  });

  test("a file that appears in the first is served from there, one that goes from the second", () => {
    const handler = makeDirectoriesHandler(
      directories.map((each) => ({ ...each, cache: new FileCache(1_000_000, 0) })),
    );
    expect(askOf(handler, { path: "/new" })[0]).toBe(404);
    writeFiles(outer, { "2/new": "of 2" });
    expect(askOf(handler, { path: "/new" })).toEqual([200, "of 2"]);
    writeFiles(outer, { "1/new": "of 1" });
    expect(askOf(handler, { path: "/new" })).toEqual([200, "of 1"]);
    unlinkSync(`${outer}/1/new`);
    expect(askOf(handler, { path: "/new" })).toEqual([200, "of 2"]);
  });

  test("the trace shows each with each", () => {
    const trace = (path: string, candidates?: readonly string[]) =>
      traceFiles(directories, candidates, fakeExchange({ path }).exchange).map(({ root, name, kind }) => [
        root.slice(outer.length),
        name,
        kind,
      ]);
    expect(trace("/d")).toEqual([
      ["/1", "/d", "none"],
      ["/2", "/d", "none"],
      ["/1", "/d/", "none"],
      ["/2", "/d/", "redirect"],
    ]);
    expect(trace("/b.txt", ["$uri"])).toEqual([
      ["/1", "/b.txt", "none"],
      ["/2", "/b.txt", "file"],
    ]);
  });
});
