import { describe, expect, test } from "bun:test";
import { ReplyWriter } from "../../src/front/reply-writer.ts";
import { Outbox } from "../../src/net/outbox.ts";
import { Fields } from "../../src/protocol/http/fields.ts";
import { KeptReply } from "../../src/protocol/http/kept-reply.ts";
import type { ReplyHead, RequestHead } from "../../src/protocol/http/message.ts";
import { fakeExchange, type FakeRequest } from "../support/exchange.ts";
import { MemoryWire } from "../support/memory-wire.ts";

function stage() {
  const wire = new MemoryWire();
  const outbox = new Outbox(wire);
  return { wire, outbox, writer: new ReplyWriter(outbox, Buffer.alloc(4096)) };
}

function request(change: FakeRequest = {}): RequestHead {
  return fakeExchange(change).exchange.head;
}

const TEXT = "the content of a small file";

/** Twice the same reply: one that is kept, and one that is not. */
function heads(): { plain: ReplyHead; keeping: ReplyHead; content: Buffer } {
  const { room, content } = KeptReply.makeRoom(TEXT.length);
  content.set(Buffer.from(TEXT));
  const plain = { status: 200, reason: undefined, fields: Fields.of([["ETag", '"x"']]), length: TEXT.length };
  return { plain, keeping: { ...plain, kept: new KeptReply(room) }, content };
}

describe("a reply that is kept in its form on the wire", () => {
  test.each([
    [{}, true],
    [{}, false],
    [{ method: "HEAD" }, true],
    [{ minor: 0 as const }, true],
    [{ method: "POST" }, true],
  ])("is what it would be otherwise: %j, persistent %p", (asked, persistent) => {
    const { plain, keeping, content } = heads();
    const outputs = [plain, keeping, keeping].map((head) => {
      const { wire, writer } = stage();
      writer.whole(request(asked), head, content, persistent);
      expect(writer.status).toBe(200);
      return [wire.output.replace(/^Date: .*$/m, "Date"), writer.contentBytes, writer.endsConnection];
    });
    expect(outputs[1]).toEqual(outputs[0]!); // there are three
    expect(outputs[2]).toEqual(outputs[0]!);
  });

  test("has the date of its day, also when it was kept before", () => {
    const { keeping, content } = heads();
    const { kept } = keeping;
    const old = "Thu, 01 Jan 1998 00:00:00 GMT";
    const head = `HTTP/1.1 200 OK\r\nDate: ${old}\r\n\r\n`;
    kept?.put(Buffer.from(head), head.length, old);
    const { wire, writer } = stage();
    writer.whole(request(), keeping, content, true);
    expect(wire.output).toMatch(/Date: \w{3}, \d\d \w{3} \d{4} [\d:]{8} GMT\r\n/);
    expect(wire.output).not.toContain(old);
  });

  test("that is not taken at once is not disturbed by the head of the next", () => {
    const { keeping, content } = heads();
    const { wire, outbox, writer } = stage();
    wire.room = 20;
    writer.whole(request(), keeping, content, true);
    const first = Buffer.from(keeping.kept!.bytes.subarray(keeping.kept!.start)); // it was kept just now
    keeping.kept?.redate("Thu, 01 Jan 1998 00:00:00 GMT");
    wire.room = Number.POSITIVE_INFINITY;
    expect(outbox.flush()).toBe(true);
    expect(wire.output).toBe(first.toString("latin1"));
  });

  test("whose head is too large is sent all the same", () => {
    const { keeping, content } = heads();
    keeping.fields.add("X-Large", "x".repeat(2000));
    const { wire, writer } = stage();
    writer.whole(request(), keeping, content, true);
    expect(wire.output).toEndWith(`\r\n\r\n${TEXT}`);
    expect(wire.output).toContain("x".repeat(2000));
  });
});

describe("content that is offered", () => {
  test("is taken as far as there is room, nothing is held, and never more than was announced", () => {
    const { plain } = heads();
    const { wire, outbox, writer } = stage();
    writer.start(request(), { ...plain, length: 10 }, true);
    wire.take();
    wire.room = 4;
    expect(writer.offer(Buffer.from("0123456789"))).toBe(4);
    expect(outbox.empty).toBe(false);
    expect(outbox.pending).toBe(0);
    wire.room = Number.POSITIVE_INFINITY;
    expect(outbox.flush()).toBe(true);
    expect(writer.end()).toBe(false);
    expect(writer.offer(Buffer.from("456789too much"))).toBe(14);
    expect([wire.take(), writer.contentBytes, writer.end(), outbox.empty]).toEqual(["0123456789", 10, true, true]);
  });

  test("waits for the head", () => {
    const { plain } = heads();
    const { wire, outbox, writer } = stage();
    wire.room = 5;
    writer.start(request(), { ...plain, length: 10 }, true);
    expect(writer.offer(Buffer.from("0123456789"))).toBe(0);
    wire.room = Number.POSITIVE_INFINITY;
    outbox.flush();
    expect(writer.offer(Buffer.from("0123456789"))).toBe(10);
    expect(wire.output).toEndWith("\r\n\r\n0123456789");
  });
});
