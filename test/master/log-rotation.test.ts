import { afterEach, beforeEach, expect, test } from "bun:test";
import { closeSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { SILENT } from "../../src/base/log.ts";
import type { LogFilesConfig } from "../../src/config/log-config.ts";
import { isDue, LogRotation, rotatedFiles, surplus } from "../../src/master/log-rotation.ts";
import { openLogFile, reopenLogFile } from "../../src/os/log-file.ts";
import { makeFolder, removeFolder } from "../support/folder.ts";

const OPTIONS: LogFilesConfig = { rotateBytes: 100, rotateAgeMs: 1000, compress: true, keepMs: 0, totalBytes: 0 };

let folder = "";
let path = "";
let fd = -1;
beforeEach(() => {
  folder = makeFolder("rotation");
  path = join(folder, "access.log");
  fd = openLogFile(path);
});
afterEach(() => {
  closeSync(fd);
  removeFolder(folder);
});

const rotated = () => readdirSync(folder).filter((name) => name !== "access.log");

async function rotate(rotation: LogRotation): Promise<void> {
  rotation.rotate({ path, fd }, () => reopenLogFile(fd, path));
  await rotation.settled();
}

test("a file is due when it is large or old, and an empty one never", () => {
  expect(isDue(100, 0, OPTIONS)).toBe(true);
  expect(isDue(99, 999, OPTIONS)).toBe(false);
  expect(isDue(1, 1000, OPTIONS)).toBe(true);
  expect(isDue(0, 1e9, OPTIONS)).toBe(false);
  expect(isDue(1e9, 1e9, { ...OPTIONS, rotateBytes: 0, rotateAgeMs: 0 })).toBe(false);
});

test("too old and too much is deleted, the oldest first", () => {
  const files = [3, 1, 2].map((day) => ({ path: `day ${day}`, bytes: 10, atMs: day * 1000 }));
  const gone = (options: Partial<LogFilesConfig>, live = 5, nowMs = 4000) =>
    surplus(files, live, nowMs, { ...OPTIONS, ...options }).map((file) => file.path);
  expect(gone({})).toEqual([]);
  expect(gone({ keepMs: 2500 })).toEqual(["day 1"]);
  expect(gone({ totalBytes: 35 })).toEqual([]);
  expect(gone({ totalBytes: 34 })).toEqual(["day 1"]);
  expect(gone({ totalBytes: 15 })).toEqual(["day 1", "day 2"]);
  expect(gone({ totalBytes: 1 })).toEqual(["day 1", "day 2", "day 3"]);
  expect(gone({ keepMs: 2500, totalBytes: 25 })).toEqual(["day 1"]);
});

test("what was in the file is compressed beside it, and the number goes on in a new one", async () => {
  const rotation = new LogRotation(() => OPTIONS, SILENT);
  writeSync(fd, "one\n");
  await rotate(rotation);
  writeSync(fd, "two\n");
  expect(readFileSync(path, "utf8")).toBe("two\n");
  const [name = ""] = rotated();
  expect(rotated()).toEqual([expect.stringMatching(/^access\.log\.\d{8}T\d{6}Z\.gz$/)]);
  expect(gunzipSync(readFileSync(join(folder, name))).toString()).toBe("one\n");
});

test("several rotations in a second have names of their own", async () => {
  const rotation = new LogRotation(() => ({ ...OPTIONS, compress: false }), SILENT);
  for (const text of ["a\n", "b\n", "c\n"]) {
    writeSync(fd, text);
    await rotate(rotation);
  }
  expect(rotated()).toHaveLength(3);
  expect(
    rotatedFiles(path)
      .map((file) => readFileSync(file.path, "utf8"))
      .toSorted(),
  ).toEqual(["a\n", "b\n", "c\n"]);
});

test("what the end of a server left half done is done, and files of others are left alone", async () => {
  const names = ["access.log.20200101T000000Z", "access.log.20200101T000000Z.gz.tmp", "access.log.1", "other.log"];
  for (const name of names) writeFileSync(join(folder, name), "x\n");
  const rotation = new LogRotation(() => ({ ...OPTIONS, totalBytes: 1000 }), SILENT);
  rotation.tidy([{ path, fd }]);
  await rotation.settled();
  expect(rotated().toSorted()).toEqual(["access.log.1", "access.log.20200101T000000Z.gz", "other.log"]);
});

test("log_keep deletes by the time in the name", async () => {
  writeFileSync(join(folder, "access.log.20200101T000000Z.gz"), "x");
  const rotation = new LogRotation(() => ({ ...OPTIONS, keepMs: 86_400_000 }), SILENT);
  rotation.tidy([{ path, fd }]);
  await rotation.settled();
  expect(rotated()).toEqual([]);
});

test("what cannot be compressed keeps nothing else from being compressed, and nothing from being deleted", async () => {
  const [oldest, stuck, other] = ["20200101", "20200102", "20200103"].map((day) => `access.log.${day}T000000Z`);
  for (const name of [oldest, stuck, other]) writeFileSync(join(folder, name ?? ""), "x".repeat(100));
  // In the place of what it would become.
  mkdirSync(join(folder, `${stuck}.gz`));
  const lines: string[] = [];
  const log = { ...SILENT, error: (text: string) => void lines.push(text) };
  const rotation = new LogRotation(() => ({ ...OPTIONS, totalBytes: 140 }), log);
  rotation.tidy([{ path, fd }]);
  await rotation.settled();
  expect(rotated().toSorted()).toEqual([`${stuck}`, `${stuck}.gz`, `${other}.gz`]);
  expect(lines).toEqual([expect.stringContaining(`${stuck} cannot be compressed: `)]);
});

test("a rotation that cannot begin a new file leaves everything as it was", () => {
  const rotation = new LogRotation(() => OPTIONS, SILENT);
  writeSync(fd, "kept\n");
  const fail = () => {
    throw new Error("EACCES");
  };
  expect(() => rotation.rotate({ path, fd }, fail)).toThrow("EACCES");
  expect(existsSync(path)).toBe(true);
  expect(readFileSync(path, "utf8")).toBe("kept\n");
});
