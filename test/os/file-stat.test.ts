import { afterAll, describe, expect, test } from "bun:test";
import {
  chmodSync,
  closeSync,
  fstatSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readEntries } from "../../src/os/directory.ts";
import {
  entriesBeside,
  hasSameContent,
  isUnchanged,
  isUnwritten,
  leadsElsewhere,
  mtimeMs,
  statAgain,
  statEntry,
  statOf,
} from "../../src/os/file-stat.ts";
import { readAt } from "../../src/os/read-at.ts";

const base = mkdtempSync(join(tmpdir(), "stat-"));
afterAll(() => rmSync(base, { recursive: true }));

/** What `look` sees of the file; it is closed again. */
function through<T>(path: string, look: (fd: number) => T): T {
  const fd = openSync(path, "r");
  try {
    return look(fd);
  } finally {
    closeSync(fd);
  }
}

const file = join(base, "file");
writeFileSync(file, "content");
const large = join(base, "large");
writeFileSync(large, "");
truncateSync(large, 5 * 2 ** 30 + 7);
const early = join(base, "early");
writeFileSync(early, "");
utimesSync(early, -1000, -1000.5);

describe("isUnwritten", () => {
  test.each([file, large, early])("%s: yes, until anything is different", (path) => {
    const seen = through(path, statOf);
    const still = (before: typeof seen) => through(path, (fd) => isUnwritten(fd, before));
    expect(still(seen)).toBe(true);
    for (const key of ["size", "mtimeSec", "mtimeNsec", "ctimeSec", "ctimeNsec"] as const) {
      for (const other of [seen[key] + 1, seen[key] - 1, seen[key] + 2 ** 32]) {
        expect(still({ ...seen, [key]: other })).toBe(false);
      }
    }
  });

  test("a file that was written to is not, one of other permissions is", async () => {
    const path = join(base, "written");
    writeFileSync(path, "content");
    const before = through(path, statOf);
    chmodSync(path, 0o600);
    expect(through(path, (fd) => isUnwritten(fd, before))).toBe(true);
    await Bun.sleep(20);
    writeFileSync(path, "CONTENT");
    expect(through(path, (fd) => isUnwritten(fd, before))).toBe(false);
  });

  test("nor is one whose mtime was put back by who wrote to it", async () => {
    const path = join(base, "put-back");
    writeFileSync(path, "content");
    utimesSync(path, 1000, 1000);
    const before = through(path, statOf);
    await Bun.sleep(20);
    writeFileSync(path, "CONTENT");
    utimesSync(path, 1000, 1000);
    expect(through(path, (fd) => isUnwritten(fd, before))).toBe(false);
  });

  test("of a closed descriptor throws", () => {
    expect(() => isUnwritten(999_999, through(file, statOf))).toThrow("EBADF");
  });
});

describe("hasSameContent", () => {
  const before = through(file, statOf);
  const later = { ...before, ctimeSec: before.ctimeSec + 1 };

  test.each(["size", "mtimeSec", "mtimeNsec"] as const)("no, when the %s is another", (key) => {
    expect(hasSameContent(before, { ...later, [key]: before[key] + 1 })).toBe(false);
    expect(hasSameContent(before, { ...before, [key]: before[key] + 1 })).toBe(false);
  });

  test.each(["nlink", "mode", "uid", "gid"] as const)("yes, when its ctime is another, and the %s", (key) => {
    expect(hasSameContent(before, { ...later, [key]: before[key] + 1 })).toBe(true);
  });

  test("yes, of the same; it cannot be told when nothing but the ctime is another", () => {
    expect(hasSameContent(before, { ...before })).toBe(true);
    expect(hasSameContent(before, later)).toBeUndefined();
    expect(hasSameContent(before, { ...before, ctimeNsec: before.ctimeNsec - 1 })).toBeUndefined();
  });
});

test("statAgain gives what it was given until anything is different, and then what statOf does", async () => {
  const path = join(base, "again");
  writeFileSync(path, "content");
  const before = through(path, statOf);
  expect(through(path, (fd) => statAgain(fd, before))).toBe(before);
  await Bun.sleep(20);
  linkSync(path, `${path}.link`);
  const [now, stats] = through(path, (fd) => [statAgain(fd, before), statOf(fd)] as const);
  expect(now).toEqual(stats);
  expect(now).toMatchObject({ nlink: 2, size: before.size, mtimeNsec: before.mtimeNsec });
});

test("leadsElsewhere: to another file or to none, through links; not where it cannot be told", () => {
  const path = join(base, "na\u00efve");
  const name = Buffer.from(path).latin1Slice();
  writeFileSync(path, "content");
  symlinkSync(path, join(base, "to-it"));
  const stats = through(path, statOf);
  const names = () => [name, join(base, "to-it"), `${file}/x`, join(base, "x".repeat(300)), "x".repeat(5000)];
  const elsewhere = () => names().map((each) => leadsElsewhere(each, stats));
  expect(elsewhere()).toEqual([false, false, true, false, false]);
  renameSync(path, `${path}.1`);
  expect(elsewhere()).toEqual([true, true, true, false, false]);
  writeFileSync(path, "another");
  expect(elsewhere()).toEqual([true, true, true, false, false]);
  renameSync(`${path}.1`, path);
  expect(elsewhere()).toEqual([false, false, true, false, false]);
});

describe("statOf", () => {
  test.each([file, large, early, base, "/dev/null", "/"])("%s: what the runtime's own fstat says", (path) => {
    const [seen, stats] = through(path, (fd) => [statOf(fd), fstatSync(fd, { bigint: true })] as const);
    const kind = stats.isFile() ? "file" : stats.isDirectory() ? "directory" : "other";
    const ns = (sec: number, nsec: number) => BigInt(sec) * 1_000_000_000n + BigInt(nsec);
    expect(seen.kind).toBe(kind);
    expect([seen.size, seen.dev].map(BigInt)).toEqual([stats.size, stats.dev]);
    expect([seen.nlink, seen.mode, seen.uid, seen.gid].map(BigInt)).toEqual([
      stats.nlink,
      stats.mode,
      stats.uid,
      stats.gid,
    ]);
    expect(BigInt(seen.inoLow) + (BigInt(seen.inoHigh) << 32n)).toBe(stats.ino);
    expect(ns(seen.mtimeSec, seen.mtimeNsec)).toBe(stats.mtimeNs);
    expect(ns(seen.ctimeSec, seen.ctimeNsec)).toBe(stats.ctimeNs);
    expect(Math.abs(mtimeMs(seen) - Number(stats.mtimeMs))).toBeLessThanOrEqual(1);
  });

  test("of a closed descriptor throws", () => {
    expect(() => statOf(999_999)).toThrow("EBADF");
  });

  test("tells a change of the content and of the permissions", async () => {
    const before = through(file, statOf);
    await Bun.sleep(20);
    expect(isUnchanged(before, through(file, statOf))).toBe(true);
    writeFileSync(file, "CONTENT");
    expect(isUnchanged(before, through(file, statOf))).toBe(false);
  });
});

test("statEntry sees a link itself, names of any bytes, and nothing where nothing is", () => {
  symlinkSync("file", join(base, "link"));
  writeFileSync(Buffer.concat([Buffer.from(`${base}/`), Buffer.from([0xe9, 0x0a])]), "xy");
  through(base, (fd) => {
    expect(statEntry(fd, "link")?.kind).toBe("other");
    expect(statEntry(fd, "\xe9\n")).toMatchObject({ kind: "file", size: 2 });
    expect(statEntry(fd, "missing")).toBeUndefined();
    expect(statEntry(fd, "x".repeat(5000))).toBeUndefined();
  });
});

test("readEntries gives each entry once, as bytes, and not more than asked for", () => {
  const folder = join(base, "many");
  mkdirSync(folder);
  mkdirSync(join(folder, "sub"));
  symlinkSync("x", join(folder, "link"));
  const names = Array.from({ length: 3000 }, (_, i) => `${"n".repeat(i % 200)}${i}`);
  for (const name of names) writeFileSync(join(folder, name), "");
  const all = through(folder, (fd) => readEntries(fd, 10_000));
  expect(all.complete).toBe(true);
  expect(all.entries.map(({ name }) => name).toSorted()).toEqual([...names, "link", "sub"].toSorted());
  expect(all.entries.find(({ name }) => name === "sub")?.type).toBe("directory");
  expect(all.entries.find(({ name }) => name === "link")?.type).toBe("link");
  const some = through(folder, (fd) => readEntries(fd, 7));
  expect([some.entries.length, some.complete]).toEqual([7, false]);
  expect(() => through(file, (fd) => readEntries(fd, 7))).toThrow("getdents64");
});

test("entriesBeside tells what stands beside a name, of whatever kind", () => {
  const place = join(base, "beside");
  writeFileSync(`${place}.file`, "");
  mkdirSync(`${place}.folder`);
  symlinkSync("nowhere", `${place}.link`);
  const extensions = { a: ".file", b: ".none", c: ".folder", d: ".link" } as const;
  expect(entriesBeside(place, extensions, ["d", "b", "a", "c"])).toEqual(["d", "a", "c"]);
  expect(entriesBeside(place, extensions, ["b"])).toEqual([]);
  expect(entriesBeside("x".repeat(5000), extensions, ["a"])).toEqual([]);
});

describe("readAt", () => {
  test("reads at a place, into a place, behind 4 GiB too, and says where the end is", () => {
    const into = Buffer.alloc(10, ".");
    through(file, (fd) => {
      expect(readAt(fd, into, 2, 3, 4)).toBe(3);
      expect(into.toString()).toBe("..ENT.....");
      expect(readAt(fd, into, 0, 10, 7)).toBe(0);
      expect(readAt(fd, into, 0, 0, 0)).toBe(0);
    });
    expect(through(large, (fd) => readAt(fd, into, 0, 10, 5 * 2 ** 30))).toBe(7);
    expect(into.subarray(0, 7)).toEqual(Buffer.alloc(7));
  });

  test("gives the error's number, and never writes beyond its buffer", () => {
    expect(readAt(999_999, Buffer.alloc(1), 0, 1, 0)).toBe(-9);
    expect(() => readAt(0, Buffer.alloc(4), 2, 3, 0)).toThrow("buffer");
  });
});
