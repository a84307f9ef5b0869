import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { beginTurn, endTurn, wallMs } from "../../src/base/clock.ts";
import { Kind, Kinds } from "../../src/files/kinds.ts";
import { passingRoom, roomFor, sendWhole } from "../../src/files/passing.ts";
import { Representation } from "../../src/files/representation.ts";
import { ReplyWriter } from "../../src/front/reply-writer.ts";
import { Outbox } from "../../src/net/outbox.ts";
import type { FileStat } from "../../src/os/file-stat.ts";
import type { ReplyHead } from "../../src/protocol/http/message.ts";
import { fakeExchange, type FakeRequest } from "../support/exchange.ts";
import { mulberry32 } from "../support/http1.ts";
import { MemoryWire } from "../support/memory-wire.ts";

const HEXADECIMAL = [0, 1, 9, 10, 15, 16, 99, 100, 255, 256, 999, 1000, 4095, 4096, 9999, 10_000, 65_535, 65_536];
const NOW_SEC = Math.floor(Date.now() / 1000);
const SECONDS = [-1, 0, 1, 0x0fff_ffff, 0x1000_0000, 1_000_000_000, NOW_SEC - 1, NOW_SEC + 3600, 2 ** 31, 2 ** 32];
const NANOSECONDS = [0, 1, 0x0fff_ffff, 999_999_881, 999_999_999];

function statsOf(size: number, mtimeSec: number, mtimeNsec: number): FileStat {
  const others = {
    blocks: 8,
    ctimeSec: 1,
    ctimeNsec: 2,
    dev: 3,
    inoLow: 4,
    inoHigh: 5,
    nlink: 1,
    mode: 0o100644,
    uid: 0,
    gid: 0,
  };
  return { kind: "file", size, mtimeSec, mtimeNsec, ...others };
}

const kinds = () =>
  new Kinds((path) => new Kind(`text/${path.slice(path.lastIndexOf(".") + 1)}`, path.endsWith("css")));

/** A connection's sink, whose bytes on the wire are kept. `during`: what is done before `lend` returns, as the next request of a
 *  connection may be. */
function sink(request: FakeRequest = {}, during?: () => void) {
  const wire = new MemoryWire();
  const writer = new ReplyWriter(new Outbox(wire), Buffer.alloc(16_384));
  const { exchange, reply } = fakeExchange(request);
  const lend = (head: ReplyHead, content: Uint8Array) => {
    writer.lend(exchange.head, head, content, true);
    during?.();
  };
  return { wire, writer, reply: Object.assign(reply, { lend }), request: exchange.head };
}

/** What is sent of it when nothing is known of any other. */
function plainly(stats: FileStat, kind: Kind, cacheControl: string | undefined, request: FakeRequest = {}): string {
  const { contentType, varies } = kind;
  const { head } = new Representation(stats, { cacheControl, contentType, varies, ranges: true }, wallMs());
  const { wire, writer, request: asked } = sink(request);
  writer.whole(asked, head, contentOf(stats), true);
  return wire.output;
}

function contentOf({ size, mtimeNsec }: FileStat): Buffer {
  return Buffer.alloc(size, `${size}.${mtimeNsec}.`);
}

/** What is of the future is told as of now: the clock stands still. */
beforeEach(beginTurn);
afterEach(endTurn);

describe("a head that was made from that of another file", () => {
  const cases = HEXADECIMAL.flatMap((size) =>
    SECONDS.flatMap((sec) => NANOSECONDS.map((nsec) => statsOf(size, sec, nsec))),
  );

  test("is what it would be otherwise, whatever came before it", () => {
    const known = kinds();
    const random = mulberry32(7);
    const shuffled = cases.toSorted(() => random() - 0.5);
    for (const stats of shuffled) {
      const kind = known.of(["/a.css", "/b.js", "/dir/c.html", "/none"][Math.floor(random() * 4)] as string);
      const cacheControl = [undefined, "no-cache", "public, max-age=60"][Math.floor(random() * 3)];
      const request = [{}, {}, {}, { method: "HEAD" }, { minor: 0 as const }][Math.floor(random() * 5)] as FakeRequest;
      const representation = new Representation(stats, kind.optionsOf(cacheControl, true), wallMs());
      const room = passingRoom();
      room.content.set(contentOf(stats));
      const { wire, reply } = sink(request);
      sendWhole(reply, representation, room);
      const expected = plainly(stats, kind, cacheControl, request);
      const modified = new Date(Math.min(stats.mtimeSec, Math.floor(wallMs() / 1000)) * 1000).toUTCString();
      expect(expected).toContain(`\r\nLast-Modified: ${modified}\r\n`);
      expect(wire.output).toBe(expected);

      const kept = roomFor(representation);
      contentOf(stats).copy(kept.bytes, kept.contentAt);
      representation.head.kept = kept;
      for (let i = 0; i < 2; i++) {
        const again = sink(request);
        again.writer.whole(again.request, representation.head, kept.content(), true);
        expect(again.wire.output).toBe(expected);
      }
    }
  });

  test("takes no room that it does not need, once it is known", () => {
    const kind = kinds().of("/a.css");
    const representation = (size: number) =>
      new Representation(statsOf(size, NOW_SEC - 10, 1), kind.optionsOf(undefined, true), wallMs());
    expect(roomFor(representation(1000)).start).toBe(1024);
    sendWhole(sink().reply, representation(1001), passingRoom());
    expect(roomFor(representation(1002)).start).toBe(0);
    expect(roomFor(representation(10_002)).start).toBe(1024);
  });

  test("is not learned from the reply to another request that was sent before the call returned", () => {
    const known = kinds();
    const stats = statsOf(1234, NOW_SEC - 10, 5);
    const [outer, inner] = [known.of("/a.css"), known.of("/a.js")];
    const send = (kind: Kind, during?: () => void) => {
      const { wire, reply } = sink({}, during);
      passingRoom().content.set(contentOf(stats));
      sendWhole(reply, new Representation(stats, kind.optionsOf(undefined, true), wallMs()), passingRoom());
      return wire.output;
    };
    expect(send(outer, () => send(inner))).toBe(plainly(stats, outer, undefined));
    for (const kind of [outer, inner, outer]) expect(send(kind)).toBe(plainly(stats, kind, undefined));
  });

  test("has the date of its second", () => {
    const kind = kinds().of("/a.css");
    const dates = [0, 1, 2].map((second) => {
      const { wire, reply } = sink();
      const stats = statsOf(100, NOW_SEC - 10, 5);
      sendWhole(reply, new Representation(stats, kind.optionsOf(undefined, true), wallMs()), passingRoom());
      if (second < 2) Bun.sleepSync(1050);
      beginTurn();
      return Date.parse(/\r\nDate: (.*)\r\n/.exec(wire.output)?.[1] ?? "");
    });
    expect(dates[1]! - dates[0]!).toBeGreaterThanOrEqual(1000); // there are three
    expect(dates[2]! - dates[1]!).toBeGreaterThanOrEqual(1000);
  });
});

test("what nobody can lend is copied", () => {
  const { exchange, reply } = fakeExchange();
  const stats = statsOf(300, NOW_SEC - 10, 5);
  const room = passingRoom();
  room.content.set(contentOf(stats));
  const representation = new Representation(stats, kinds().of("/a.css").optionsOf(undefined, true), wallMs());
  sendWhole(exchange.reply, representation, room);
  room.content.fill(0);
  expect([reply.content.equals(contentOf(stats)), reply.head?.kept]).toEqual([true, undefined]);
});
