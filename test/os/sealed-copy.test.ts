import { afterAll, expect, test } from "bun:test";
import {
  closeSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { copySealed, memoryOfCopy } from "../../src/os/sealed-copy.ts";
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

test("it is as long as the file, in huge pages or not, and nothing of it stays mapped", () => {
  const mapped = () => readFileSync("/proc/self/maps", "latin1").split("\n").length;
  const descriptors = () => readdirSync("/proc/self/fd").length;
  copySealed(-1, 1); // what the first call needs is there
  const before = [mapped(), descriptors()];
  for (const length of [1, 4096, 524_287, 524_288, 1_048_576, 2_097_152, 2_097_153, content.length]) {
    const copy = copyOf(length);
    expect(fstatSync(copy).size).toBe(length);
    const found = Buffer.alloc(length + 1);
    expect(readSync(copy, found, 0, found.length, 0)).toBe(length);
    expect(found.subarray(0, length).equals(content.subarray(0, length))).toBe(true);
    // In 512 bytes; what it takes is told beforehand.
    expect(fstatSync(copy).blocks * 512).toBeLessThanOrEqual(Math.max(4096, memoryOfCopy(length) + 4096));
    closeSync(copy);
  }
  expect(Math.abs(mapped() - before[0]!)).toBeLessThanOrEqual(8);
  expect(descriptors()).toBe(before[1]!);
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
