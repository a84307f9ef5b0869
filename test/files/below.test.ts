/** What a template names below the root: slashes that meet are one, an empty value is not its parent. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { pathBelow } from "../../src/files/below.ts";
import { makeFilesHandler } from "../../src/files/handler.ts";
import { isServable } from "../../src/files/path.ts";
import { makeTryHandler } from "../../src/files/try.ts";
import { fakeExchange } from "../support/exchange.ts";
import { makeFolder, removeFolder, writeFiles } from "../support/folder.ts";
import { template } from "../support/template.ts";

const root = makeFolder("below");
beforeAll(() => writeFiles(root, { "d/index.html": "index of d", "e/f": "f" }));
afterAll(() => removeFolder(root));

test.each([
  ["/$uri", "/a/b", "", "/a/b"],
  ["/x$uri", "/a/b", "", "/x/a/b"],
  ["/x/$uri", "/a/", "", "/x/a/"],
  ["/x/$arg_n/y", "/", "n=a", "/x/a/y"],
  ["/x/$arg_n/y", "/", "n=a/", "/x/a/y"],
  ["/x/$arg_n/y", "/", "n=/a", "/x/a/y"],
  ["/x/$arg_n/y", "/", "n=//a", "/x//a/y"],
  ["/x/$arg_n/y", "/", "n=", "/x//y"],
  ["/x/$arg_n/y", "/", "n=/", "/x//y"],
  ["/x/$arg_n$arg_m/y", "/", "n=&m=", "/x//y"],
  ["/x/$arg_n", "/", "n=../y", "/x/../y"],
  ["/plain//text", "/", "", "/plain//text"],
])("%s of %s?%s: %s", (text, path, query, expected) => {
  const below = pathBelow(template(text), fakeExchange({ path, query }).exchange);
  expect(below).toBe(expected);
  expect(isServable(below)).toBe(!expected.includes("//") && !expected.includes(".."));
});

describe("a directory that a template names without its slash, for a path that has it", () => {
  const options = { root, single: false, index: ["index.html"], charset: undefined, below: template("/$arg_d") };
  const tried = { directories: [options], candidates: ["$uri", "$uri/"], otherwise: () => expect.unreachable() };
  test.each([
    ["a file route", makeFilesHandler(options), "/x/", "d=d", 200, "index of d", undefined],
    ["a file route", makeFilesHandler(options), "/x/", "d=e", 404, "404 Not Found", undefined],
    ["a file route", makeFilesHandler(options), "/x", "d=d", 301, "301 Moved", "/x/?d=d"],
    ["one that tries names", makeTryHandler(tried), "/x/", "d=d", 200, "index of d", undefined],
    ["one that tries names", makeTryHandler(tried), "/x", "d=d", 301, "301 Moved", "/x/?d=d"],
  ] as const)("%s", (_name, handler, path, query, status, content, location) => {
    const { exchange, reply } = fakeExchange({ path, query });
    handler(exchange);
    expect([reply.status, reply.header("location")]).toEqual([status, location]);
    expect(reply.text).toContain(content);
  });
});
