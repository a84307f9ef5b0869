import { afterAll, describe, expect, test } from "bun:test";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeLog } from "../../src/base/log.ts";
import { type LinkPolicy, Opener } from "../../src/files/open.ts";
import { Root, rootKeptMs } from "../../src/files/root.ts";
import type { FileStat } from "../../src/os/file-stat.ts";
import { openDirectoryBeneath } from "../../src/os/open-beneath.ts";
import { closeDescriptor } from "../../src/os/sockets.ts";

const base = realpathSync(mkdtempSync(join(tmpdir(), "root-")));
const LONG_MS = 60_000;

afterAll(() => rmSync(base, { recursive: true }));

function release(name: string, text: string): string {
  const path = join(base, name);
  mkdirSync(path, { recursive: true });
  writeFileSync(join(path, `${text}.txt`), text);
  return path;
}

function placeOf(fd: number): string {
  return readlinkSync(`/proc/self/fd/${fd}`);
}

test("is looked up each time unless it may be kept", () => {
  const [one, two] = [release("a1", "one"), release("a2", "two")];
  const current = join(base, "a");
  symlinkSync(one, current);
  const root = new Root(current, 0);
  for (const expected of [one, one, two]) {
    if (expected === two) renameSync(linkTo(two), current);
    const fd = root.take();
    expect(placeOf(fd)).toBe(expected);
    root.giveBack(fd);
    expect(() => placeOf(fd)).toThrow();
  }
});

function linkTo(target: string): string {
  const link = `${target}.link`;
  symlinkSync(target, link);
  return link;
}

test("is kept only when it is taken again within its moment, and says since when it is known", () => {
  const root = new Root(release("b", "b"), LONG_MS);
  const first = root.take();
  const { seenMs } = root;
  root.giveBack(first);
  expect(() => placeOf(first)).toThrow();
  const second = root.take();
  root.giveBack(second);
  expect(placeOf(second)).toBe(join(base, "b"));
  const known = root.seenMs;
  expect(known).toBeGreaterThanOrEqual(seenMs);
  expect(root.take()).toBe(second);
  expect(root.seenMs).toBe(known);
  root.closed();
  expect(() => placeOf(second)).toThrow();
});

test("its timer closes it", async () => {
  const root = new Root(release("c", "c"), 5);
  root.giveBack(root.take());
  const fd = root.take();
  root.giveBack(fd);
  while (isOpenOn(fd, join(base, "c"))) await Bun.sleep(1);
  expect(isOpenOn(fd, join(base, "c"))).toBe(false);
});

function isOpenOn(fd: number, path: string): boolean {
  try {
    return placeOf(fd) === path;
  } catch {
    return false;
  }
}

test("a refusal through a kept root is asked again of the one that is there now", () => {
  const [one, two] = [release("d1", "one"), release("d2", "two")];
  const current = join(base, "d");
  symlinkSync(one, current);
  const log = makeLog("test", "error", () => {});
  const opener = new Opener({ root: current, links: "inside", log, rootKeptMs: LONG_MS });
  for (let i = 0; i < 3; i++) expect(kindOf(opener, "/one.txt")).toBe("file");
  renameSync(linkTo(two), current);
  expect(kindOf(opener, "/two.txt")).toBe("file");
  expect(kindOf(opener, "/one.txt")).toBe("refused");
  rmSync(current);
  expect(kindOf(opener, "/one.txt")).toBe("refused");
  expect(kindOf(opener, "/two.txt")).toBe("refused");
});

function kindOf(opener: Opener, path: string): string {
  const opened = opener.open(path);
  if (opened.kind === "file") closeDescriptor(opened.fd);
  return opened.kind;
}

test("is never kept for as long as files are believed", () => {
  expect(rootKeptMs(0)).toBe(0);
  for (const revalidateMs of [1, 20, 100, 1000, 3_600_000]) {
    expect(rootKeptMs(revalidateMs)).toBeLessThanOrEqual(revalidateMs / 4);
    expect(rootKeptMs(revalidateMs)).toBeLessThanOrEqual(20);
  }
});

/** Its root is kept, so that directories below it are. */
function thick(root: string, links: LinkPolicy): Opener {
  const log = makeLog("test", "error", () => {});
  const opener = new Opener({ root, links, log, rootKeptMs: LONG_MS });
  for (let i = 0; i < 2; i++) kindOf(opener, "/");
  return opener;
}

function statsIn(opener: Opener, path: string): FileStat {
  const opened = opener.open(path);
  if (opened.kind !== "file") throw new Error(`${path} is ${opened.kind}`);
  closeDescriptor(opened.fd);
  return opened.stats;
}

describe.each(["inside", "deny"] as const)("a look at a name (symlinks = %p)", (links) => {
  test("tells whether the file is as it was, while the root is kept", () => {
    const root = release(`e-${links}`, "top");
    release(`e-${links}/sub`, "one");
    const opener = thick(root, links);
    for (const path of ["/top.txt", "/sub/one.txt"]) {
      const stats = statsIn(opener, path);
      expect([path, opener.isStill(path, stats), opener.isStill(path, stats)]).toEqual([path, true, true]);
      chmodSync(join(root, path), 0o600);
      expect(opener.isStill(path, stats)).toBe(false);
      const then = statsIn(opener, path);
      expect(opener.isStill(path, then)).toBe(true);
      writeFileSync(join(root, "new"), "new");
      renameSync(join(root, "new"), join(root, path));
      expect(opener.isStill(path, then)).toBe(false);
      rmSync(join(root, path));
      expect(opener.isStill(path, then)).toBe(false);
    }
  });

  test("takes no link for the file that it leads to", () => {
    const root = release(`f-${links}`, "one");
    const opener = thick(root, links);
    const stats = statsIn(opener, "/one.txt");
    renameSync(join(root, "one.txt"), join(base, `moved-${links}`));
    symlinkSync(join(base, `moved-${links}`), join(root, "one.txt"));
    expect(opener.isStill("/one.txt", { ...stats, ...timesOf(join(base, `moved-${links}`)) })).toBe(false);
  });

  test("does not follow a directory that was moved out and is linked to", () => {
    const root = release(`g-${links}`, "top");
    release(`g-${links}/sub`, "one");
    const before = statsIn(thick(root, links), "/sub/one.txt");
    renameSync(join(root, "sub"), join(base, `sub-${links}`));
    symlinkSync(join(base, `sub-${links}`), join(root, "sub"));
    expect(statsIn(thick(join(base, `sub-${links}`), links), "/one.txt")).toEqual(before);
    expect(thick(root, links).isStill("/sub/one.txt", before)).toBe(false);
  });

  test("is not taken when nothing is kept", () => {
    const root = release(`h-${links}`, "one");
    const log = makeLog("test", "error", () => {});
    const opener = new Opener({ root, links, log });
    const stats = statsIn(opener, "/one.txt");
    statsIn(opener, "/one.txt");
    expect(opener.isStill("/one.txt", stats)).toBe(false);
  });
});

function timesOf(path: string): Pick<FileStat, "ctimeSec" | "ctimeNsec"> {
  const { ctimeNs } = statSync(path, { bigint: true });
  return { ctimeSec: Number(ctimeNs / 1_000_000_000n), ctimeNsec: Number(ctimeNs % 1_000_000_000n) };
}

test("directories below a kept root are closed with it", () => {
  const path = release("i", "top");
  release("i/sub", "one");
  const root = new Root(path, LONG_MS);
  const open = (directory: number, name: string) => openDirectoryBeneath(directory, name, "inside");
  expect(root.below("sub", open)).toBe(-1);
  for (let i = 0; i < 2; i++) root.giveBack(root.take());
  const fd = root.below("sub", open);
  expect(placeOf(fd)).toBe(join(path, "sub"));
  expect(root.below("sub", open)).toBe(fd);
  expect(root.below("none", open)).toBe(-1);
  root.closed();
  expect(isOpenOn(fd, join(path, "sub"))).toBe(false);
  expect(root.below("sub", open)).toBe(-1);
});
