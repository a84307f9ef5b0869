import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  mkdirSync,
  mkdtempSync,
  openSync,
  closeSync,
  ftruncateSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Charset } from "../../src/exchange/charset.ts";
import { CachePolicy } from "../../src/files/cache-control.ts";
import { makeFilesHandler } from "../../src/files/handler.ts";
import type { FilesOptions } from "../../src/files/options.ts";
import { OpenFiles } from "../../src/files/open-files.ts";
import { LENGTH_UNKNOWN, type ReplyHead } from "../../src/protocol/http/message.ts";
import { openBelow } from "../support/descriptors.ts";
import { fakeExchange, type FakeRequest } from "../support/exchange.ts";

const base = realpathSync(mkdtempSync(join(tmpdir(), "files-")));
const root = join(base, "static");
const LARGE = Buffer.alloc(700_000, "large file ");
const OLD = new Date(Date.UTC(2026, 0, 2, 3, 4, 5));
const FAR = 5 * 2 ** 30;

beforeAll(() => {
  for (const folder of ["css", "empty", "two", "a b\nc", ".git", ".well-known", "index-is-folder/index.html"]) {
    mkdirSync(join(root, folder), { recursive: true });
  }
  const files: Record<string, string | Buffer> = {
    "a.txt": "hello",
    "css/site.css": "body {}",
    "two/index.html": "first",
    "two/index.htm": "second",
    "a b\nc/100%.txt": "percent",
    "empty.txt": "",
    "large.bin": LARGE,
    "exact.bin": Buffer.alloc(64 * 1024, 1),
    "over.bin": Buffer.alloc(64 * 1024 + 1, 2),
    ".git/config": "secret",
    ".env": "secret",
    ".well-known/security.txt": "contact",
    "settings.py~": "secret",
  };
  for (const [name, content] of Object.entries(files)) {
    writeFileSync(join(root, name), content);
    utimesSync(join(root, name), OLD, OLD);
  }
  writeFileSync(Buffer.concat([Buffer.from(`${root}/`), Buffer.from([0xe9, 0xff])]), "bytes");
  writeFileSync(join(base, "secret"), "secret");
  symlinkSync("../secret", join(root, "link"));
  const fd = openSync(join(root, "sparse.bin"), "w");
  ftruncateSync(fd, FAR);
  writeSync(fd, "tail", FAR - 4);
  closeSync(fd);
});

afterAll(() => rmSync(base, { recursive: true }));

function make(change: Partial<FilesOptions> = {}) {
  return makeFilesHandler({
    root,
    openFiles: new OpenFiles(0),
    single: false,
    index: ["index.html", "index.htm"],
    charset: undefined,
    ...change,
  });
}

const shared = make();

async function ask(path: string, request: FakeRequest = {}, handler = shared) {
  const { exchange, reply } = fakeExchange({ ...request, path });
  exchange.mount = "/static";
  handler(exchange);
  await reply.over;
  expect(openBelow(root)).toBe(0); // the root itself may be held for a moment (root.ts)
  return reply;
}

function withFields(fields: Record<string, string>): FakeRequest {
  return { fields: Object.entries(fields) };
}

describe("what is found", () => {
  test.each([
    ["/static/a.txt", "hello", "text/plain"],
    ["/static/css/site.css", "body {}", "text/css"],
    ["/static/two/", "first", "text/html"],
    ["/static/two/index.htm", "second", "text/html"],
    ["/static/a b\nc/100%.txt", "percent", "text/plain"],
    ["/static/empty.txt", "", "text/plain"],
    ["/static/\xe9\xff", "bytes", "application/octet-stream"],
    ["/static/.well-known/security.txt", "contact", "text/plain"],
  ])("%j", async (path, text, type) => {
    for (let again = 0; again < 2; again++) {
      const reply = await ask(path);
      expect(reply.status).toBe(200);
      expect(reply.text).toBe(text);
      expect(reply.head?.length).toBe(text.length);
      expect(reply.header("content-type")).toBe(type);
      expect(reply.header("accept-ranges")).toBe("bytes");
    }
  });

  test.each(["/static/large.bin", "/static/exact.bin", "/static/over.bin"])(
    "%s whole, of either side of the bound",
    async (path) => {
      const reply = await ask(path);
      const expected = Buffer.from(await Bun.file(join(base, path)).arrayBuffer());
      expect(reply.content.equals(expected)).toBe(true);
      expect(reply.head?.length).toBe(expected.length);
    },
  );

  test("carries validators, and Cache-Control and charset as configured", async () => {
    const cachePolicy = new CachePolicy([{ pattern: "*", value: "max-age=60", isAge: true }], undefined);
    const reply = await ask("/static/a.txt", {}, make({ cachePolicy, charset: new Charset("utf-8") }));
    expect(reply.header("last-modified")).toBe("Fri, 02 Jan 2026 03:04:05 GMT");
    expect(reply.header("etag")).toMatch(/^"[0-9a-f]+-5"$/);
    expect(reply.header("cache-control")).toBe("max-age=60");
    expect(reply.header("content-type")).toBe("text/plain; charset=utf-8");
  });

  const told = ({ status, reason, fields, length }: ReplyHead) => ({ status, reason, fields: fields.pairs(), length });

  test("HEAD announces what GET sends", async () => {
    for (const path of ["/static/a.txt", "/static/large.bin"]) {
      const get = await ask(path);
      const head = await ask(path, { method: "HEAD" });
      // Both were answered.
      expect(told(head.head!)).toEqual(told(get.head!));
    }
  });
});

describe("what is not", () => {
  test.each([
    "/static/missing",
    "/static/a.txt/",
    "/static/empty/",
    "/static/index-is-folder/",
    "/static/.git/config",
    "/static/.git/",
    "/static/.git",
    "/static/.env",
    "/static/settings.py~",
    "/static/../secret",
    "/static/css/../a.txt",
    "/static//a.txt",
    "/static/..\\secret",
    "/static/link",
    `/static/${"x".repeat(5000)}`,
  ])("%j is 404 and shows nothing", async (path) => {
    const reply = await ask(path);
    expect(reply.status).toBe(404);
    expect(reply.text).not.toContain("secret");
  });

  test.each(["POST", "PUT", "DELETE", "OPTIONS", "PROPFIND", "get"])(
    "%s is 405 with Allow (rfc9110_15_5_6)",
    async (method) => {
      const reply = await ask("/static/a.txt", { method });
      expect(reply.status).toBe(405);
      expect(reply.header("allow")).toBe("GET, HEAD");
    },
  );

  test("hidden names are there for who asks for them, dot segments never", async () => {
    const open = make({ hidden: true });
    for (const path of ["/static/.env", "/static/.git/config", "/static/settings.py~"]) {
      expect((await ask(path, {}, open)).text).toBe("secret");
    }
    for (const path of ["/static/../secret", "/static/./a.txt", "/static/css/..", "/static/css/../../secret"]) {
      expect((await ask(path, {}, open)).status).toBe(404);
    }
  });
});

describe("a directory without its slash", () => {
  test.each([
    ["/static/css", undefined, "/static/css/"],
    ["/static", undefined, "/static/"],
    ["/static/two", "a=b&c", "/static/two/?a=b&c"],
    ["/static/a b\nc", "x\r\ny", "/static/a%20b%0Ac/?x%0D%0Ay"],
  ])("%j?%j goes to %s", async (path, query, location) => {
    const reply = await ask(path, query === undefined ? {} : { query });
    expect(reply.status).toBe(301);
    expect(reply.header("location")).toBe(location);
  });
});

describe("an absolute redirect", () => {
  test.each([
    ["example.org", undefined, false, "http://example.org/static/css/"],
    ["example.org", 8080, false, "http://example.org:8080/static/css/"],
    ["example.org", 80, false, "http://example.org/static/css/"],
    ["example.org", 443, true, "https://example.org/static/css/"],
    ["example.org", 80, true, "https://example.org:80/static/css/"],
    ["[::1]", 8443, true, "https://[::1]:8443/static/css/"],
    ["", undefined, false, "/static/css/"],
  ])("%s port %p, secure %p: %s", async (host, hostPort, secure, location) => {
    const { exchange, reply } = fakeExchange({ path: "/static/css", host });
    exchange.mount = "/static";
    exchange.peer = { ...exchange.peer, secure };
    Object.assign(exchange.head, { hostPort });
    make({ absoluteRedirect: true })(exchange);
    expect(reply.header("location")).toBe(location);
  });
});

describe("conditions and ranges", () => {
  test("304 repeats the validators, has no content and announces no length (rfc9110_15_4_5)", async () => {
    for (const path of ["/static/a.txt", "/static/large.bin"]) {
      const etag = (await ask(path)).header("etag") ?? "";
      const reply = await ask(path, withFields({ "If-None-Match": etag }));
      expect(reply.status).toBe(304);
      expect(reply.head?.length).toBe(LENGTH_UNKNOWN);
      expect(reply.text).toBe("");
      expect(reply.header("etag")).toBe(etag);
      expect(reply.header("content-type")).toBeUndefined();
    }
  });

  test("412 for a file that is not the expected one (rfc9110_13_1_1)", async () => {
    for (const path of ["/static/a.txt", "/static/large.bin"]) {
      expect((await ask(path, withFields({ "If-Match": '"other"' }))).status).toBe(412);
    }
  });

  test.each([
    ["/static/a.txt", "bytes=1-2", "el", "bytes 1-2/5"],
    ["/static/a.txt", "bytes=-2", "lo", "bytes 3-4/5"],
    ["/static/large.bin", "bytes=11-20", "large file", "bytes 11-20/700000"],
    ["/static/sparse.bin", "bytes=-4", "tail", `bytes ${FAR - 4}-${FAR - 1}/${FAR}`],
    ["/static/sparse.bin", `bytes=${FAR - 6}-${FAR - 3}`, "\0\0ta", `bytes ${FAR - 6}-${FAR - 3}/${FAR}`],
  ])("%s %s is 206", async (path, range, text, contentRange) => {
    const reply = await ask(path, withFields({ Range: range }));
    expect(reply.status).toBe(206);
    expect(reply.text).toBe(text);
    expect(reply.head?.length).toBe(text.length);
    expect(reply.header("content-range")).toBe(contentRange);
    expect(reply.header("etag")).toBeDefined();
  });

  test("416 tells the size (rfc9110_15_5_17)", async () => {
    for (const [path, size] of [
      ["/static/a.txt", 5],
      ["/static/large.bin", 700_000],
    ] as const) {
      const reply = await ask(path, withFields({ Range: "bytes=700000-" }));
      expect(reply.status).toBe(416);
      expect(reply.header("content-range")).toBe(`bytes */${size}`);
    }
  });

  test("an empty file is sent whole, whatever is asked of it", async () => {
    for (const range of ["bytes=0-", "bytes=-5", "bytes=0-0,-1", "bytes=7-"]) {
      const reply = await ask("/static/empty.txt", withFields({ Range: range }));
      expect([reply.status, reply.head?.length, reply.text]).toEqual([200, 0, ""]);
    }
  });

  test("a range of an older state gets the whole new one", async () => {
    const reply = await ask("/static/a.txt", withFields({ Range: "bytes=1-2", "If-Range": '"old"' }));
    expect(reply.status).toBe(200);
    expect(reply.text).toBe("hello");
  });

  test.each([
    ["/static/a.txt", "bytes=0-1,3-4", ["he", "lo"], ["bytes 0-1/5", "bytes 3-4/5"], "text/plain"],
    ["/static/a.txt", "bytes=-1, 0-0", ["o", "h"], ["bytes 4-4/5", "bytes 0-0/5"], "text/plain"],
    [
      "/static/large.bin",
      "bytes=0-4,699995-",
      ["large", " larg"],
      ["bytes 0-4/700000", "bytes 699995-699999/700000"],
      "application/octet-stream",
    ],
  ])("%s %s is 206 in parts (rfc9110_14_6)", async (path, range, texts, contentRanges, type) => {
    const reply = await ask(path, withFields({ Range: range }));
    expect(reply.status).toBe(206);
    expect(reply.header("content-range")).toBeUndefined();
    expect(reply.head?.length).toBe(reply.content.length);
    const [, boundary = ""] =
      /^multipart\/byteranges; boundary=([0-9a-f]{30})$/.exec(reply.header("content-type") ?? "") ?? [];
    const [preamble, ...parts] = reply.text.split(`\r\n--${boundary}`);
    expect([preamble, parts.pop()]).toEqual(["", "--\r\n"]);
    expect(parts).toEqual(
      texts.map((text, i) => `\r\nContent-Type: ${type}\r\nContent-Range: ${contentRanges[i]}\r\n\r\n${text}`),
    );
  });

  test("HEAD of several ranges, and ranges that are not allowed, are the whole", async () => {
    for (const path of ["/static/a.txt", "/static/large.bin"]) {
      const head = await ask(path, { method: "HEAD", fields: [["Range", "bytes=0-1,3-4"]] });
      expect(head.status).toBe(200);
      for (const [rangesMax, range] of [
        [1, "bytes=0-1,3-4"],
        [0, "bytes=0-1"],
      ] as const) {
        const reply = await ask(path, withFields({ Range: range }), make({ rangesMax }));
        expect([reply.status, reply.header("accept-ranges")]).toEqual([200, rangesMax === 0 ? undefined : "bytes"]);
      }
    }
  });
});

describe("files that change", () => {
  /** Longer than the cache believes an entry. */
  const stale = () => Bun.sleep(1050);

  test("a rewrite within the same second changes the ETag, and is seen after a second", async () => {
    const name = join(root, "changing.txt");
    writeFileSync(name, "one");
    await ask("/static/changing.txt");
    const before = await ask("/static/changing.txt");
    await Bun.sleep(20);
    writeFileSync(name, "two");
    await stale();
    const after = await ask("/static/changing.txt");
    expect([before.text, after.text]).toEqual(["one", "two"]);
    expect(after.header("etag")).not.toBe(before.header("etag"));
  });

  test("a large file that is written to is noticed at once, though its descriptor was kept", async () => {
    const openFiles = new OpenFiles();
    const handler = make({ openFiles });
    const get = async () => {
      const { exchange, reply } = fakeExchange({ path: "/static/growing.bin" });
      exchange.mount = "/static";
      handler(exchange);
      await reply.over;
      return reply;
    };
    for (const size of [100_000, 100_001, 90_000]) {
      writeFileSync(join(root, "growing.bin"), Buffer.alloc(size, size & 255));
      const reply = await get();
      expect(reply.content.equals(Buffer.alloc(size, size & 255))).toBe(true);
      expect(openFiles.size).toBe(1);
      expect((await get()).header("etag")).toBe(reply.header("etag") ?? "");
    }
    openFiles.sweep(Number.POSITIVE_INFINITY);
    expect(openBelow(root)).toBe(0); // the root itself may be held for a moment (root.ts)
  });

  test("a settled file is replaced, removed and turned into a way out", async () => {
    for (const name of ["replaced.txt", "removed.txt", "escaping.txt"]) {
      writeFileSync(join(root, name), "old");
      utimesSync(join(root, name), OLD, OLD);
      for (let i = 0; i < 2; i++) expect((await ask(`/static/${name}`)).text).toBe("old");
    }
    writeFileSync(join(root, "new"), "new");
    utimesSync(join(root, "new"), OLD, OLD);
    renameSync(join(root, "new"), join(root, "replaced.txt"));
    rmSync(join(root, "removed.txt"));
    rmSync(join(root, "escaping.txt"));
    symlinkSync("../secret", join(root, "escaping.txt"));
    await stale();
    expect((await ask("/static/replaced.txt")).text).toBe("new");
    expect((await ask("/static/removed.txt")).status).toBe(404);
    expect((await ask("/static/escaping.txt")).status).toBe(404);
  });

  test("an unchanged file keeps its bytes in memory over the look at the disk", async () => {
    const handler = make();
    let sent: Uint8Array[] = [];
    const spy = (exchange: ReturnType<typeof fakeExchange>) => {
      const whole = exchange.reply.whole.bind(exchange.reply);
      exchange.reply.whole = (head, content) => {
        sent.push(content);
        whole(head, content);
      };
      handler(exchange.exchange);
    };
    // the tree was made moments ago, so its files settle only after two seconds
    await Bun.sleep(2100);
    for (let i = 0; i < 2; i++) spy(fakeExchange({ path: "/a.txt" }));
    await stale();
    spy(fakeExchange({ path: "/a.txt" }));
    expect(sent[2]).toBe(sent[1]!); // three were sent, the second from the cache
    expect(openBelow(root)).toBe(0); // the root itself may be held for a moment (root.ts)
  });
});
