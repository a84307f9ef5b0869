import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Log } from "../../src/base/log.ts";
import { readManifest, StaticManifest } from "../../src/files/static-manifest.ts";
import { makeFolder, removeFolder } from "../support/folder.ts";

const folder = makeFolder("manifest");
afterAll(() => removeFolder(folder));
let folders = 0;

const PATHS = { "css/a.css": "css/a.0123456789ab.css", "a.js": "a.js", "é.js": "é.abcdefabcdef.js" };
const text = (version: string) => JSON.stringify({ paths: PATHS, version, hash: "x" });

function make(content?: string) {
  const directory = join(folder, String(folders++));
  mkdirSync(directory);
  if (content !== undefined) writeFileSync(join(directory, "staticfiles.json"), content);
  const errors: string[] = [];
  const log = { error: (line: string) => errors.push(line) } as unknown as Log;
  return { directory, errors, open: () => new StaticManifest(directory, log) };
}

describe("without a manifest the pattern decides", () => {
  const manifest = make().open();
  test.each([
    ["/a.0123456789ab.css", true],
    ["/css/deep/a.min.abcdefabcdef.js", true],
    ["/a.0123456789ab.js.map", false],
    ["/a.0123456789AB.css", false],
    ["/a.0123456789a.css", false],
    ["/a.0123456789abc.css", false],
    ["/a-0123456789ab.css", false],
    ["/a.0123456789ag.css", false],
    ["/report.202401311200.pdf", false],
    ["/a.0123456789ab", false],
    ["/a.0123456789ab./b.css", false],
    ["/a.css", false],
  ])("%s: %p", (path, hashed) => {
    expect(manifest.isHashed(path)).toBe(hashed);
  });
});

test.each(["1.0", "1.1"])("a manifest of version %s decides alone", (version) => {
  const manifest = make(text(version)).open();
  expect(manifest.isHashed("/css/a.0123456789ab.css")).toBe(true);
  expect(manifest.isHashed("/css/b.0123456789ab.css")).toBe(false);
  expect(manifest.isHashed("/a.js")).toBe(false);
  expect(manifest.isHashed(Buffer.from("/é.abcdefabcdef.js").latin1Slice())).toBe(true);
});

test.each([
  ["no JSON", "{"],
  ["a list", "[]"],
  ["no paths", '{"version": "1.1"}'],
  ["another version", '{"version": "2.0", "paths": {}}'],
])("a manifest that is %s is told of once, and the pattern decides", (_, content) => {
  const { errors, open } = make(content);
  const manifest = open();
  expect(manifest.isHashed("/b.0123456789ab.css")).toBe(true);
  expect(manifest.isHashed("/b.css")).toBe(false);
  expect(errors.length).toBe(1);
  expect(errors[0]).toMatch(/staticfiles\.json/);
  expect(() => readManifest(Buffer.from(content))).toThrow();
});

test("a manifest that changes, comes or goes is noticed within a second", async () => {
  const { directory, open } = make(text("1.1"));
  const manifest = open();
  const path = join(directory, "staticfiles.json");
  expect(manifest.isHashed("/b.0123456789ab.css")).toBe(false);
  writeFileSync(path, text("1.1").replace("css/a.0", "b.0"));
  utimesSync(path, new Date(), new Date(Date.now() + 5000));
  await Bun.sleep(1100);
  expect([manifest.isHashed("/b.0123456789ab.css"), manifest.isHashed("/c.0123456789ab.css")]).toEqual([true, false]);
  rmSync(path);
  await Bun.sleep(1100);
  expect(manifest.isHashed("/c.0123456789ab.css")).toBe(true);
});
