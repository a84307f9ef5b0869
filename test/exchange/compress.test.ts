import { afterEach, describe, expect, test } from "bun:test";
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from "node:zlib";
import { Compression, withCompression } from "../../src/exchange/compress.ts";
import { DEFAULT_COMPRESSION } from "../../src/exchange/compressible.ts";
import { ENCODERS_MAX, encoders, SYNC_BYTES_MAX } from "../../src/exchange/encoder.ts";
import type { Exchange } from "../../src/exchange/exchange.ts";
import type { Producer } from "../../src/exchange/reply.ts";
import { Fields } from "../../src/protocol/http/fields.ts";
import { LENGTH_UNKNOWN, type ReplyHead } from "../../src/protocol/http/message.ts";
import { fakeExchange, type FakeRequest, type RecordedReply } from "../support/exchange.ts";
import { until } from "../support/wait.ts";

const compression = new Compression(DEFAULT_COMPRESSION);
const SMALL = Buffer.alloc(5000, "small and textual ");
const LARGE = Buffer.alloc(1_000_000, "large and textual, line after line\n");

const DECODERS = { gzip: gunzipSync, br: brotliDecompressSync, zstd: zstdDecompressSync } as const;

function pageHead(length: number, more: Record<string, string> = {}): ReplyHead {
  const fields = Fields.of(Object.entries({ "Content-Type": "text/html", ETag: '"tag"', ...more }));
  return { status: 200, reason: undefined, fields, length };
}

function accepting(coding: string, request: FakeRequest = {}): FakeRequest {
  return { ...request, fields: [["Accept-Encoding", coding]] };
}

/** The exchange as the handler behind the compression sees it. */
function open(request: FakeRequest): { exchange: Exchange; reply: RecordedReply } {
  const { exchange, reply } = fakeExchange(request);
  withCompression(compression, () => {})(exchange);
  return { exchange, reply };
}

class Source implements Producer {
  drains = 0;
  departures = 0;
  onDrained: () => void = () => {};
  drained(): void {
    this.drains++;
    this.onDrained();
  }
  gone(): void {
    this.departures++;
  }
}

/** Sends `content` in pieces, each when the one before was taken. */
function stream(exchange: Exchange, head: ReplyHead, content: Buffer, pieceBytes = 100_000): Source {
  const source = new Source();
  let at = 0;
  const next = () => {
    while (at < content.length) {
      const piece = Buffer.from(content.subarray(at, at + pieceBytes));
      at += piece.length;
      if (!exchange.reply.data(piece)) return;
      // taken: the buffer may be used again
      piece.fill(0);
    }
    if (exchange.reply.state === "started") exchange.reply.end();
  };
  source.onDrained = next;
  exchange.reply.producer = source;
  exchange.reply.start(head);
  next();
  return source;
}

afterEach(() => expect(encoders.running).toBe(0));

describe.each(["gzip", "br", "zstd"] as const)("%s", (coding) => {
  test("a small reply in one write, with its length", () => {
    const { exchange, reply } = open(accepting(coding));
    exchange.reply.whole(pageHead(SMALL.length), SMALL);
    expect([reply.header("content-encoding"), reply.header("etag")]).toEqual([coding, 'W/"tag"']);
    expect([reply.header("vary"), reply.head?.length]).toEqual(["Accept-Encoding", reply.content.length]);
    expect(reply.content.length).toBeLessThan(SMALL.length);
    expect(DECODERS[coding](reply.content).equals(SMALL)).toBe(true);
  });

  test("a small reply that comes in pieces too", () => {
    const { exchange, reply } = open(accepting(coding));
    stream(exchange, pageHead(SMALL.length), SMALL, 999);
    expect(reply.head?.length).toBe(reply.content.length);
    expect(DECODERS[coding](reply.content).equals(SMALL)).toBe(true);
  });

  test.each([LARGE.length, LENGTH_UNKNOWN])("a large one as a stream, announced as %d", async (length) => {
    const { exchange, reply } = open(accepting(coding));
    stream(exchange, pageHead(length), LARGE);
    await reply.over;
    expect(reply.aborted).toBeUndefined();
    expect([reply.header("content-encoding"), reply.head?.length]).toEqual([coding, LENGTH_UNKNOWN]);
    expect(DECODERS[coding](reply.content).equals(LARGE)).toBe(true);
  });

  test("a large one given at once", async () => {
    const { exchange, reply } = open(accepting(coding));
    exchange.reply.whole(pageHead(LARGE.length), LARGE);
    expect(exchange.reply.state).toBe("finished");
    await reply.over;
    expect(DECODERS[coding](reply.content).equals(LARGE)).toBe(true);
  });

  test("what trickles arrives as it comes", async () => {
    const { exchange, reply } = open(accepting(coding));
    exchange.reply.producer = new Source();
    exchange.reply.start(pageHead(LENGTH_UNKNOWN));
    for (const word of ["one ", "two ", "three "]) {
      const before = reply.content.length;
      exchange.reply.data(Buffer.from(word));
      await until(`bytes for ${word}`, 5000, () => reply.content.length > before);
    }
    exchange.reply.end();
    await reply.over;
    expect(DECODERS[coding](reply.content).toString()).toBe("one two three ");
  });
});

describe("left as it is", () => {
  test.each([
    ["without Accept-Encoding", {}, {}, "Accept-Encoding"],
    ["with q=0", accepting("gzip;q=0"), {}, "Accept-Encoding"],
    ["what is encoded", accepting("gzip"), { "Content-Encoding": "br" }, undefined],
    ["no-transform", accepting("gzip"), { "Cache-Control": "no-transform" }, undefined],
  ])("%s", (_, request: FakeRequest, fields: Record<string, string>, vary) => {
    const { exchange, reply } = open(request);
    exchange.reply.whole(pageHead(SMALL.length, fields), SMALL);
    expect(reply.content.equals(SMALL)).toBe(true);
    expect([reply.header("etag"), reply.header("vary")]).toEqual(['"tag"', vary]);
  });

  test("a stream to an HTTP/1.0 client, whose end it could not tell", () => {
    const { exchange, reply } = open({ ...accepting("gzip"), minor: 0 });
    stream(exchange, pageHead(LENGTH_UNKNOWN), SMALL);
    expect([reply.content.equals(SMALL), reply.header("content-encoding")]).toEqual([true, undefined]);
    expect(reply.header("vary")).toBe("Accept-Encoding");
  });

  test("streams beyond those that may be compressed at once", () => {
    const opened = Array.from({ length: ENCODERS_MAX + 1 }, () => open(accepting("gzip")));
    for (const { exchange } of opened) exchange.reply.start(pageHead(LENGTH_UNKNOWN));
    const coded = opened.filter(({ reply }) => reply.header("content-encoding") === "gzip");
    expect([coded.length, encoders.running]).toEqual([ENCODERS_MAX, ENCODERS_MAX]);
    const last = opened.at(-1)?.reply;
    expect([last?.header("content-encoding"), last?.header("vary")]).toEqual([undefined, "Accept-Encoding"]);
    for (const { reply } of opened) reply.leave();
  });
});

test.each([
  ["small", SMALL.length],
  ["large", LARGE.length],
  ["of unknown length", LENGTH_UNKNOWN],
])("HEAD of a page that is %s has the fields of its GET", async (_, length) => {
  const get = open(accepting("br"));
  stream(get.exchange, pageHead(length), length === SMALL.length ? SMALL : LARGE);
  await get.reply.over;
  const head = open(accepting("br", { method: "HEAD" }));
  head.exchange.reply.whole(pageHead(length), Buffer.alloc(0));
  expect(head.reply.head?.fields.pairs()).toEqual(get.reply.head?.fields.pairs());
  expect([head.reply.content.length, head.reply.head?.length]).toEqual([0, LENGTH_UNKNOWN]);
});

describe("a reply that breaks", () => {
  test("while it is gathered was never begun", () => {
    const { exchange, reply } = open(accepting("gzip"));
    exchange.reply.start(pageHead(SMALL.length));
    exchange.reply.data(SMALL.subarray(0, 100));
    expect([exchange.reply.state, reply.state]).toEqual(["started", "waiting"]);
    exchange.reply.abort("it broke");
    expect([reply.aborted, reply.head]).toEqual(["it broke", undefined]);
  });

  test.each([SMALL, LARGE])("because it is shorter than announced is never a whole one", (content) => {
    const { exchange, reply } = open(accepting("gzip"));
    exchange.reply.start(pageHead(content.length));
    exchange.reply.data(content.subarray(0, content.length - 1));
    exchange.reply.end();
    expect(reply.aborted).toMatch(/shorter than its Content-Length/);
  });

  test("in the middle of a stream does not end", async () => {
    const { exchange, reply } = open(accepting("zstd"));
    exchange.reply.start(pageHead(LENGTH_UNKNOWN));
    exchange.reply.data(LARGE);
    exchange.reply.abort("it broke");
    await Bun.sleep(20);
    expect([reply.aborted, reply.state, exchange.reply.state]).toEqual(["it broke", "gone", "gone"]);
  });

  test("by being longer than announced is cut", async () => {
    const { exchange, reply } = open(accepting("gzip"));
    exchange.reply.start(pageHead(SYNC_BYTES_MAX + 1));
    exchange.reply.data(LARGE);
    exchange.reply.end();
    await reply.over;
    expect(gunzipSync(reply.content).length).toBe(SYNC_BYTES_MAX + 1);
  });
});

describe("the client", () => {
  test("that is slow stops the source", async () => {
    const { exchange, reply } = open(accepting("gzip"));
    reply.full = true;
    // random bytes do not shrink: every piece fills the encoder's output
    const noise = crypto.getRandomValues(Buffer.alloc(60_000));
    const content = Buffer.concat(Array.from({ length: 50 }, () => noise));
    const source = stream(exchange, pageHead(content.length), content, noise.length);
    let before = -1;
    while (before !== reply.content.length) {
      before = reply.content.length;
      await Bun.sleep(30);
    }
    expect(source.drains).toBeLessThan(4);
    expect(reply.content.length).toBeLessThan(content.length / 4);
    reply.drain();
    await reply.over;
    expect(gunzipSync(reply.content).equals(content)).toBe(true);
  });

  test("that leaves is told to the source, once", async () => {
    const { exchange, reply } = open(accepting("br"));
    const source = stream(exchange, pageHead(LENGTH_UNKNOWN), Buffer.concat([LARGE, LARGE]), LARGE.length);
    reply.leave();
    await Bun.sleep(20);
    expect([source.departures, exchange.reply.state]).toEqual([1, "gone"]);
  });

  test("that leaves while a small reply is gathered", () => {
    const { exchange, reply } = open(accepting("gzip"));
    const source = new Source();
    exchange.reply.producer = source;
    exchange.reply.start(pageHead(SMALL.length));
    exchange.reply.data(SMALL.subarray(0, 100));
    reply.leave();
    expect([source.departures, exchange.reply.state]).toEqual([1, "gone"]);
    exchange.reply.data(SMALL.subarray(100));
    exchange.reply.end();
    expect(reply.head).toBeUndefined();
  });

  test("that leaves after the source is done tells it nothing", async () => {
    const { exchange, reply } = open(accepting("br"));
    const source = new Source();
    exchange.reply.producer = source;
    exchange.reply.start(pageHead(LENGTH_UNKNOWN));
    exchange.reply.data(LARGE);
    exchange.reply.end();
    reply.leave();
    await Bun.sleep(20);
    expect(source.departures).toBe(0);
  });
});
