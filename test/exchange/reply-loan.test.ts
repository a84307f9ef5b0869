/** A spool between a source that would write to the client itself and a session that lends the connection. */
import { describe, expect, test } from "bun:test";
import type { Borrower, Returned } from "../../src/exchange/reply.ts";
import { ReplySpool } from "../../src/exchange/reply-spool.ts";
import { CompressedReply, Compression } from "../../src/exchange/compress.ts";
import { DelegatingReply } from "../../src/exchange/delegating-reply.ts";
import { ReplaceableReply } from "../../src/exchange/replaceable-reply.ts";
import { Fields } from "../../src/protocol/http/fields.ts";
import { LENGTH_UNKNOWN, type ReplyHead } from "../../src/protocol/http/message.ts";
import { fakeExchange, type FakeExchange } from "../support/exchange.ts";

const HEAD: ReplyHead = { status: 200, reason: undefined, fields: new Fields(), length: LENGTH_UNKNOWN };
const DESCRIPTOR = 99;
const bytes = (size: number) => Buffer.alloc(size, "a");

class Source {
  readonly told: string[] = [];
  takes = true;
  pause(briefly: boolean): void {
    this.told.push(briefly ? "pause briefly" : "pause");
  }
  resume(): void {
    this.told.push("resume");
  }
  gone(): void {
    this.told.push("gone");
  }
  lend(descriptor: number, isChunked: boolean): boolean {
    if (this.takes) this.told.push(`lent ${descriptor} ${isChunked}`);
    return this.takes;
  }
  refuseLoan(): void {
    this.told.push("refused");
  }
}

/** `lends`: as an HTTP/1 session over TCP. */
function begin(options: { lends?: boolean; isPatient?: boolean; wrap?: (fake: FakeExchange) => void } = {}) {
  const { lends = true, isPatient = true, wrap } = options;
  const fake = fakeExchange();
  const { exchange, reply } = fake;
  const returned: [string, Returned][] = [];
  const back = (rest: Uint8Array, counts: Returned) => {
    returned.push([Buffer.from(rest).toString(), counts]);
    return !reply.full;
  };
  if (lends) Object.assign(reply, { loan: (to: Borrower) => to(DESCRIPTOR, true), returned: back });
  wrap?.(fake);
  const source = new Source();
  const spool = new ReplySpool(exchange.reply, { temporaryDirectory: "/tmp", isPatient }, source);
  spool.start(HEAD);
  return { fake, reply, source, spool, returned };
}

describe("a source that asks for the connection", () => {
  test("has it at once when the client has taken everything", () => {
    const { source, spool, reply, returned } = begin();
    spool.data(bytes(100));
    spool.lendOut();
    expect(source.told).toEqual([`lent ${DESCRIPTOR} true`]);
    const rest = Buffer.from("rest");
    spool.returned(rest, { content: 7, written: 9 });
    expect(returned).toEqual([["rest", { content: 7, written: 9 }]]);
    spool.end();
    expect(reply.state).toBe("finished");
  });

  test("has it when the client has taken everything in a moment", () => {
    const { source, spool, reply } = begin();
    reply.full = true;
    spool.data(bytes(100));
    spool.lendOut();
    expect(source.told).toEqual(["pause briefly"]);
    reply.full = false;
    reply.producer?.drained();
    expect(source.told).toEqual(["pause briefly", "resume", `lent ${DESCRIPTOR} true`]);
  });

  test("does not have it when the moment is over, and is told once", async () => {
    const { source, spool, reply } = begin();
    reply.full = true;
    spool.data(bytes(100));
    spool.lendOut();
    await Bun.sleep(30);
    expect(source.told).toEqual(["pause briefly", "refused", "resume"]);
    reply.full = false;
    reply.producer?.drained();
    expect(source.told).toEqual(["pause briefly", "refused", "resume"]);
  });

  test.each([
    ["of a client that is waited for no longer", { isPatient: false }, true],
    ["of a session that lends nothing", { lends: false }, false],
  ])("does not have it %s", (_, options, isFull) => {
    const { source, spool, reply } = begin(options);
    reply.full = isFull;
    spool.data(bytes(100));
    spool.lendOut();
    expect(source.told).toEqual(["refused"]);
  });

  test("does not have it when it does not get there", () => {
    const { source, spool } = begin();
    source.takes = false;
    spool.lendOut();
    expect(source.told).toEqual(["refused"]);
  });

  test("hears only that the client has left", () => {
    const { source, spool, reply } = begin();
    reply.full = true;
    spool.data(bytes(100));
    spool.lendOut();
    reply.producer?.gone();
    reply.producer?.drained();
    spool.lendOut();
    expect(source.told).toEqual(["pause briefly", "gone"]);
  });

  test("is held back when the client does not take the rest that it returns", () => {
    const { source, spool, reply, returned } = begin();
    spool.lendOut();
    reply.full = true;
    spool.returned(Buffer.from("rest"), { content: 4, written: 0 });
    spool.data(bytes(100));
    expect(reply.content.length).toBe(0);
    expect(source.told).toEqual([`lent ${DESCRIPTOR} true`, "pause briefly"]);
    reply.full = false;
    reply.producer?.drained();
    expect([reply.content.length, returned.length]).toEqual([100, 1]);
  });
});

class Replacing extends ReplaceableReply {
  override replaces(): boolean {
    return true;
  }
  override dropped(): void {}
}

describe("what stands between", () => {
  const compression = new Compression({ codings: ["gzip"], levels: {}, bytesMin: 1, types: ["text/*"] } as never);
  const compressed = (type: string) => (fake: FakeExchange) => {
    const { exchange } = fakeExchange({ fields: [["Accept-Encoding", "gzip"]] });
    exchange.reply = fake.exchange.reply;
    fake.exchange.reply = new CompressedReply(exchange, compression);
    HEADS.set(fake, { ...HEAD, fields: Fields.of([["Content-Type", type]]) });
  };
  const HEADS = new Map<FakeExchange, ReplyHead>();

  test.each([
    ["and passes everything on lends", "text/plain", () => undefined, true],
    ["as a delegate lends", "", (fake: FakeExchange) => (fake.exchange.reply = new DelegatingReply(fake.reply)), true],
    ["and replaces lends not", "", (fake: FakeExchange) => (fake.exchange.reply = new Replacing(fake.exchange)), false],
    ["and compresses lends not", "text/plain", compressed("text/plain"), false],
    ["and would compress another type lends", "image/png", compressed("image/png"), true],
  ])("%s", (_, __, wrap, isLent) => {
    const fake = fakeExchange();
    const told: number[] = [];
    const backs: string[] = [];
    const returned = (rest: Uint8Array) => backs.push(Buffer.from(rest).toString()) > 0;
    Object.assign(fake.reply, { loan: (to: Borrower) => to(DESCRIPTOR, true), returned });
    wrap(fake);
    const { reply } = fake.exchange;
    reply.start(HEADS.get(fake) ?? HEAD);
    const lent = reply.loan?.((descriptor) => told.push(descriptor) > 0) === true;
    expect([lent, told.length]).toEqual([isLent, isLent ? 1 : 0]);
    if (!isLent) return;
    expect(reply.returned?.(Buffer.from("rest"), { content: 4, written: 0 })).toBe(true);
    expect(backs).toEqual(["rest"]);
  });

  test("offers nothing where nothing behind it lends", () => {
    const fake = fakeExchange();
    expect(new DelegatingReply(fake.reply).loan).toBeUndefined();
    expect(new CompressedReply(fake.exchange, compression).loan).toBeUndefined();
  });
});
