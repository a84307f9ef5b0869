import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, realpathSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FileCache, KNOCKS } from "../../src/files/cache.ts";
import { makeFilesHandler } from "../../src/files/handler.ts";
import type { ReplyHead } from "../../src/protocol/http/message.ts";
import { fakeExchange, type FakeRequest } from "../support/exchange.ts";

const root = realpathSync(mkdtempSync(join(tmpdir(), "passing-")));
const OLD = new Date(Date.UTC(2026, 0, 2, 3, 4, 5));

beforeAll(() => {
  for (const name of ["a", "b", "c"]) put(`${name}.txt`, `${name}${"0123456789".repeat(200)}`);
});
afterAll(() => rmSync(root, { recursive: true }));

function put(name: string, text: string): void {
  writeFileSync(join(root, name), text);
  utimesSync(join(root, name), OLD, OLD);
}

function handlerWith(cacheBytes: number) {
  return makeFilesHandler({ root, single: false, index: [], charset: undefined, cache: new FileCache(cacheBytes) });
}

function ask(handler: ReturnType<typeof handlerWith>, path: string, request: FakeRequest = {}) {
  const { exchange, reply } = fakeExchange({ ...request, path });
  handler(exchange);
  return { status: reply.status, content: reply.content.toString("latin1"), fields: reply.head?.fields.pairs() };
}

describe("a file that the cache does not take", () => {
  const requests: FakeRequest[] = [
    {},
    { method: "HEAD" },
    { fields: [["Range", "bytes=1-3"]] },
    { fields: [["Range", "bytes=0-3"]] },
    { fields: [["Range", "bytes=-5"]] },
    { fields: [["Range", "bytes=9999-"]] },
    { fields: [["If-Modified-Since", OLD.toUTCString()]] },
    { fields: [["If-Match", '"other"']] },
    { fields: [["Accept-Encoding", "gzip"]] },
  ];

  test.each(requests)("is answered as one from the cache: %j", (request) => {
    const caching = handlerWith(1_000_000);
    for (let i = 0; i < 2; i++) ask(caching, "/a.txt");
    expect(ask(handlerWith(0), "/a.txt", request)).toEqual(ask(caching, "/a.txt", request));
  });

  test("several parts of it are the same parts", () => {
    const parts = (cacheBytes: number) => {
      const handler = handlerWith(cacheBytes);
      for (let i = 0; i < 2; i++) ask(handler, "/a.txt");
      const { content } = ask(handler, "/a.txt", { fields: [["Range", "bytes=0-2,10-12"]] });
      return content.replaceAll(/^--.*$/gm, "--");
    };
    expect(parts(0)).toBe(parts(1_000_000));
    expect(parts(0)).toContain("a01");
  });

  test("leaves what it was read into to the next one", () => {
    const handler = handlerWith(0);
    const replies = ["/a.txt", "/b.txt", "/c.txt"].map((path) => ask(handler, path).content[0]);
    expect(replies).toEqual(["a", "b", "c"]);
  });

  test("is lent to a reply that can copy what it does not send", () => {
    const { exchange, reply } = fakeExchange({ path: "/b.txt" });
    const lent: string[] = [];
    const copying = Object.assign(reply, {
      lend(head: ReplyHead, bytes: Uint8Array) {
        lent.push(Buffer.from(bytes.subarray(0, head.length)).toString("latin1"));
      },
    });
    exchange.reply = copying;
    handlerWith(0)(exchange);
    expect(lent).toEqual([`b${"0123456789".repeat(200)}`]);
    expect(reply.state).toBe("waiting");
  });
});

test("a file that is asked for again is kept, though the cache is full", async () => {
  const cache = new FileCache(9000);
  const handler = makeFilesHandler({ root, single: false, index: [], charset: undefined, cache });
  for (const path of ["/a.txt", "/a.txt", "/b.txt", "/b.txt"]) ask(handler, path);
  const { bytes } = cache;
  expect(bytes).toBeGreaterThan(4000);
  ask(handler, "/c.txt");
  expect(cache.bytes).toBe(bytes);
  // Not for the first time that it would drive out another.
  for (let i = 0; i < KNOCKS; i++) ask(handler, "/c.txt");
  put("c.txt", "changed");
  // Believed without a look at the disk: it is in the cache now.
  expect(ask(handler, "/c.txt").content[1]).toBe("0");
});
