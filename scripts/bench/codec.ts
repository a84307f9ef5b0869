/**
 * The HTTP/1 codec alone: requests per second and heap bytes per request of the parser, and replies per second of the
 * writer. No sockets. Run: `bun scripts/bench/codec.ts`. Compare numbers of one machine and one run only.
 */
import { heapStats } from "bun:jsc";
import { Fields } from "../../src/protocol/http/fields.ts";
import type { ReplyHead, RequestHead } from "../../src/protocol/http/message.ts";
import { ServerConnection } from "../../src/protocol/http1/connection.ts";
import { DEFAULT_HEAD_LIMITS } from "../../src/protocol/http1/limits.ts";
import { encodeReplyHead, replyFraming } from "../../src/protocol/http1/write.ts";

const ROUNDS = 5;
const REQUESTS = 400_000;

const HEADS: Readonly<Record<string, string>> = {
  minimal: "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
  curl: "GET /health HTTP/1.1\r\nHost: localhost:8000\r\nUser-Agent: curl/8.5.0\r\nAccept: */*\r\n\r\n",
  browser: [
    "GET /static/css/app.css?v=12 HTTP/1.1",
    "Host: www.example.org",
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "Accept-Language: en-US,en;q=0.5",
    "Accept-Encoding: gzip, deflate, br, zstd",
    "Referer: https://www.example.org/blog/2026/11/a-post/",
    "Connection: keep-alive",
    "Cookie: sessionid=abcdefghijklmnopqrstuvwxyz012345; csrftoken=ABCDEFGHIJKLMNOPQRSTUVWXYZ012345",
    "Upgrade-Insecure-Requests: 1",
    "Cache-Control: max-age=0",
    "\r\n",
  ].join("\r\n"),
  post: "POST /api HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello",
  chunked: "POST /api HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
};

/** Best of the rounds, since everything else on the machine only makes it slower. */
function best(run: (count: number) => void): number {
  run(REQUESTS / 4);
  let fastest = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const begun = performance.now();
    run(REQUESTS);
    fastest = Math.max(fastest, REQUESTS / ((performance.now() - begun) / 1000));
  }
  return fastest;
}

/** Bytes of heap that one parsed request holds while it lives: what a parse allocates and keeps. */
function heldBytes(packet: Buffer): number {
  const count = 20_000;
  const connection = new ServerConnection(DEFAULT_HEAD_LIMITS);
  const heads: RequestHead[] = [];
  Bun.gc(true);
  const before = heapStats();
  for (let i = 0; i < count; i++) {
    connection.receive(packet);
    while (connection.next() !== "end");
    heads.push(connection.head);
    connection.nextRequest();
  }
  Bun.gc(true);
  const after = heapStats();
  return (after.heapSize + after.extraMemorySize - before.heapSize - before.extraMemorySize) / heads.length;
}

function parseOn(connection: ServerConnection, packet: Buffer): (count: number) => void {
  return (count) => {
    for (let i = 0; i < count; i++) {
      connection.receive(packet);
      while (connection.next() !== "end");
      connection.nextRequest();
    }
  };
}

function report(label: string, run: (count: number) => void, held?: number): void {
  const rate = best(run);
  const line = `${label.padEnd(18)} ${(rate / 1000).toFixed(0).padStart(6)} k/s ${(1e9 / rate).toFixed(0).padStart(6)} ns`;
  console.log(held === undefined ? line : `${line} ${held.toFixed(0).padStart(6)} bytes held`);
}

for (const [name, text] of Object.entries(HEADS)) {
  const packet = Buffer.from(text, "latin1");
  report(`parse ${name}`, parseOn(new ServerConnection(DEFAULT_HEAD_LIMITS), packet), heldBytes(packet));
}

const tenAtOnce = Buffer.from((HEADS["curl"] ?? "").repeat(10), "latin1");
const pipelined = new ServerConnection(DEFAULT_HEAD_LIMITS);
report("parse 10 piped", (count) => {
  for (let i = 0; i < count; i += 10) {
    pipelined.receive(Buffer.from(tenAtOnce));
    for (let request = 0; request < 10; request++) {
      while (pipelined.next() !== "end");
      pipelined.nextRequest();
    }
  }
});

const reply: ReplyHead = {
  status: 200,
  reason: undefined,
  fields: Fields.of([
    ["Content-Type", "text/html; charset=utf-8"],
    ["X-Frame-Options", "DENY"],
    ["Vary", "Cookie"],
    ["X-Content-Type-Options", "nosniff"],
    ["Referrer-Policy", "same-origin"],
    ["Cross-Origin-Opener-Policy", "same-origin"],
  ]),
  length: 1234,
};
const asked = new ServerConnection(DEFAULT_HEAD_LIMITS);
asked.receive(Buffer.from(HEADS["curl"] ?? "", "latin1"));
asked.next();
const request: RequestHead = asked.head;
const into = Buffer.alloc(4096);
report("write reply", (count) => {
  for (let i = 0; i < count; i++) {
    encodeReplyHead(into, 0, reply, replyFraming(request, reply), request, true, "Sun, 06 Nov 1994 08:49:37 GMT");
  }
});
