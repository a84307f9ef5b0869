import { expect, test } from "bun:test";
import { checkTop } from "../../scripts/tidy/top.ts";
import { readTop } from "../../scripts/tidy/tree.ts";

const NAMES = ["ARCHITECTURE.md", "CHANGELOG.md", "LICENSE", "Makefile", "README.md", "bun.lock", "bunfig.toml"].concat(
  [".ci", ".gitignore", "docs", "package.json", "scripts", "src", "test", "tsconfig.json"],
);

test("what is committed at the top is what is listed", () => {
  expect(checkTop(NAMES)).toEqual([]);
  expect(readTop() ?? NAMES).toEqual(NAMES.toSorted());
});

test("a file that was left there is found, and one that is not there", () => {
  const names = NAMES.filter((name) => name !== "LICENSE");
  expect(checkTop([...names, "files"]).map(({ path, message }) => `${path}: ${message}`)).toEqual([
    "files: does not belong at the top of the project; remove it, or enter it in scripts/tidy/top.ts",
    "LICENSE: is missing",
  ]);
});
