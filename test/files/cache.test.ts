import { describe, expect, test } from "bun:test";
import { FileCache, isSameFile, type Shelf } from "../../src/files/cache.ts";
import type { FileStat } from "../../src/os/file-stat.ts";
import { Representation } from "../../src/files/representation.ts";

const LONG_AGO = 1_000_000_000;

function stats(change: Partial<FileStat> = {}): FileStat {
  const times = { mtimeSec: LONG_AGO, mtimeNsec: 1, ctimeSec: LONG_AGO, ctimeNsec: 2 };
  const others = { dev: 4, inoLow: 6, inoHigh: 7, nlink: 1, mode: 0o100644, uid: 0, gid: 0 };
  return { kind: "file", size: 3, blocks: 8, ...others, ...times, ...change };
}

function file(bytes: number, facts = stats()) {
  const representation = new Representation(facts, { cacheControl: undefined, contentType: "text/plain" }, Date.now());
  return { representation, content: Buffer.alloc(bytes), stats: facts };
}

describe("FileCache", () => {
  test("takes what is asked for again, and nothing that is larger than all of it", () => {
    const cache = new FileCache(25_000);
    const shelf = cache.shelf();
    expect(shelf.admits("/c", 10_000)).toBe(false);
    expect(cache.shelf().admits("/c", 10_000)).toBe(false);
    expect(shelf.admits("/c", 10_000)).toBe(true);
    for (let i = 0; i < 3; i++) expect(shelf.admits("/too-large", 30_000)).toBe(false);
    for (let i = 0; i < 3; i++) expect(new FileCache(0).shelf().admits("/none", 0)).toBe(false);
  });

  test("drops what was not used lately, on whichever shelf, when its bound is reached", () => {
    const cache = new FileCache(40_000);
    const [first, second] = [cache.shelf(), cache.shelf()];
    first.put("/a", file(10_000), 0);
    second.put("/a", file(10_000), 0);
    first.put("/b", file(10_000), 0);
    expect(first.get("/a")).toBeDefined();
    first.put("/c", file(10_000), 0);
    expect(second.get("/a")).toBeUndefined();
    for (const key of ["/a", "/b", "/c"]) expect(first.get(key)?.key).toBe(key);
    expect(cache.bytes).toBeLessThanOrEqual(40_000);
  });

  /** Asks for a file as the handler does: was it there? */
  function asked(shelf: Shelf, key: string): boolean {
    if (shelf.get(key) !== undefined) return true;
    if (shelf.admits(key, 5_000)) shelf.put(key, file(5_000), 0);
    return false;
  }

  test("keeps a part of what is asked for in turn and has no room together, and drives out little", () => {
    const shelf = new FileCache(70_000).shelf();
    let [found, put] = [0, 0];
    const before = shelf.put.bind(shelf);
    shelf.put = (...from) => {
      put++;
      return before(...from);
    };
    for (let round = 0; round < 100; round++) for (let i = 0; i < 20; i++) if (asked(shelf, `/${i}`)) found++;
    // Of twenty it holds nine; a list in the order of use finds none and puts all of them.
    expect(found).toBeGreaterThan(500);
    expect(put).toBeLessThan(300);
  });

  test("takes what has become hot, however full it is of what is used", () => {
    const shelf = new FileCache(70_000).shelf();
    for (let round = 0; round < 10; round++) for (let i = 0; i < 9; i++) asked(shelf, `/old${i}`);
    let times = 0;
    while (!asked(shelf, "/hot") && times < 1000) {
      times++;
      asked(shelf, `/old${times % 9}`);
    }
    expect(times).toBeLessThan(100);
  });

  test("never holds more than its bound, whatever happens, and counts back to zero", () => {
    const cache = new FileCache(50_000);
    const shelves = [cache.shelf(), cache.shelf(), cache.shelf()];
    let seed = 7;
    const random = (below: number) => ((seed = (Math.imul(seed, 1103515245) + 12345) >>> 0) >>> 8) % below;
    for (let i = 0; i < 5000; i++) {
      const shelf = shelves[random(3)]!; // random(3) is 0..2
      const key = `/${random(40)}`;
      const entry = shelf.get(key);
      if (entry !== undefined && random(4) === 0) shelf.remove(entry);
      else shelf.put(key, file(random(12_000)), i);
      expect(cache.bytes).toBeLessThanOrEqual(50_000);
    }
    for (const shelf of shelves) {
      for (let i = 0; i < 40; i++) {
        const entry = shelf.get(`/${i}`);
        if (entry !== undefined) shelf.remove(entry);
      }
    }
    expect(cache.bytes).toBe(0);
  });

  test("an entry replaced or removed twice is counted once", () => {
    const cache = new FileCache();
    const shelf = cache.shelf();
    const old = shelf.put("/a", file(100), 0);
    const now = shelf.put("/a", file(200), 0);
    expect(shelf.get("/a")).toBe(now);
    shelf.remove(now);
    shelf.remove(now);
    expect(old).not.toBe(now);
    expect(cache.bytes).toBe(0);
  });

  test("a file larger than the whole cache is not kept", () => {
    const cache = new FileCache(1000);
    const shelf = cache.shelf();
    shelf.put("/a", file(5000), 0);
    expect(shelf.get("/a")).toBeUndefined();
    expect(cache.bytes).toBe(0);
  });
});

describe("believing an entry", () => {
  const shelf = new FileCache().shelf();

  test("for a second without a look", () => {
    const entry = shelf.put("/a", file(1), 5000);
    expect(shelf.isFresh(entry, 5999)).toBe(true);
    expect(shelf.isFresh(entry, 6000)).toBe(false);
  });

  test("for as long as is said, and for no time at all", () => {
    for (const revalidateMs of [0, 50]) {
      const own = new FileCache(1_000_000, revalidateMs).shelf();
      const entry = own.put("/a", file(1), 5000);
      expect(own.isFresh(entry, 5000)).toBe(revalidateMs > 0);
      expect(own.isFresh(entry, 5050)).toBe(false);
    }
  });

  const FACTS = ["inoLow", "inoHigh", "dev", "size", "mtimeSec", "mtimeNsec", "ctimeSec", "ctimeNsec"] as const;

  test.each(FACTS)("not when its %s is another", (fact) => {
    const entry = shelf.put("/a", file(1), 0);
    expect(isSameFile(entry, stats())).toBe(true);
    expect(isSameFile(entry, stats({ [fact]: 99 }))).toBe(false);
  });

  test("not when the file had changed just before it was read, or claims to come from the future", () => {
    for (const ms of [Date.now(), Date.now() + 86_400_000]) {
      const facts = stats({ ctimeSec: Math.floor(ms / 1000) });
      expect(isSameFile(shelf.put("/a", file(1, facts), 0), facts)).toBe(false);
    }
  });
});

test("what left the cache is collected in time, though the engine sees no need", async () => {
  const shelf = new FileCache(17 * 1024 * 1024).shelf();
  const put = (i: number) => {
    const kept = file(1024 * 1024);
    shelf.put(`/${i}`, kept, 0);
    return new WeakRef(kept.content);
  };
  const first = Array.from({ length: 16 }, (_, i) => put(i));
  // From now on they are old, and nothing but a whole collection looks at them.
  Bun.gc(true);
  const left = () => first.filter((each) => each.deref() !== undefined).length;
  expect(left()).toBe(16);
  for (let i = 16; i < 34; i++) put(i);
  await new Promise((resolve) => setTimeout(resolve, 10));
  expect(left()).toBeLessThan(8);
});
