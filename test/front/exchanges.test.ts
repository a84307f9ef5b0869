/** Exchanges serve one request after the other, and never while somebody may still know of them. */
import { describe, expect, test } from "bun:test";
import { type AccelOptions, withAccel } from "../../src/exchange/accel.ts";
import type { Exchange, Handler } from "../../src/exchange/exchange.ts";
import { DelegatingReply } from "../../src/exchange/delegating-reply.ts";
import { SILENT } from "../../src/base/log.ts";
import { Fields } from "../../src/protocol/http/fields.ts";
import { GET, hello, reply, stage } from "../support/http1-stage.ts";

/** Answers with the path, and knows nothing of the exchange any more. */
const path: Handler = ({ reply: sink, head }) => {
  sink.resign?.();
  sink.whole(reply(head.path.length), Buffer.from(head.path));
};

const accel: AccelOptions = { dispatch: path, mergeSlashes: true, sendFile: () => false, log: SILENT };

/** Which exchanges served, and as what. */
function watched(handler: Handler) {
  const seen: Exchange[] = [];
  const paths: string[] = [];
  const staged = stage((exchange) => {
    seen.push(exchange);
    paths.push(exchange.head.path);
    handler(exchange);
  });
  return { ...staged, seen, paths };
}

const get = (target: string, fields = "") => `GET ${target} HTTP/1.1\r\nHost: a\r\n${fields}\r\n`;

/** Does the second of two requests have the exchange of the first? */
function isUsedAgain(handler: Handler, first: string): boolean {
  const { wire, seen } = watched(handler);
  wire.send(first);
  wire.send(GET);
  expect(seen.length).toBe(2);
  return seen[0] === seen[1];
}

describe("an exchange that was left", () => {
  test("serves the next request, of whatever connection, as a new one would", () => {
    const one = watched((exchange) => {
      expect([exchange.site, exchange.depth, exchange.upstreamAttempts, exchange.contentBytes]).toEqual([
        "",
        0,
        undefined,
        0,
      ]);
      exchange.site = "a";
      exchange.depth = 3;
      path(exchange);
    });
    for (const target of ["/a", "/b", "/c"]) {
      one.wire.send(get(target));
      expect(one.wire.take()).toEndWith(`\r\n\r\n${target}`);
    }
    expect(new Set(one.seen).size).toBe(1);
    const other = watched(path);
    other.wire.send(get("/d"));
    expect(other.seen[0]).toBe(one.seen[0] as Exchange);
    expect(other.wire.output).toEndWith("/d");
    expect(one.records).toEqual(["200 2", "200 2", "200 2"]);
  });

  test("serves those that were sent ahead, in their order", () => {
    const { wire, paths, seen } = watched(path);
    wire.send(get("/1") + get("/22") + get("/333"));
    expect(paths).toEqual(["/1", "/22", "/333"]);
    expect(wire.output.match(/\r\n\r\n\/\d+/g)).toEqual(["\r\n\r\n/1", "\r\n\r\n/22", "\r\n\r\n/333"]);
    expect(new Set(seen).size).toBe(1);
  });

  test("is used again when its reply has gone, not before", () => {
    const slow = watched(path);
    slow.wire.room = 10;
    slow.wire.send(get("/slow"));
    const other = watched(path);
    other.wire.send(get("/other"));
    expect(other.seen[0]).not.toBe(slow.seen[0] as Exchange);
    expect(slow.records).toEqual([]);
    slow.wire.room = Number.POSITIVE_INFINITY;
    slow.session.drained();
    expect(slow.records).toEqual(["200 5"]);
    expect(slow.wire.output).toEndWith("/slow");
  });

  test("behind a reply for X-Accel-Redirect, too, which is used again itself", () => {
    const replies = new Set<unknown>();
    const handler = withAccel((exchange) => {
      replies.add(exchange.reply);
      path(exchange);
    }, accel);
    const { wire, seen } = watched(handler);
    for (const target of ["/a", "/b"]) {
      wire.send(get(target));
      expect(wire.take()).toEndWith(`\r\n\r\n${target}`);
    }
    expect([replies.size, new Set(seen).size]).toEqual([1, 1]);
  });
});

describe("an exchange is not used again", () => {
  test("when who answered has not left it", () => {
    expect(isUsedAgain(hello, GET)).toBe(false);
    expect(isUsedAgain(path, GET)).toBe(true);
  });

  test("when it had a body, or asked for another protocol", () => {
    expect(isUsedAgain(path, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab")).toBe(false);
    expect(isUsedAgain(path, get("/", "Connection: upgrade\r\nUpgrade: other\r\n"))).toBe(false);
  });

  test("when somebody else stands before its reply", () => {
    const handler: Handler = (exchange) => {
      exchange.reply = new DelegatingReply(exchange.reply);
      path(exchange);
    };
    expect(isUsedAgain(handler, GET)).toBe(false);
    expect(isUsedAgain(withAccel(handler, accel), GET)).toBe(false);
  });

  test("when it was redirected inside the server; nor is the reply that did so", () => {
    const redirects = { ...reply(0), fields: Fields.of([["X-Accel-Redirect", "/inside"]]) };
    const replies: unknown[] = [];
    const handler = withAccel((exchange) => {
      replies.push(exchange.reply);
      if (exchange.head.path !== "/first") return path(exchange);
      exchange.reply.resign?.();
      exchange.reply.whole(redirects, Buffer.alloc(0));
    }, accel);
    const { wire, seen } = watched(handler);
    wire.send(get("/first"));
    expect(wire.take()).toEndWith("\r\n\r\n/inside");
    wire.send(get("/second"));
    expect(wire.take()).toEndWith("\r\n\r\n/second");
    expect(seen[0]).not.toBe(seen[1] as Exchange);
    expect(replies[0]).not.toBe(replies[1]);
  });
});
