import { afterAll, expect, test } from "bun:test";
import { closeSync, ftruncateSync, openSync, readSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { copySealed } from "../../src/os/sealed-copy.ts";
import { openCopies } from "../support/descriptors.ts";
import { makeFolder, removeFolder } from "../support/folder.ts";

const folder = makeFolder("sealed-copy");
afterAll(() => removeFolder(folder));
const path = join(folder, "file");
const content = Buffer.alloc(3_000_001, "abcdefg");
writeFileSync(path, content);

function copyOf(length: number): number {
  const fd = openSync(path, "r+");
  try {
    return copySealed(fd, length);
  } finally {
    closeSync(fd);
  }
}

test("it has the bytes as they were, whatever becomes of the file", () => {
  const copy = copyOf(content.length);
  writeFileSync(path, Buffer.alloc(content.length, "x"), { flag: "r+" });
  const found = Buffer.alloc(content.length + 1);
  expect(readSync(copy, found, 0, found.length, 0)).toBe(content.length);
  expect(found.subarray(0, -1).equals(content)).toBe(true);
  closeSync(copy);
  writeFileSync(path, content);
});

test("nobody writes to it, makes it shorter or longer", () => {
  const copy = copyOf(100);
  expect(() => writeSync(copy, "x", 0)).toThrow("EPERM");
  expect(() => ftruncateSync(copy, 99)).toThrow("EPERM");
  expect(() => ftruncateSync(copy, 101)).toThrow("EPERM");
  closeSync(copy);
});

test("there is none of a file that is shorter than is asked for, and none is left behind", () => {
  expect(copyOf(content.length + 1)).toBe(-1);
  expect(openCopies()).toBe(0);
});
