import { afterAll, expect, test } from "bun:test";
import {
  mkdirSync,
  mkdtempSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeLog } from "../../src/base/log.ts";
import { Opener } from "../../src/files/open.ts";
import { Root, rootKeptMs } from "../../src/files/root.ts";
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
