import { expect, describe, test } from "bun:test";
import { chmodSync, lstatSync, mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DiskStage, fetchPage } from "./disk-stage.ts";

const LARGE = "x".repeat(3000);
const page = (n: number) => `${n} ${LARGE}`;

/** Pages of which memory holds one. */
async function filled(stage: DiskStage, count: number, bytesMax?: number) {
  const cache = await stage.open(bytesMax === undefined ? {} : { bytesMax });
  for (let n = 0; n < count; n++) await fetchPage(cache, `/${n}`, page(n));
  await cache.disk.flush(5000);
  return cache;
}

test("what gives way in memory is read back from the disk, whole, and memory has it again", async () => {
  using stage = new DiskStage();
  const cache = await filled(stage, 4);
  expect(cache.disk.count).toBe(3);
  const asked = cache.asked.length;
  for (const n of [0, 2, 1, 3, 1]) expect(await fetchPage(cache, `/${n}`, "new")).toBe(`HIT ${page(n)}`);
  expect(cache.show(cache.request({ path: "/1" }))).toBe(`HIT ${page(1)}`);
  expect(cache.asked.length).toBe(asked);
});

test("many who ask for it at a time wait for one read; who leaves is not answered", async () => {
  using stage = new DiskStage();
  const cache = await filled(stage, 2);
  const all = Array.from({ length: 10 }, () => cache.request({ path: "/0" }));
  expect(all.map(({ reply }) => reply.state)).toEqual(Array.from({ length: 10 }, () => "waiting"));
  const [first, ...others] = all;
  first?.reply.leave();
  while (others.some(({ reply }) => reply.state === "waiting")) await Bun.sleep(1);
  expect(new Set(others.map((each) => cache.show(each)))).toEqual(new Set([`HIT ${page(0)}`]));
  expect(first?.reply.state).toBe("gone");
});

test("directory and files are this user's alone, and named by hashes", async () => {
  using stage = new DiskStage();
  await filled(stage, 3);
  expect(lstatSync(stage.directory).mode & 0o777).toBe(0o700);
  expect(stage.files.length).toBe(2);
  for (const name of stage.files) {
    expect(name).toMatch(/^[0-9a-f]{32}-[0-9a-f]{8}$/);
    expect(lstatSync(join(stage.directory, name)).mode & 0o777).toBe(0o600);
  }
});

describe("after a restart", () => {
  test("what memory had when the server stopped, and what was on disk, is there", async () => {
    using stage = new DiskStage();
    const before = await filled(stage, 3);
    await before.cache.flush();
    const after = await stage.open();
    expect(after.disk.count).toBe(3);
    for (const n of [0, 1, 2]) expect(await fetchPage(after, `/${n}`, "new")).toBe(`HIT ${page(n)}`);
    expect(after.asked).toEqual([]);
  });

  test("its age goes on, and what is no longer of use is gone", async () => {
    using stage = new DiskStage();
    const before = await stage.open();
    before.nowMs += 30_000;
    for (const path of ["/0", "/1"]) await fetchPage(before, path, LARGE);
    // 60 s fresh, and 50 s of them are over.
    before.nowMs += 50_000;
    await before.cache.flush();
    const after = await stage.open();
    const made = after.request({ path: "/0" });
    while (made.reply.state === "waiting") await Bun.sleep(1);
    expect(made.reply.head?.fields.get("age")).toBe("50");
    after.nowMs += 11_000;
    expect(await fetchPage(after, "/0", "new")).toBe("EXPIRED new");
  });

  test("of a front that takes another's place nothing is", async () => {
    using stage = new DiskStage();
    await (await filled(stage, 3)).cache.flush();
    const after = await stage.open({ keeps: false });
    expect([after.disk.count, stage.files]).toEqual([0, []]);
  });

  test("what is forgotten or stored while the disk is read is not found there afterwards", async () => {
    using stage = new DiskStage();
    await (await filled(stage, 3)).cache.flush();
    const after = stage.begin();
    expect(after.cache.forget("localhost/1")).toBe(0);
    expect(await fetchPage(after, "/2", "new")).toBe("MISS new");
    await after.disk.flush(5000);
    expect(await fetchPage(after, "/0", "new")).toBe(`HIT ${page(0)}`);
    expect(await fetchPage(after, "/1", "new")).toBe("MISS new");
    expect(await fetchPage(after, "/2", "newer")).toBe("HIT new");
  });
});

describe("a file that is not what was written", () => {
  const damages: Record<string, (path: string) => void> = {
    "cut off": (path) => truncateSync(path, 3000),
    empty: (path) => truncateSync(path, 0),
    rubbish: (path) => writeFileSync(path, Buffer.alloc(lstatSync(path).size, 0x41)),
    "with other content": (path) => {
      const bytes = readFileSync(path);
      bytes[bytes.length - 1] = 0x79;
      writeFileSync(path, bytes);
    },
    "with another head": (path) => {
      const bytes = readFileSync(path);
      bytes[60] = (bytes[60] ?? 0) ^ 1;
      writeFileSync(path, bytes);
    },
    gone: (path) => rmSync(path),
  };

  test.each(Object.keys(damages))("%s: is a miss, before and after a restart, and leaves nothing", async (name) => {
    for (const restarts of [false, true]) {
      using stage = new DiskStage();
      let cache = await filled(stage, 2);
      const [file = ""] = stage.files;
      damages[name]?.(join(stage.directory, file));
      if (restarts) cache = await stage.open();
      expect(await fetchPage(cache, "/0", "new")).toBe("MISS new");
      await cache.disk.flush(5000);
      expect(stage.files).not.toContain(file);
    }
  });

  test("files of others in the directory are removed, directories and what links lead to are left", async () => {
    using stage = new DiskStage();
    mkdirSync(join(stage.directory, "sub"), { recursive: true, mode: 0o700 });
    chmodSync(stage.directory, 0o700);
    writeFileSync(join(stage.directory, "new-half"), "x");
    writeFileSync(join(stage.directory, "README"), "x");
    await stage.open();
    expect(stage.files).toEqual(["sub"]);
  });
});

test("the directory is removed while the server runs: misses, then it is made again", async () => {
  using stage = new DiskStage();
  const cache = await filled(stage, 3);
  rmSync(stage.directory, { recursive: true });
  expect(await fetchPage(cache, "/0", page(0))).toBe(`MISS ${page(0)}`);
  expect(await fetchPage(cache, "/5", page(5))).toBe(`MISS ${page(5)}`);
  await cache.disk.flush(5000);
  expect(lstatSync(stage.directory).mode & 0o777).toBe(0o700);
  expect(await fetchPage(cache, "/0", "new")).toBe(`HIT ${page(0)}`);
  expect(stage.logged).toEqual([]);
});

test("disk_size is not exceeded: what was used longest ago gives way", async () => {
  using stage = new DiskStage();
  const cache = await filled(stage, 6, 16_384);
  expect(cache.disk.bytes).toBeLessThanOrEqual(16_384);
  expect(stage.files.length).toBe(cache.disk.count);
  expect(cache.disk.count).toBe(4);
  expect(await fetchPage(cache, "/0", "new")).toBe("MISS new");
  expect(await fetchPage(cache, "/4", "new")).toBe(`HIT ${page(4)}`);
});

test("a directory that is not this user's alone is not used, and that is said once", async () => {
  using stage = new DiskStage();
  mkdirSync(stage.directory);
  chmodSync(stage.directory, 0o755);
  const cache = await filled(stage, 4);
  expect([stage.files, cache.disk.count]).toEqual([[], 0]);
  expect(stage.logged.length).toBe(1);
  expect(stage.logged[0]).toContain("mode 0700");
});

test("purging covers the disk, by URL and by prefix, and the files are gone when it returns", async () => {
  using stage = new DiskStage();
  const cache = await filled(stage, 5);
  expect(stage.files.length).toBe(4);
  expect(cache.cache.forget("localhost/1")).toBe(1);
  expect(stage.files.length).toBe(3);
  expect(cache.cache.forget("*")).toBe(4);
  expect(stage.files).toEqual([]);
  expect(await fetchPage(cache, "/2", "new")).toBe("MISS new");
});

test("a reply that is too large for memory is kept on disk alone", async () => {
  using stage = new DiskStage();
  const cache = await stage.open();
  const huge = "y".repeat(50_000);
  expect(await fetchPage(cache, "/huge", huge)).toBe(`MISS ${huge}`);
  await cache.disk.flush(5000);
  for (let i = 0; i < 2; i++) expect(await fetchPage(cache, "/huge", "new")).toBe(`HIT ${huge}`);
  expect(cache.cache.usage()).toMatchObject({ entries: 0, diskEntries: 1, hits: 2, misses: 1 });
});

test("a newer reply takes the place of the one on disk", async () => {
  using stage = new DiskStage();
  const cache = await filled(stage, 2);
  cache.nowMs += 61_000;
  expect(await fetchPage(cache, "/0", page(9))).toBe(`EXPIRED ${page(9)}`);
  await fetchPage(cache, "/3", page(3));
  await cache.disk.flush(5000);
  expect(await fetchPage(cache, "/0", "new")).toBe(`HIT ${page(9)}`);
});
