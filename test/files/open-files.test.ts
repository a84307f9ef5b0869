import { afterAll, describe, expect, test } from "bun:test";
import { appendFileSync, mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { OpenFile, OpenFiles } from "../../src/files/open-files.ts";
import { Representation } from "../../src/files/representation.ts";
import { statOf } from "../../src/os/file-stat.ts";
import { openBelow } from "../support/descriptors.ts";

const base = mkdtempSync(join(tmpdir(), "open-files-"));
afterAll(() => rmSync(base, { recursive: true }));

/** Put there by a request that is over. */
function put(files: OpenFiles, name: string): void {
  const path = join(base, name);
  writeFileSync(path, "content");
  const fd = openSync(path, "r");
  const file = new OpenFile(fd, statOf(fd));
  const options = { cacheControl: undefined, contentType: "text/plain" };
  files.put(name, file, new Representation(file.stats, options, Date.now()), undefined);
  file.release();
}

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

  test("does not believe a file for longer than is said, and closes it then", () => {
    const files = new OpenFiles(3, 40);
    put(files, "a");
    const openedMs = performance.now();
    while (performance.now() - openedMs < 45);
    expect(files.get("a")).toBeUndefined();
    expect(openBelow(base)).toBe(0);
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
