import { afterEach, beforeEach, expect, test } from "bun:test";
import { chmodSync, existsSync, lstatSync, readdirSync, readFileSync, statSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { makeFolderFor, writeWhole } from "../../src/setup/write.ts";
import { makeFolder, removeFolder, writeFiles } from "../support/folder.ts";
import { testUnless } from "../support/skip.ts";

let folder = "";
beforeEach(() => (folder = makeFolder("write")));
afterEach(() => removeFolder(folder));

test("a new file is whole, and nothing is left beside it", () => {
  expect(writeWhole(join(folder, "a"), "text")).toBeUndefined();
  expect(readFileSync(join(folder, "a"), "utf8")).toBe("text");
  expect(readdirSync(folder)).toEqual(["a"]);
});

test("an old one is kept under a number that is free, and its mode stays", () => {
  const path = join(folder, "a");
  writeFiles(folder, { a: "one", "a.1": "older" });
  chmodSync(path, 0o640);
  expect(writeWhole(path, "two")).toBe(`${path}.2`);
  expect([path, `${path}.1`, `${path}.2`].map((each) => readFileSync(each, "utf8"))).toEqual(["two", "older", "one"]);
  expect(statSync(path).mode & 0o777).toBe(0o640);
});

test("what is private is for its owner alone, also where a file is there that others could read", () => {
  writeWhole(join(folder, "new"), "secret", true);
  writeFiles(folder, { old: "one" });
  chmodSync(join(folder, "old"), 0o664);
  writeWhole(join(folder, "old"), "secret", true);
  expect(["new", "old"].map((name) => statSync(join(folder, name)).mode & 0o777)).toEqual([0o600, 0o600]);
});

test("a link stays one: what it leads to is written, and kept beside it", () => {
  writeFiles(folder, { "repository/a": "one" });
  symlinkSync("repository/a", join(folder, "a"));
  expect(writeWhole(join(folder, "a"), "two")).toBe(join(folder, "repository/a.1"));
  expect(lstatSync(join(folder, "a")).isSymbolicLink()).toBe(true);
  expect(["a", "a.1"].map((name) => readFileSync(join(folder, "repository", name), "utf8"))).toEqual(["two", "one"]);
});

test("what cannot be written changes nothing", () => {
  expect(() => writeWhole(join(folder, "none/a"), "text")).toThrow("ENOENT");
  writeFiles(folder, { "dir/file": "x" });
  expect(() => writeWhole(join(folder, "dir"), "text")).toThrow();
  expect(readdirSync(folder)).toEqual(["dir"]);
});

test("folders are made with what is missing above", () => {
  makeFolderFor(join(folder, "a/b/c"));
  expect(existsSync(join(folder, "a/b/c"))).toBe(true);
  makeFolderFor(join(folder, "a/b/c"));
});

testUnless(process.getuid?.() === 0 ? undefined : "only root gives away")("a folder is made for a user", () => {
  makeFolderFor(join(folder, "x/media"), "nobody");
  expect([statSync(join(folder, "x")).uid, statSync(join(folder, "x/media")).uid]).toEqual([0, 65534]);
});
