import { afterEach, beforeEach, expect, test } from "bun:test";
import {
  chmodSync,
  closeSync,
  constants,
  existsSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { errorLogWriter, isInPlace, LogWriter, openLogFile, reopenLogFile } from "../../src/os/log-file.ts";
import { makeFolder, removeFolder } from "../support/folder.ts";
import { testUnless } from "../support/skip.ts";

const rooted = testUnless(process.geteuid?.() === 0 ? undefined : "only root can write files of others");

let folder = "";
beforeEach(() => void (folder = makeFolder("log-file")));
afterEach(() => removeFolder(folder));

function recorded(fd: number) {
  const told: string[] = [];
  const writer = new LogWriter(fd, {
    losing: (why) => told.push(`losing: ${why}`),
    recovered: (lost, why) => told.push(`recovered ${lost}: ${why}`),
  });
  const write = (text: string) => writer.write(Buffer.from(text), text.length);
  return { told, writer, write };
}

test("a log is reopened under the same number, with the mode of the file before", () => {
  const path = join(folder, "a.log");
  const fd = openLogFile(path);
  writeSync(fd, "one\n");
  renameSync(path, `${path}.old`);
  expect(isInPlace(fd, path)).toBe(false);
  reopenLogFile(fd, path);
  expect(isInPlace(fd, path)).toBe(true);
  writeSync(fd, "two\n");
  expect(readFileSync(`${path}.old`, "utf8")).toBe("one\n");
  expect(readFileSync(path, "utf8")).toBe("two\n");
  expect(statSync(path).mode & 0o777).toBe(0o640);
  closeSync(fd);
});

test("a log whose directory is gone goes on as it was", () => {
  const path = join(folder, "a.log");
  const fd = openLogFile(path);
  expect(() => reopenLogFile(fd, join(folder, "nowhere/a.log"))).toThrow("ENOENT");
  writeSync(fd, "still\n");
  expect(readFileSync(path, "utf8")).toBe("still\n");
  closeSync(fd);
});

test("a full disk loses lines and tells once; when there is room again it tells how many", () => {
  const path = join(folder, "a.log");
  symlinkSync("/dev/full", path);
  const fd = openLogFile(path);
  const { told, writer, write } = recorded(fd);
  write("1\n2\n");
  write("3\n");
  expect(told).toEqual([expect.stringMatching(/^losing: ENOSPC/)]);
  unlinkSync(path);
  reopenLogFile(fd, path);
  write("4\n");
  expect(told.slice(1)).toEqual([expect.stringMatching(/^recovered 3: ENOSPC/)]);
  expect(writer.lost).toBe(3);
  expect(readFileSync(path, "utf8")).toBe("4\n");
  closeSync(fd);
});

test("the error log tells of its lost lines itself", () => {
  const path = join(folder, "a.log");
  symlinkSync("/dev/full", path);
  const fd = openLogFile(path);
  const write = errorLogWriter(fd, "text");
  write("gone\n", "info");
  unlinkSync(path);
  reopenLogFile(fd, path);
  write("here\n", "info");
  expect(readFileSync(path, "utf8")).toMatch(/^here\n.* \[error\] \d+ error log: 1 line was lost \(ENOSPC.*\)\n$/);
  closeSync(fd);
});

rooted("root opens no file of another name where others may write", () => {
  const [target, logs] = [join(folder, "target"), join(folder, "logs")];
  closeSync(openSync(target, "w"));
  mkdirSync(logs);
  symlinkSync(target, join(logs, "link.log"));
  linkSync(target, join(logs, "second.log"));
  // Root's own links are meant.
  for (const name of ["link.log", "second.log"]) closeSync(openLogFile(join(logs, name)));
  chmodSync(logs, 0o777);
  expect(() => openLogFile(join(logs, "link.log"))).toThrow("it is a link");
  expect(() => openLogFile(join(logs, "second.log"))).toThrow("another name");
  const fd = openLogFile(join(logs, "own.log"));
  expect(() => reopenLogFile(fd, join(logs, "link.log"))).toThrow("it is a link");
  closeSync(fd);
});

test("streams are not opened, and a file is made when it is missing", () => {
  expect([openLogFile("off"), openLogFile("stdout"), openLogFile("stderr")]).toEqual([-1, 1, 2]);
  const path = join(folder, "new.log");
  closeSync(openLogFile(path));
  expect(existsSync(path)).toBe(true);
  const fd = openSync(path, "r");
  expect(isInPlace(fd, join(folder, "none.log"))).toBe(false);
  closeSync(fd);
});

test("a pipe that nobody reads is refused, and not waited for; one that somebody reads is written", () => {
  const path = join(folder, "pipe.log");
  Bun.spawnSync(["mkfifo", path]);
  expect(() => openLogFile(path)).toThrow("it is a pipe that nobody reads");
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const fd = openLogFile(path);
  writeSync(fd, "line\n");
  const read = Buffer.alloc(16);
  expect(read.latin1Slice(0, readSync(reader, read))).toBe("line\n");
  // One that nobody reads fast enough loses lines, as a full disk does.
  expect(() => {
    for (let i = 0; i < 1000; i++) writeSync(fd, "x".repeat(1000));
  }).toThrow("EAGAIN");
  closeSync(fd);
  closeSync(reader);
});
