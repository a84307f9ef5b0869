import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { Exchange } from "../../src/exchange/exchange.ts";
import { FileCache } from "../../src/files/cache.ts";
import { makeFilesHandler } from "../../src/files/handler.ts";
import { OpenFiles } from "../../src/files/open-files.ts";
import type { FilesOptions } from "../../src/files/options.ts";
import { makeTryHandler } from "../../src/files/try.ts";
import { type Age, WAITS_MAX, YoungFiles, youngForMs } from "../../src/files/young-files.ts";
import { type FileStat, statOf } from "../../src/os/file-stat.ts";
import { openBelow } from "../support/descriptors.ts";
import { fakeExchange, type FakeRequest } from "../support/exchange.ts";
import { makeFolder, removeFolder } from "../support/folder.ts";

const root = makeFolder("young-files");
afterAll(() => removeFolder(root));

const path = (name: string) => join(root, name);
const MIB = 1024 * 1024;

/** Time passes when a test says so. */
class Clock {
  private wall = Date.now();
  private monotonic = 0;

  readonly wallMs = () => this.wall;
  readonly monotonicMs = () => this.monotonic;

  /** It is so much later than the file was written to. */
  after(name: string, ms: number): void {
    this.wall = statSync(path(name)).mtimeMs + ms;
  }

  pass(ms: number): void {
    this.wall += ms;
    this.monotonic += ms;
  }
}

const clock = new Clock();
const young = new YoungFiles(clock);
const options: FilesOptions = {
  root,
  single: false,
  index: ["index.html"],
  charset: undefined,
  young,
  // Every request looks at the disk.
  cache: new FileCache(MIB, 0),
  openFiles: new OpenFiles(0, 0),
};
const handler = makeFilesHandler(options);

function ask(name: string, request: FakeRequest = {}, by = handler) {
  const { exchange, reply } = fakeExchange({ ...request, path: `/${name}` });
  by(exchange);
  return reply;
}

/** Time passes, and who waits is looked after. */
function later(ms: number): void {
  clock.pass(ms);
  young.sweep();
}

const SIZES = { small: 10_000, large: 200_000 } as const;
const QUIET_MS = { small: 50, large: 101 } as const;

describe("how long a file is young", () => {
  const AT = 1_700_000_000;
  const stats: FileStat = { ...statOf(0), size: 0, mtimeSec: AT, mtimeNsec: 0, ctimeSec: AT, ctimeNsec: 0 };
  const of = (change: Partial<FileStat>, ageMs = 0) => youngForMs({ ...stats, ...change }, AT * 1000 + ageMs);

  test.each([
    [0, 50],
    [64 * 1024, 50],
    [MIB, 101],
    [30 * MIB, 130],
    [300 * MIB, 400],
    [800 * MIB, 900],
    [50 * 1024 * MIB, 900],
  ])("of %d bytes %d ms", (size, quietMs) => {
    expect(of({ size })).toBe(quietMs);
    expect(of({ size }, 20)).toBe(quietMs - 20);
    expect(of({ size }, quietMs)).toBe(0);
    expect(of({ size }, 1e9)).toBe(0);
  });

  test("a time that is ahead by more than clocks are apart is none of a moment ago", () => {
    expect(of({}, -1)).toBe(51);
    expect(of({}, -20)).toBe(0);
    expect(of({}, -1e9)).toBe(0);
  });

  test("one whose state was changed, or whose time was set, after it was written to is not inside a write", () => {
    expect(of({ ctimeNsec: 4_000_000 })).toBe(0);
    expect(of({ mtimeSec: AT - 1000 }, 0)).toBe(0);
  });
});

test("a write sets both times alike, and what is done to a file otherwise one of them", async () => {
  const isOne = (name: string) => {
    const { mtimeNs, ctimeNs } = statSync(path(name), { bigint: true });
    return mtimeNs === ctimeNs;
  };
  writeFileSync(path("times"), "written");
  appendFileSync(path("times"), "more");
  expect(isOne("times")).toBe(true);
  // Longer than a tick of the kernel's.
  await Bun.sleep(20);
  chmodSync(path("times"), 0o640);
  expect(isOne("times")).toBe(false);
  appendFileSync(path("times"), "more");
  expect(isOne("times")).toBe(true);
  await Bun.sleep(20);
  renameSync(path("times"), path("renamed"));
  expect(isOne("renamed")).toBe(false);
});

describe.each(["small", "large"] as const)("a %s file that was written to a moment ago", (kind) => {
  const name = `${kind}.bin`;
  const quietMs = QUIET_MS[kind];
  const write = (letter: string) => {
    writeFileSync(path(name), Buffer.alloc(SIZES[kind], letter));
    clock.after(name, 10);
  };

  beforeEach(() => write("a"));

  test("is answered when that moment is over, as it is then, and nothing of it is held till then", async () => {
    const reply = ask(name);
    expect([young.size, openBelow(root)]).toEqual([1, 0]);
    later(quietMs - 15);
    expect([reply.state, young.size]).toEqual(["waiting", 1]);
    later(10);
    await reply.over;
    expect([reply.status, young.size]).toEqual([200, 0]);
    expect(reply.content.equals(Buffer.alloc(SIZES[kind], "a"))).toBe(true);
  });

  test("and is asked for by many is waited for by all", async () => {
    const replies = Array.from({ length: 5 }, () => ask(name));
    later(quietMs);
    await Promise.all(replies.map((reply) => reply.over));
    expect(replies.map(({ status, content }) => [status, content.length])).toEqual(
      replies.map(() => [200, SIZES[kind]]),
    );
    expect(young.size).toBe(0);
  });

  test("and again meanwhile is waited for anew", async () => {
    const reply = ask(name);
    clock.pass(quietMs);
    write("b");
    young.sweep();
    expect([reply.state, young.size]).toEqual(["waiting", 1]);
    later(quietMs);
    await reply.over;
    expect(reply.content.equals(Buffer.alloc(SIZES[kind], "b"))).toBe(true);
  });

  test("and is so whenever it is looked at is answered in the end, and not believed to be so any longer", async () => {
    const keeping = makeFilesHandler({ root, single: false, index: [], charset: undefined, young });
    const reply = ask(name, {}, keeping);
    for (let waits = 0; waits < WAITS_MAX; waits++) {
      expect(reply.state).toBe("waiting");
      clock.pass(quietMs);
      write("c");
      young.sweep();
    }
    await reply.over;
    expect(reply.content.equals(Buffer.alloc(SIZES[kind], "c"))).toBe(true);
    expect([young.size, openBelow(root)]).toEqual([0, 0]);
    const next = ask(name, {}, keeping);
    expect(next.state).toBe("waiting");
    next.leave();
  });

  test("answers HEAD, ranges and conditions after the same wait", async () => {
    const head = ask(name, { method: "HEAD" });
    const part = ask(name, { fields: [["Range", "bytes=5-9"]] });
    const far = ask(name, { fields: [["Range", "bytes=900000-"]] });
    expect(young.size).toBe(3);
    later(quietMs);
    await Promise.all([head.over, part.over, far.over]);
    expect([head.status, part.status, part.text, far.status]).toEqual([200, 206, "aaaaa", 416]);
    write("a");
    const known = ask(name, { fields: [["If-Modified-Since", "Fri, 31 Dec 2100 00:00:00 GMT"]] });
    const same = ask(name, { fields: [["If-None-Match", "*"]] });
    expect([known.state, same.state]).toEqual(["waiting", "waiting"]);
    later(quietMs);
    expect([known.status, same.status]).toEqual([304, 304]);
  });

  test("is forgotten with a client that leaves", () => {
    const reply = ask(name);
    reply.leave();
    expect(young.size).toBe(0);
    later(quietMs);
    expect(reply.head).toBeUndefined();
  });

  test("and is taken away while somebody waits is not there", () => {
    const reply = ask(name);
    rmSync(path(name));
    later(quietMs);
    expect(reply.status).toBe(404);
  });

  test("and becomes a directory while somebody waits is one", () => {
    const reply = ask(name);
    rmSync(path(name));
    mkdirSync(path(name));
    later(quietMs);
    expect(reply.status).toBe(301);
    rmSync(path(name), { recursive: true });
  });

  test("is tried anew, from the first name on", () => {
    const otherwise = (exchange: Exchange) =>
      exchange.reply.whole({ ...ask("none").head!, status: 299 }, Buffer.alloc(1000)); // 404 pages have a head
    const tries = makeTryHandler({ directories: [options], candidates: ["$uri.html", "$uri"], otherwise });
    const taken = ask(name, {}, tries);
    const found = ask(name, {}, tries);
    rmSync(path(name));
    writeFileSync(`${path(name)}.html`, "page");
    utimesSync(`${path(name)}.html`, 1, 1);
    later(quietMs);
    expect([taken.text, found.text]).toEqual(["page", "page"]);
    rmSync(`${path(name)}.html`);
    write("a");
    const other = ask(name, {}, tries);
    rmSync(path(name));
    later(quietMs);
    expect(other.status).toBe(299);
  });

  test("is not waited for if its time was set, or lies ahead", async () => {
    clock.after(name, -1000);
    const early = ask(name);
    utimesSync(path(name), 1, 1);
    const old = ask(name);
    await Promise.all([early.over, old.over]);
    expect([early.status, old.status]).toEqual([200, 200]);
  });
});

describe("an empty file whose last write was long ago may be one that is being cut off", () => {
  const name = "empty.txt";
  const keeping = makeFilesHandler({ root, single: false, index: [], charset: undefined, young });
  const openFiles = new OpenFiles();

  beforeEach(() => {
    writeFileSync(path(name), "");
    utimesSync(path(name), 1, 1);
    clock.after(name, 0);
  });

  test("and is answered when it was so for a moment", () => {
    const reply = ask(name);
    later(40);
    expect(reply.state).toBe("waiting");
    later(20);
    expect([reply.status, reply.content.length, young.size]).toEqual([200, 0, 0]);
  });

  test("and is what it is then", async () => {
    const reply = ask(name);
    writeFileSync(path(name), Buffer.alloc(200_000, "b"));
    clock.after(name, 60);
    later(0);
    expect(reply.state).toBe("waiting");
    later(50);
    await reply.over;
    expect(reply.content.equals(Buffer.alloc(200_000, "b"))).toBe(true);
  });

  test("and is not waited for any more once it is kept", () => {
    for (let times = 0; times < 2; times++) {
      ask(name, {}, keeping);
      later(60);
    }
    expect(ask(name, {}, keeping).status).toBe(200);
  });

  test("also in place of a large one that stood open, at the time of that", async () => {
    const standing = makeFilesHandler({ root, single: false, index: [], charset: undefined, young, openFiles });
    writeFileSync(path(name), Buffer.alloc(200_000, "a"));
    utimesSync(path(name), 1, 1);
    await ask(name, {}, standing).over;
    expect(openFiles.size).toBe(1);
    truncateSync(path(name), 0);
    utimesSync(path(name), 1, 1);
    const reply = ask(name, {}, standing);
    expect(reply.state).toBe("waiting");
    writeFileSync(path(name), Buffer.alloc(200_000, "b"));
    utimesSync(path(name), 2, 2);
    later(60);
    await reply.over;
    expect(reply.content.equals(Buffer.alloc(200_000, "b"))).toBe(true);
  });
});

describe("how long a request waits", () => {
  const old: FileStat = { ...statOf(0), kind: "file", size: 0, blocks: 0, mtimeSec: 1, ctimeSec: 2 };
  const written = (ageMs: number, size: number): FileStat => {
    const ms = clock.wallMs() - ageMs;
    const times = { sec: Math.floor(ms / 1000), nsec: Math.round((ms % 1000) * 1e6) };
    return { ...old, size, mtimeSec: times.sec, mtimeNsec: times.nsec, ctimeSec: times.sec, ctimeNsec: times.nsec };
  };

  /** Looks every 10 ms: `state` is what the file is `ms` after the first look. */
  function waited(state: (ms: number) => FileStat): [Age, number] {
    const { exchange } = fakeExchange({ path: "/x" });
    let ms = 0;
    let age: Age = "awaited";
    const look = (again: Exchange) => void (age = young.ageFor(again, state(ms), look));
    look(exchange);
    for (; age === "awaited" && ms < 10_000; ms += 10) later(10);
    return [age, ms];
  }

  test("for one that is empty and has room on its disk still: until it has none, or keeps it", () => {
    expect(waited((ms) => ({ ...old, blocks: ms < 180 ? 8 : 0 }))).toEqual(["settled", 200]);
    expect(waited(() => ({ ...old, blocks: 8 }))).toEqual(["settled", 900]);
  });

  test("for the end of one write, however often it is found larger than before", () => {
    const begun = written(0, 0);
    const [age, ms] = waited((ms) => ({ ...begun, size: Math.min(ms, 400) * 50_000 }));
    expect([age, ms > 400, ms < 520]).toEqual(["settled", true, true]);
  });

  test("for one write no longer than the longest is waited for", () => {
    const begun = written(0, 0);
    const [age, ms] = waited((ms) => ({ ...begun, size: ms * 10_000 }));
    expect([age, ms >= 900, ms < 970]).toEqual(["settled", true, true]);
  });

  test("for two writes, and what is cut off before each, but not for ever", () => {
    expect(waited((ms) => written(ms % 50, 100))[0]).toBe("young");
    const [age, ms] = waited((ms) => ({ ...old, mtimeSec: 10 + ms }));
    expect([age, ms >= 2700, ms < 2800]).toEqual(["young", true, true]);
  });
});

test.each(["small", "large"] as const)(
  "a sibling of a %s file that may be being written is not used yet",
  async (kind) => {
    const name = `${kind}.css`;
    const size = SIZES[kind];
    writeFileSync(path(name), Buffer.alloc(size, "a"));
    utimesSync(path(name), 1, 1);
    writeFileSync(path(`${name}.gz`), "gzip");
    const encoding = { siblings: ["gzip"], compression: undefined } as const;
    const encoded = makeFilesHandler({ ...options, encoding });
    const asked = async () => {
      const reply = ask(name, { fields: [["Accept-Encoding", "gzip"]] }, encoded);
      await reply.over;
      return reply.content.length;
    };
    clock.after(`${name}.gz`, 10);
    expect(await asked()).toBe(size);
    clock.pass(100);
    expect(await asked()).toBe(4);
  },
);
