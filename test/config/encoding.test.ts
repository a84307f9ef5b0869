import { afterAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { RouteConfig } from "../../src/config/config.ts";
import { DEFAULT_ENCODING } from "../../src/config/encoding.ts";
import { loadConfig } from "../../src/config/load.ts";
import { formatProblems } from "../../src/config/problems.ts";
import { makeFolder, removeFolder } from "../support/folder.ts";

const folder = makeFolder("encoding");
afterAll(() => removeFolder(folder));

/** The routes of a configuration by their patterns; the first site's other facts beside them. */
function load(server: string, site: string, routes: string) {
  const file = join(folder, "server.toml");
  writeFileSync(file, `[server]\n${server}\n[[site]]\n${site}\n[site.routes]\n${routes}\n`);
  const { config, problems } = loadConfig(file, {}, { cores: 1, ipv6: false });
  const found = config?.sites[0];
  if (found === undefined) throw new Error(formatProblems(problems, { colour: false }));
  const route = (pattern: string) => found.routes.find((each) => each.pattern === pattern) as RouteConfig; // written
  return { site: found, route, compress: (pattern: string) => route(pattern).encoding.compress };
}

describe("compress", () => {
  test("without a word: files are, replies are not", () => {
    const { route } = load("", "", '"/" = { respond = "" }');
    expect(route("/").encoding).toBe(DEFAULT_ENCODING);
    expect(DEFAULT_ENCODING.compress).toMatchObject({ files: true, replies: false, codings: ["zstd", "br", "gzip"] });
  });

  test("the nearer word counts, key by key", () => {
    const { compress } = load(
      'compress = { gzip_level = 9, min_size = "2k", types = "text/*", encodings = ["gzip", "br"] }',
      "compress = false",
      `"/site" = { respond = "" }
      "/on" = { respond = "", compress = true }
      "/own" = { respond = "", compress = { br_level = 9, types = "*" } }`,
    );
    const codings = ["gzip", "br"] as const;
    const server = { codings, bytesMin: 2048, types: ["text/*"], levels: { zstd: 3, br: 4, gzip: 9 } };
    expect(compress("/site")).toEqual({ ...server, files: false, replies: false });
    expect(compress("/on")).toEqual({ ...server, files: true, replies: true });
    const own = { ...server, types: ["*/*"], levels: { zstd: 3, br: 9, gzip: 9 } };
    expect(compress("/own")).toEqual({ ...own, files: true, replies: true });
  });
});

test.each([
  ["", ["br", "zstd", "gzip"]],
  ["precompressed = true", ["br", "zstd", "gzip"]],
  ["precompressed = false", []],
  ['precompressed = "gzip"', ["gzip"]],
  ['precompressed = ["gzip", "br"]', ["gzip", "br"]],
])("%j looks for %j", (written, codings) => {
  expect(load("", written, '"/" = { respond = "" }').route("/").encoding.precompressed).toEqual(codings as never);
});

test("a site's types come before the server's", () => {
  const server = 'types = { ".FOO" = "text/x-foo", ".bar" = "text/x-bar" }\ndefault_type = "text/plain"';
  const { site } = load(server, 'types = { ".bar" = "text/x-site" }', '"/" = { respond = "" }');
  expect(site.types).toEqual({ types: { ".foo": "text/x-foo", ".bar": "text/x-site" }, defaultType: "text/plain" });
});

test.each([
  ["", [["*", "no-cache", true]]],
  [', cache = "30d"', [["*", "max-age=2592000", true]]],
  [", cache = 60", [["*", "max-age=60", true]]],
  [', cache = "immutable"', [["*", "public, max-age=31536000, immutable", false]]],
  [', cache = "no-cache"', [["*", "no-cache", false]]],
  [', cache = "off"', [["*", undefined, false]]],
  [', cache = "public, max-age=60"', [["*", "public, max-age=60", false]]],
  [
    ', cache = { "*.html" = "no-store", "img/**" = "1y", "*" = 5 }',
    [
      ["*.html", "no-store", false],
      ["img/**", "max-age=31536000", true],
      ["*", "max-age=5", true],
    ],
  ],
])("files%s", (written, rules) => {
  const { target } = load("", "", `"/" = { files = "."${written} }`).route("/");
  const found = target.kind === "files" ? target.cache : [];
  expect(found.map(({ pattern, value, isAge }) => [pattern, value, isAge])).toEqual(rules as never);
});

test("what is kept of one reply is no larger than all that is kept, without being told", () => {
  const entryBytes = (size: string) => {
    const upstream = 'access_log = "off"\n[upstream.a]\nservers = "127.0.0.1:1"';
    const { target } = load(upstream, "", `"/" = { upstream = "a", cache = { size = "${size}" } }`).route("/");
    return target.kind === "upstream" ? target.cache?.entryBytesMax : undefined;
  };
  expect(entryBytes("64KiB")).toBe(64 * 1024);
  expect(entryBytes("64MiB")).toBe(1024 * 1024);
});
