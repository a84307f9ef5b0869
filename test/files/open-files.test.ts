import { afterAll, describe, expect, test } from "bun:test";
import {
  appendFileSync,
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  futimesSync,
  linkSync,
  mkdtempSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { COPIED_FILE_BYTES_MAX, Copies } from "../../src/files/copies.ts";
import { OpenFile, OpenFiles } from "../../src/files/open-files.ts";
import { Representation } from "../../src/files/representation.ts";
import { type FileStat, statOf } from "../../src/os/file-stat.ts";
import { openBelow, openCopies } from "../support/descriptors.ts";
import { sentFrom } from "../support/sendable.ts";

const base = mkdtempSync(join(tmpdir(), "open-files-"));
afterAll(() => rmSync(base, { recursive: true }));

/** Put there by a request that is over. */
function put(files: OpenFiles, name: string): void {
  writeFileSync(join(base, name), "content");
  keep(files, name);
}

function keep(files: OpenFiles, name: string): void {
  const fd = openSync(join(base, name), "r");
  const file = new OpenFile(fd, statOf(fd));
  files.put(name, file, representationOf(file), undefined);
  file.release();
}

/** What a look at it says. */
function statsOf(name: string): FileStat {
  const fd = openSync(join(base, name), "r");
  const stats = statOf(fd);
  closeSync(fd);
  return stats;
}

function representationOf({ stats }: OpenFile): Representation {
  return new Representation(stats, { cacheControl: undefined, contentType: "text/plain" }, Date.now());
}

describe("an open file is untouched", () => {
  const AT = 1000;
  let files = 0;

  /** Written, with a time that can be put back to the nanosecond, and opened; by a link, if it is to be. */
  async function opened(linked = false): Promise<{ path: string; file: OpenFile }> {
    const path = join(base, `touched-${files++}`);
    rewrite(path, "content");
    if (linked) symlinkSync(path, `${path}.link`);
    const place = linked ? `${path}.link` : path;
    const fd = openSync(place, "r");
    const file = new OpenFile(fd, statOf(fd), place);
    await tick();
    return { path, file };
  }

  /** Its times are as coarse as the kernel's tick. */
  const tick = () => Bun.sleep(20);

  function rewrite(path: string, content = "CONTENT"): void {
    writeFileSync(path, content, { flag: existsSync(path) ? "r+" : "w" });
    utimesSync(path, AT, AT);
  }

  function replace(path: string): void {
    writeFileSync(`${path}.new`, "another");
    renameSync(`${path}.new`, path);
  }

  const isRoot = process.geteuid?.() === 0;
  /** All of them leave size and mtime as they were. */
  const HARMLESS: readonly [string, (path: string) => void][] = [
    ["with other permissions", (path) => chmodSync(path, statSync(path).mode ^ 0o100)],
    ["of another owner", (path) => isRoot && chownSync(path, 1, statSync(path).gid)],
    ["of another group", (path) => isRoot && chownSync(path, statSync(path).uid, 1)],
    ["with a second name", (path) => linkSync(path, `${path}.second`)],
    ["when another took its name", replace],
    ["when it has no name any more", (path) => rmSync(path)],
    ["when it was moved away", (path) => renameSync(path, `${path}.moved`)],
    [
      "when it was moved away and another has its name",
      (path) => {
        renameSync(path, `${path}.moved`);
        writeFileSync(path, "another");
      },
    ],
  ];

  describe.each([
    ["by its own name", false],
    ["by a link", true],
  ])("that was opened %s", (_, linked) => {
    test.each(HARMLESS)("%s; and not when it was written to afterwards, and its time put back", async (_, change) => {
      const { path, file } = await opened(linked);
      expect(file.isUntouched).toBe(true);
      const before = file.stats;
      change(path);
      expect(file.isUntouched).toBe(true);
      expect(file.stats).toBe(before);
      await tick();
      const fd = openSync(`/proc/self/fd/${file.fd}`, "r+");
      writeSync(fd, "CONTENT");
      futimesSync(fd, AT, AT);
      closeSync(fd);
      expect([file.isUntouched, file.isUntouched]).toEqual([false, false]);
      file.release();
    });

    test("not when it was written to and its time put back; nor when it lost its name afterwards", async () => {
      const { path, file } = await opened(linked);
      rewrite(path);
      expect([file.isUntouched, file.isUntouched]).toEqual([false, false]);
      rmSync(path);
      expect(file.isUntouched).toBe(false);
      file.release();
    });

    test("when it is moved again and again; and not when it was written to there, and its time put back", async () => {
      const { path, file } = await opened(linked);
      for (let i = 0; i < 3; i++) {
        renameSync(i === 0 ? path : `${path}.${i}`, `${path}.${i + 1}`);
        expect(file.isUntouched).toBe(true);
        await tick();
      }
      rewrite(`${path}.3`);
      expect(file.isUntouched).toBe(false);
      file.release();
    });
  });

  test("not, of one whose name nobody knows, when it could have been written to", async () => {
    const { path, file } = await opened();
    const nameless = new OpenFile(openSync(path, "r"), file.stats);
    expect(nameless.isUntouched).toBe(true);
    chmodSync(path, statSync(path).mode ^ 0o100);
    expect(nameless.isUntouched).toBe(true);
    await tick();
    renameSync(path, `${path}.moved`);
    expect([nameless.isUntouched, file.isUntouched]).toEqual([false, true]);
    for (const each of [file, nameless]) each.release();
  });
});

describe("OpenFiles", () => {
  test("keeps no more than its bound: those used last", () => {
    const files = new OpenFiles(3, 60_000);
    for (const name of ["a", "b", "c"]) put(files, name);
    expect(files.get("a")).toBeDefined();
    put(files, "d");
    expect(["a", "b", "c", "d"].filter((name) => files.get(name) !== undefined)).toEqual(["a", "c", "d"]);
    expect(openBelow(base)).toBe(3);
    files.sweep(Number.POSITIVE_INFINITY);
    expect([files.size, openBelow(base)]).toEqual([0, 0]);
  });

  test("does not believe a file for longer than is said, and closes it when it might be another", () => {
    const files = new OpenFiles(3, 40);
    put(files, "a");
    const { stats } = files.get("a")!.file; // it was put just now
    const openedMs = performance.now();
    while (performance.now() - openedMs < 45);
    expect(files.get("a")).toBeUndefined();
    // It was written just now: another write may have the same times.
    expect(files.renew("a", stats)).toBeUndefined();
    expect([files.size, openBelow(base)]).toEqual([0, 0]);
  });

  test("believes it again when its name still leads to it, and gives it up when not", async () => {
    const files = new OpenFiles(9, 40);
    const changes = ["ctimeNsec", "ctimeSec", "mtimeNsec", "mtimeSec", "size", "inoLow", "inoHigh", "dev"] as const;
    const names = ["same", ...changes];
    for (const name of names) writeFileSync(join(base, name), "content");
    await Bun.sleep(2_100);
    for (const name of names) keep(files, name);
    await Bun.sleep(50);
    const stats = statsOf("same");
    expect(files.get("same")).toBeUndefined();
    const renewed = files.renew("same", stats);
    expect(renewed?.file.stats).toEqual(stats);
    expect(files.get("same")).toBe(renewed!); // as is seen above
    for (const name of changes) {
      const now = statsOf(name);
      expect(files.renew(name, { ...now, [name]: now[name] + 1 })).toBeUndefined();
      expect(files.get(name)).toBeUndefined();
    }
    expect([files.size, openBelow(base)]).toEqual([1, 1]);
    files.drop("same");
    expect([files.size, openBelow(base)]).toEqual([0, 0]);
  });

  test("has time to look at a file again before it is closed", () => {
    const files = new OpenFiles(3, 1000);
    put(files, "a");
    const nowMs = performance.now();
    files.sweep(nowMs + 1200);
    expect(files.size).toBe(1);
    files.sweep(nowMs + 1260);
    expect([files.size, openBelow(base)]).toEqual([0, 0]);
  });

  test.each([
    [0, 1000],
    [3, 0],
  ])("keeps nothing when %d may be kept for %d ms", (entriesMax, revalidateMs) => {
    const files = new OpenFiles(entriesMax, revalidateMs);
    put(files, "a");
    expect([files.size, openBelow(base)]).toEqual([0, 0]);
  });

  test("forgets a file that was written to", async () => {
    const files = new OpenFiles(3, 60_000);
    put(files, "a");
    await Bun.sleep(20);
    appendFileSync(join(base, "a"), "more");
    expect(files.get("a")).toBeUndefined();
    expect(openBelow(base)).toBe(0);
  });

  test("forgets a file that was written to and has its old time again", async () => {
    const files = new OpenFiles(3, 60_000);
    writeFileSync(join(base, "a"), "content");
    utimesSync(join(base, "a"), 1000, 1000);
    keep(files, "a");
    expect(files.get("a")).toBeDefined();
    await Bun.sleep(20);
    writeFileSync(join(base, "a"), "CONTENT");
    utimesSync(join(base, "a"), 1000, 1000);
    expect(files.get("a")).toBeUndefined();
    expect(openBelow(base)).toBe(0);
  });

  test("a file that is put again is the new one, and who uses the old one keeps it", () => {
    const files = new OpenFiles(3, 60_000);
    put(files, "a");
    const old = files.get("a")?.file;
    old?.retain();
    put(files, "a");
    expect(files.get("a")?.file).not.toBe(old!); // it was put
    expect(openBelow(base)).toBe(2);
    old?.release();
    expect(openBelow(base)).toBe(1);
    files.sweep(Number.POSITIVE_INFINITY);
    expect(openBelow(base)).toBe(0);
  });

  test("closes idle descriptors by itself", async () => {
    const files = new OpenFiles(3, 1);
    put(files, "a");
    expect(openBelow(base)).toBe(1);
    for (let i = 0; i < 500 && openBelow(base) > 0; i++) await Bun.sleep(10);
    expect([files.size, openBelow(base)]).toEqual([0, 0]);
  });
});

describe("the copy of a file", () => {
  const SIZE = 100_000;
  /** Written so long ago that it is not being written any more. */
  const settled = (fd: number) => ({ ...statOf(fd), ctimeSec: 1, mtimeSec: 1 });

  function opened(name: string, size = SIZE, stats: (fd: number) => ReturnType<typeof statOf> = statOf): OpenFile {
    writeFileSync(join(base, name), Buffer.alloc(size, name));
    const fd = openSync(join(base, name), "r");
    return new OpenFile(fd, stats(fd));
  }

  /** Its times look old to whoever asks whether it has settled, and are what fstat says. */
  async function old(name: string, size = SIZE): Promise<OpenFile> {
    const file = opened(name, size);
    await Bun.sleep(2_100);
    return file;
  }

  test("is made when all of it was sent once, has its bytes, and goes with the last who uses the file", async () => {
    const copies = new Copies();
    const file = await old("hot");
    file.keepIn(copies);
    expect(file.copy).toBeUndefined();
    file.wasRead();
    const { copy } = file;
    expect(copy !== undefined && sentFrom(copy, 0, SIZE).equals(Buffer.alloc(SIZE, "hot"))).toBe(true);
    expect([file.copy, copies.bytes, openCopies()]).toEqual([copy, SIZE, 1]);
    file.retain();
    file.release();
    expect(openCopies()).toBe(1);
    file.release();
    expect([copies.bytes, openCopies()]).toEqual([0, 0]);
  });

  test("is not made of what nobody keeps, what may be being written, and what is large", async () => {
    const alone = await old("alone");
    const large = await old("large", COPIED_FILE_BYTES_MAX + 1);
    const most = await old("most", COPIED_FILE_BYTES_MAX);
    const young = opened("young");
    for (const file of [young, large, most]) file.keepIn(new Copies());
    const made = [alone, young, large, most].map((file) => {
      file.wasRead();
      return file.copy !== undefined;
    });
    expect(made).toEqual([false, false, false, true]);
    for (const file of [alone, young, large, most]) file.release();
    expect(openCopies()).toBe(0);
  }, 20_000);

  test("is given up when the file was written to while it was made, and its time put back", async () => {
    const copies = new Copies();
    const path = join(base, "unseen");
    writeFileSync(path, Buffer.alloc(SIZE, "one"));
    utimesSync(path, 1000, 1000);
    await Bun.sleep(2_100);
    const fd = openSync(path, "r");
    const file = new OpenFile(fd, statOf(fd), path);
    const make = copies.make.bind(copies);
    copies.make = (fd, stats) => {
      const copy = make(fd, stats);
      expect(copy).not.toBe(-1);
      writeFileSync(path, Buffer.alloc(SIZE, "other"), { flag: "r+" });
      utimesSync(path, 1000, 1000);
      return copy;
    };
    file.keepIn(copies);
    file.wasRead();
    expect([file.copy, copies.bytes, openCopies()]).toEqual([undefined, 0, 0]);
    file.release();
  });

  test("is given up when the file was written to", () => {
    const copies = new Copies();
    const file = opened("changed", SIZE, settled);
    file.keepIn(copies);
    file.wasRead();
    expect([file.copy, copies.bytes, openCopies()]).toEqual([undefined, 0, 0]);
    file.release();
  });

  test("of all files together takes no more than the bound", async () => {
    const copies = new Copies(2.5 * SIZE);
    const files = [await old("a"), await old("b"), await old("c")];
    for (const file of files) {
      file.keepIn(copies);
      file.wasRead();
    }
    expect(files.map(({ copy }) => copy !== undefined)).toEqual([true, true, false]);
    for (const file of files) file.release();
    expect([copies.bytes, openCopies()]).toEqual([0, 0]);
  }, 20_000);
});
