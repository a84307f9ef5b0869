import { describe, expect, test } from "bun:test";
import { compileRoutes, type RouteEntry, type RouteMatch } from "../../src/exchange/router.ts";

function route(match: RouteMatch): RouteEntry<string> {
  return { match, value: match.kind === "regex" ? `~ ${match.source}` : `${match.kind} ${match.path}` };
}

const exact = (path: string) => route({ kind: "exact", path });
const prefix = (path: string) => route({ kind: "prefix", path });
const regex = (source: string, ignoreCase = false) => route({ kind: "regex", source, ignoreCase });

describe("compileRoutes", () => {
  const select = compileRoutes([
    prefix("/"),
    regex("\\.php$"),
    regex("^/media/.*\\.(jpg|png)$", true),
    prefix("/media/"),
    prefix("/media/private"),
    prefix("/static"),
    exact("/"),
    exact("/static/robots.txt"),
    prefix("/grüße/"),
  ]);

  test.each([
    ["/", "exact /", ""],
    ["/x", "prefix /", ""],
    ["/static", "prefix /static", "/static"],
    ["/static/", "prefix /static", "/static"],
    ["/static/a/b", "prefix /static", "/static"],
    ["/staticx", "prefix /", ""],
    ["/static..", "prefix /", ""],
    ["/Static/", "prefix /", ""],
    ["/static/robots.txt", "exact /static/robots.txt", ""],
    ["/static/robots.txt/", "prefix /static", "/static"],
    ["/media", "prefix /media/", "/media"],
    ["/media/", "prefix /media/", "/media"],
    ["/media/private", "prefix /media/private", "/media/private"],
    ["/media/private/x", "prefix /media/private", "/media/private"],
    ["/media/privatex", "prefix /media/", "/media"],
    ["/media/a.JPG", "~ ^/media/.*\\.(jpg|png)$", ""],
    ["/media/a.php", "~ \\.php$", ""],
    ["/a.PHP", "prefix /", ""],
    [Buffer.from("/grüße/x").toString("latin1"), "prefix /grüße/", Buffer.from("/grüße").toString("latin1")],
  ])("%s goes to %s", (path, value, mount) => {
    expect(select(path)).toEqual({ value, mount });
  });

  test("`/static` and `/static/` are the same mapping", () => {
    for (const path of ["/static", "/static/"]) {
      const only = compileRoutes([prefix(path)]);
      for (const below of ["/static", "/static/", "/static/x"]) expect(only(below)?.mount).toBe("/static");
      for (const beside of ["/", "/staticx", "/stati", "/x/static"]) expect(only(beside)).toBeUndefined();
    }
    expect(() => compileRoutes([prefix("/static"), prefix("/static/")])).toThrow("/static/");
  });

  test("the first regex wins, not the longest, and an exact path beats both", () => {
    const choose = compileRoutes([regex("a"), regex("^/abc$"), exact("/abc/"), prefix("/abc/")]);
    expect(choose("/abc")?.value).toBe("~ a");
    expect(choose("/abc/")?.value).toBe("exact /abc/");
  });

  test("without a route for everything some paths have none", () => {
    expect(compileRoutes([prefix("/a")])("*")).toBeUndefined();
    expect(compileRoutes([])("/")).toBeUndefined();
  });

  test("gives the same object each time", () => {
    expect(select("/static/a")).toBe(select("/static/b"));
  });
});

test("`.` is any byte: a line feed in the path leads around no expression", () => {
  const select = compileRoutes([regex("^/private/.*$"), prefix("/")]);
  for (const byte of ["\n", "\r", "\xff", "\u2028"]) expect(select(`/private/${byte}x`)?.value).toStartWith("~");
});

test("what the groups of a route's expression found is kept; routes without groups leave nothing", () => {
  const select = compileRoutes([regex("^/u/(?<user>\\w+)/(.*)$"), regex("\\.php$"), prefix("/")]);
  const into = { captures: undefined as RegExpExecArray | undefined };
  for (const path of ["/", "/a.php"]) select(path, into);
  expect(into.captures).toBeUndefined();
  select("/u/bob/a/b", into);
  expect(into.captures?.slice(1)).toEqual(["bob", "a/b"]);
  expect(into.captures?.groups).toMatchObject({ user: "bob" });
});
