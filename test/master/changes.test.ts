import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Config } from "../../src/config/config.ts";
import { loadConfig } from "../../src/config/load.ts";
import { changesBetween, changesText, feasible } from "../../src/master/changes.ts";
import { makeFolder } from "../support/folder.ts";

const folder = makeFolder("changes");

function load(toml: string): Config {
  const file = join(folder, "server.toml");
  writeFileSync(file, toml);
  const { config, problems } = loadConfig(file, {});
  if (config === undefined) throw new Error(JSON.stringify(problems));
  return config;
}

const site = (body: string, more = "") =>
  `[[site]]\nnames = ["a.example"]\nlisten = [8000]\n[site.routes]\n"/" = { respond = "${body}" }\n${more}`;
const OTHER = `[[site]]\nlisten = [8000]\n[site.routes]\n"/" = { respond = "other" }\n`;
const UPSTREAM = '[upstream.u]\nservers = ["127.0.0.1:1"]\n';

test("names what is added, removed and changed, and nothing else", () => {
  const before = load(UPSTREAM + site("one", '"/u" = { upstream = "u" }'));
  const after = load(`[server]\nkeepalive_timeout = "5s"\n${site("two", OTHER)}`);
  expect(changesText(changesBetween(before, after))).toBe(
    "server settings changed, upstream u removed, site a.example changed, site default added",
  );
  expect(changesText(changesBetween(before, before))).toBe("nothing in it has changed");
});

test("two sites of one name are two", () => {
  const twice = load(OTHER + OTHER.replaceAll("8000", "8001"));
  expect(changesText(changesBetween(load(OTHER), twice))).toBe("site default (2) added");
});

test("what cannot be changed stays, and is said as the file names it", () => {
  const now = load(`[server]\nfronts = 1\n${site("one")}`);
  const next = load(
    `[server]\nfronts = 2\nerror_log_format = "json"\nlog_level = "warn"\ndrain_timeout = "7s"\n${site("one")}`,
  );
  const { config, unchanged } = feasible(next, now);
  expect(unchanged).toEqual([
    "server.fronts is 2, and stays 1 until a restart",
    'server.error_log_format is "json", and stays "text" until a restart',
  ]);
  expect([config.server.fronts, config.server.logLevel, config.server.drainTimeoutMs]).toEqual([1, "warn", 7000]);
});
