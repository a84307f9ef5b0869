import { afterEach, describe, expect, setSystemTime, test } from "bun:test";
import { ReplyWriter } from "../../src/front/reply-writer.ts";
import { Outbox } from "../../src/net/outbox.ts";
import { Fields } from "../../src/protocol/http/fields.ts";
import { LENGTH_UNKNOWN, PreparedHead, type ReplyHead, type RequestHead } from "../../src/protocol/http/message.ts";
import { fakeExchange, type FakeRequest } from "../support/exchange.ts";
import { MemoryWire } from "../support/memory-wire.ts";

const GET = request({});

function request(fake: FakeRequest): RequestHead {
  return fakeExchange(fake).exchange.head;
}

function head(length: number, status = 200): ReplyHead {
  return { status, reason: undefined, fields: Fields.of([["X-A", "1"]]), length, prepared: new PreparedHead() };
}

function makeWriter() {
  const wire = new MemoryWire();
  const outbox = new Outbox(wire);
  return { wire, outbox, writer: new ReplyWriter(outbox, Buffer.alloc(64 * 1024)) };
}

const dated = (second: number) => `Date: Sun, 22 Nov 2026 12:00:0${second} GMT`;
const at = (second: number) => setSystemTime(new Date(`2026-11-22T12:00:0${second}Z`));

afterEach(() => {
  setSystemTime();
});

describe("a prepared head", () => {
  test("is the same, until the second of its Date is over", () => {
    const { wire, writer } = makeWriter();
    const content = Buffer.from("hello");
    const hello = head(5);
    const sent = [1, 1, 2].map((second) => {
      at(second);
      writer.whole(GET, hello, content, true);
      expect([writer.status, writer.contentBytes, writer.endsConnection]).toEqual([200, 5, false]);
      return wire.take();
    });
    const expected = (second: number) =>
      `HTTP/1.1 200 OK\r\nX-A: 1\r\n${dated(second)}\r\nContent-Length: 5\r\n\r\nhello`;
    expect(sent).toEqual([expected(1), expected(1), expected(2)]);
  });

  test("goes with the content it is given", () => {
    const { wire, writer } = makeWriter();
    const same = head(5);
    for (const text of ["hello", "world", "again"]) {
      writer.whole(GET, same, Buffer.from(text), true);
      expect(wire.take()).toEndWith(`\r\n\r\n${text}`);
    }
  });

  const others: readonly (readonly [
    name: string,
    request: RequestHead,
    persistent: boolean,
    has: string,
    ends: string,
  ])[] = [
    [
      "HEAD gets no content (RFC 9110 section 9.3.2)",
      request({ method: "HEAD" }),
      true,
      "Content-Length: 5",
      "\r\n\r\n",
    ],
    ["HTTP/1.0 is told that the connection stays", { ...GET, minor: 0 }, true, "Connection: keep-alive", "hello"],
    ["the last reply says so (RFC 9112 section 9.6)", GET, false, "Connection: close", "hello"],
  ];
  test.each(others)("%s", (_name, asked, persistent, has, ends) => {
    const { wire, writer } = makeWriter();
    const content = Buffer.from("hello");
    const hello = head(5);
    writer.whole(GET, hello, content, true);
    const usual = wire.take();
    expect(usual).not.toContain("Connection:");
    writer.whole(asked, hello, content, persistent);
    const other = wire.take();
    expect(other).toContain(`${has}\r\n`);
    expect(other).toEndWith(ends);
    writer.whole(GET, hello, content, true);
    expect(wire.take()).toEndWith("\r\n\r\nhello");
  });

  test("without content where its status has none", () => {
    const { wire, writer } = makeWriter();
    const unmodified = head(-1, 304);
    for (let i = 0; i < 2; i++) {
      writer.whole(GET, unmodified, Buffer.alloc(0), true);
      expect(wire.take()).toStartWith("HTTP/1.1 304 Not Modified\r\nX-A: 1\r\nDate: ");
      expect(writer.contentBytes).toBe(0);
    }
  });

  test("of a large content is the head alone", () => {
    const { wire, writer } = makeWriter();
    for (const size of [2048, 2049, 64 * 1024, 100_000]) {
      const content = Buffer.alloc(size, "x");
      const large = head(size);
      for (let i = 0; i < 2; i++) {
        writer.whole(GET, large, content, true);
        expect(wire.take()).toEndWith(`\r\nContent-Length: ${size}\r\n\r\n${"x".repeat(size)}`);
        expect(writer.contentBytes).toBe(size);
      }
    }
  });

  test("that is too long is cut to its length (RFC 9112 section 6.3)", () => {
    const { wire, writer } = makeWriter();
    const short = head(3);
    for (let i = 0; i < 2; i++) {
      writer.whole(GET, short, Buffer.from("hello"), true);
      expect(wire.take()).toEndWith("Content-Length: 3\r\n\r\nhel");
    }
  });

  test("that waits in the outbox is not changed by the next second's", () => {
    const { wire, outbox, writer } = makeWriter();
    const content = Buffer.from("hello");
    const hello = head(5);
    wire.room = 10;
    at(1);
    writer.whole(GET, hello, content, true);
    at(2);
    writer.whole(GET, hello, content, true);
    wire.room = Number.POSITIVE_INFINITY;
    expect(outbox.flush()).toBe(true);
    const text = wire.take();
    expect(text.split("hello").length).toBe(3);
    expect(text.indexOf(dated(1))).toBeLessThan(text.indexOf(dated(2)));
    expect(text).toContain(dated(1));
  });
});

describe("a chunk that is lent", () => {
  const SIZES = [1, 100, 16 * 1024 - 1, 16 * 1024, 70_000];
  const unknown: ReplyHead = { status: 200, reason: undefined, fields: Fields.of([]), length: LENGTH_UNKNOWN };

  /** `plain`: as TCP without TLS, where the kernel may be told that more follows, or `between` takes all with one call. */
  function sent(size: number, room: number, plain: boolean, between: boolean): string {
    const { wire, outbox, writer } = makeWriter();
    if (plain) Object.assign(wire, { writeFrom: () => 0 });
    const writeBetween = (...parts: Uint8Array[]) => {
      const whole = Buffer.concat(parts);
      return wire.write(whole, 0, whole.length);
    };
    if (between) Object.assign(wire, { writeBetween });
    writer.start(GET, unknown, true);
    wire.take();
    const bytes = Buffer.alloc(size, "a");
    wire.room = room;
    const isTaken = writer.data(bytes, true);
    expect(isTaken).toBe(wire.room > 0 || outbox.empty);
    // Its memory is somebody else's again.
    bytes.fill("b");
    wire.room = Infinity;
    outbox.flush();
    expect(writer.contentBytes).toBe(size);
    return wire.take();
  }

  for (const [plain, between] of [
    [true, true],
    [true, false],
    [false, false],
  ] as const) {
    test.each(SIZES)(`is what it was, wherever the wire was full: %d bytes, ${plain}, ${between}`, (size) => {
      const header = `${size.toString(16)}\r\n`;
      const whole = `${header}${"a".repeat(size)}\r\n`;
      const places = [0, 1, header.length, header.length + 1, whole.length - 3, whole.length - 2, whole.length - 1];
      for (const room of [...places, whole.length, Infinity])
        expect([room, sent(size, room, plain, between)]).toEqual([room, whole]);
    });
  }
});

describe("a connection that is lent", () => {
  const unknown: ReplyHead = { status: 200, reason: undefined, fields: Fields.of([]), length: LENGTH_UNKNOWN };
  const known: ReplyHead = { ...unknown, length: 30 };
  const OLD = request({ minor: 0 });

  function begun(toRequest: RequestHead, reply: ReplyHead) {
    const stage = makeWriter();
    const loans: boolean[] = [];
    Object.assign(stage.wire, { loan: (to: (descriptor: number) => boolean) => to(5) });
    stage.writer.start(toRequest, reply, true);
    stage.wire.take();
    const lend = (takes = true) => stage.writer.loan((_, isChunked) => loans.push(isChunked) > 0 && takes);
    return { ...stage, loans, lend };
  }

  test.each([
    ["in chunks", GET, unknown, [true]],
    ["with a length", GET, known, [false]],
    ["and not where the connection's end is that of the content", OLD, unknown, []],
    ["and not for HEAD", request({ method: "HEAD" }), known, []],
  ] as const)("is written to %s", (_, toRequest, reply, expected) => {
    const { lend, loans } = begun(toRequest, reply);
    expect(lend()).toBe(expected.length > 0);
    expect(loans).toEqual([...expected]);
  });

  test("is not probed, since nobody knows what stands there; and is again when it is back", () => {
    const { lend, writer, wire } = begun(GET, unknown);
    expect(lend()).toBe(true);
    expect([writer.probe(), wire.take()]).toEqual([true, ""]);
    writer.returned(Buffer.alloc(0), { content: 0, written: 0 });
    expect([writer.probe(), wire.take()]).toEqual([true, "0"]);
  });

  test("is probed when it was refused", () => {
    const { lend, writer, wire } = begun(GET, unknown);
    expect(lend(false)).toBe(false);
    expect([writer.probe(), wire.take()]).toEqual([true, "0"]);
  });

  test.each([
    ["is counted", true, 1234],
    ["that was given back before is not counted", false, 0],
  ])("what was written to one that was closed %s", (_, isLent, counted) => {
    const { lend, writer, wire } = begun(GET, unknown);
    lend();
    if (!isLent) writer.returned(Buffer.alloc(0), { content: 0, written: 0 });
    Object.assign(wire, { writtenSinceLoan: 1234 });
    writer.closed();
    expect(writer.contentBytes).toBe(counted);
  });

  test("counts for the length, the content and what was sent", () => {
    const { lend, writer, wire, outbox } = begun(GET, known);
    lend();
    const before = outbox.taken;
    expect(writer.returned(Buffer.from("0123456789"), { content: 25, written: 15 })).toBe(true);
    expect([writer.contentBytes, outbox.taken - before, wire.take()]).toEqual([25, 25, "0123456789"]);
    expect(writer.end()).toBe(false);
    writer.data(Buffer.from("abcdefgh"));
    expect([writer.end(), writer.contentBytes, wire.take()]).toEqual([true, 30, "abcde"]);
  });
});
