/** Where the apps of a site stand: what follows from the routes, and what `mount` says. */
import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { loadConfig } from "../../src/config/load.ts";

const FOLDER = join(import.meta.dir, "../cases/config");

const { config } = loadConfig(join(FOLDER, "ok_mounts.toml"), { PATH: process.env["PATH"] }, { cores: 1, ipv6: false });
const routes = config?.sites[0]?.routes ?? [];

describe("SCRIPT_NAME at", () => {
  const cases: readonly (readonly [pattern: string, mount: string])[] = [
    ["/", ""],
    ["/admin/", ""],
    ["= /login", ""],
    ["/second", "/second"],
    ["/blog/", "/blog"],
    ["/blog/admin/", "/blog"],
    ["= /blog/feed", "/blog"],
    ["/mixed/", "/mixed"],
    ["/mixed/deep/", "/mixed"],
    ["/plain/", ""],
    ["/a/b/", "/a"],
    ["~ \\.json$", "/blog"],
    ["~ \\.xml$", ""],
  ];
  test.each(cases)("%s is %p", (pattern, mount) => {
    const route = routes.find((each) => each.pattern === pattern);
    const otherwise = route?.fallback?.otherwise;
    const target = otherwise?.kind === "target" ? otherwise.target : route?.target;
    expect(target).toMatchObject({ kind: "app", mount });
  });
});

test("a route is for clients unless it is internal", () => {
  expect(routes.filter((route) => route.internal).map((route) => route.pattern)).toEqual(["/protected/"]);
});

test("directories of sendfile_roots are absolute", () => {
  const paths = ["project/static", "project/mysite"].map((path) => join(FOLDER, path));
  expect(config?.apps.map((app) => app.sendfileRoots)).toEqual([paths, []]);
  expect(config?.upstreams[0]?.sendfileRoots).toEqual(paths.slice(0, 1));
});
