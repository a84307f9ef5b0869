import { expect, test } from "bun:test";
import { checkTop } from "../../scripts/tidy/top.ts";
import { readTop } from "../../scripts/tidy/tree.ts";

test("what stands at the top is what is listed, or is never committed", () => {
  const names = readTop();
  expect(checkTop(names)).toEqual([]);
  expect(checkTop([...names, "dist", ".build", "server.toml"])).toEqual([]);
});

test("a file that was left there is found, and one that is not there", () => {
  const names = readTop().filter((name) => name !== "LICENSE");
  expect(checkTop([...names, "files"]).map(({ path, message }) => `${path}: ${message}`)).toEqual([
    "files: does not belong at the top of the project; remove it, or enter it in scripts/tidy/top.ts",
    "LICENSE: is missing",
  ]);
});
