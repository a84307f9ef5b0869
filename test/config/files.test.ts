import { afterAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Config } from "../../src/config/config.ts";
import { loadConfig } from "../../src/config/load.ts";

const folder = mkdtempSync(join(tmpdir(), "config-files-"));
mkdirSync(join(folder, "static"));
afterAll(() => rmSync(folder, { recursive: true }));

function load(route: string, server = ""): Config {
  const file = join(folder, "server.toml");
  writeFileSync(
    file,
    `${server}\n[[site]]\nlisten = ["127.0.0.1:8000"]\n[site.routes]\n"/" = { files = "static", ${route} }\n`,
  );
  const { config, problems } = loadConfig(file, { PATH: "" }, { cores: 1, ipv6: true });
  if (config === undefined) throw new Error(JSON.stringify(problems));
  return config;
}

function rulesOf(route: string) {
  const target = load(route).sites[0]?.routes[0]?.target;
  return target?.kind === "files" ? target.rules : undefined;
}

const DEFAULTS = { listing: false, symlinks: "inside", hidden: false, absoluteRedirect: false, rangesMax: 32 } as const;

test.each([
  ["", {}],
  ["listing = true", { listing: true }],
  ['symlinks = "deny"', { symlinks: "deny" }],
  ['symlinks = "follow"', { symlinks: "follow" }],
  ["hidden = true", { hidden: true }],
  ["absolute_redirect = true", { absoluteRedirect: true }],
  ["max_ranges = 0", { rangesMax: 0 }],
] as const)("{ %s } changes %j and nothing else", (route, change) => {
  expect(rulesOf(route)).toEqual({ ...DEFAULTS, ...change });
});

test("the cache of files has its size and its time", () => {
  expect(load("").server.fileCache).toEqual({ bytesMax: 64 * 1024 * 1024, revalidateMs: 1000 });
  const server = '[server]\nfile_cache = "1MiB"\ncache_revalidate = "0s"\n';
  expect(load("", server).server.fileCache).toEqual({ bytesMax: 1024 * 1024, revalidateMs: 0 });
});
