import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ReplySpool, type ReplySpoolOptions } from "../../src/exchange/reply-spool.ts";
import { Fields } from "../../src/protocol/http/fields.ts";
import { LENGTH_UNKNOWN, type ReplyHead } from "../../src/protocol/http/message.ts";
import { openBelow } from "../support/descriptors.ts";
import { fakeExchange, type RecordedReply } from "../support/exchange.ts";

const directory = mkdtempSync(join(tmpdir(), "reply-spool-"));
afterAll(() => rmSync(directory, { recursive: true }));

const HEAD: ReplyHead = { status: 200, reason: undefined, fields: new Fields(), length: LENGTH_UNKNOWN };

class Source {
  readonly told: string[] = [];
  onResume: (() => void) | undefined = undefined;
  pause(briefly: boolean): void {
    this.told.push(briefly ? "pause briefly" : "pause");
  }
  resume(): void {
    this.told.push("resume");
    this.onResume?.();
  }
  gone(): void {
    this.told.push("gone");
  }
}

function begin(options: Partial<ReplySpoolOptions> = {}) {
  const { exchange, reply } = fakeExchange();
  const source = new Source();
  const spool = new ReplySpool(
    exchange.reply,
    { temporaryDirectory: directory, memoryBytesMax: 1000, ...options },
    source,
  );
  spool.start(HEAD);
  return { reply, source, spool };
}

/** `count` chunks of `size` bytes, each of its own letter. */
function chunks(count: number, size: number): Buffer[] {
  return Array.from({ length: count }, (_, i) => Buffer.alloc(size, 65 + (i % 26)));
}

/** The client takes one piece after the other, slowly. */
function drip(reply: RecordedReply): void {
  for (let i = 0; i < 10_000 && reply.state === "started"; i++) {
    reply.full = true;
    reply.producer?.drained();
  }
}

describe("a client that keeps up", () => {
  test("gets each chunk as it comes: the same bytes object, nothing held, no file", () => {
    const { reply, source, spool } = begin();
    for (const chunk of chunks(50, 500)) {
      const before = reply.content.length;
      spool.data(chunk);
      expect(reply.content.length).toBe(before + 500);
    }
    spool.end();
    expect(reply.state).toBe("finished");
    expect(source.told).toEqual([]);
    expect(openBelow(directory)).toBe(0);
  });
});

describe("a slow client", () => {
  for (const [size, count] of [
    [100, 5],
    [100, 300],
    [999, 40],
    [1000, 3],
    [70_000, 10],
  ] as const) {
    test(`gets ${count} chunks of ${size} bytes in order after the source is done`, () => {
      const { reply, source, spool } = begin();
      reply.full = true;
      const given = chunks(count, size);
      for (const chunk of given) spool.data(chunk);
      spool.end();
      expect(reply.content.length).toBe(size);
      expect(reply.state).toBe("started");
      drip(reply);
      expect(reply.state).toBe("finished");
      expect(reply.content.equals(Buffer.concat(given))).toBe(true);
      expect(source.told).toEqual([]);
      expect(openBelow(directory)).toBe(0);
    });
  }

  test("random interleavings keep every byte in order, whatever the bounds", () => {
    let seed = 12345;
    const random = (below: number) => ((seed = (Math.imul(seed, 1103515245) + 12345) >>> 0) >>> 8) % below;
    for (let round = 0; round < 60; round++) {
      const { reply, source, spool } = begin({ memoryBytesMax: random(3000), fileBytesMax: random(4) * 2500 });
      const given: Buffer[] = [];
      for (let step = 0; step < 150; step++) {
        const chunk = Buffer.alloc(random(900) + 1, random(256));
        reply.full = random(3) > 0;
        if (random(2) === 0) {
          given.push(chunk);
          spool.data(chunk);
        } else {
          reply.producer?.drained();
        }
      }
      spool.end();
      drip(reply);
      expect(reply.state).toBe("finished");
      expect(reply.content.equals(Buffer.concat(given))).toBe(true);
      // pause and resume alternate, and begin with a pause
      expect(source.told.every((word, i) => word === (i % 2 === 0 ? "pause" : "resume"))).toBe(true);
      expect(openBelow(directory)).toBe(0);
    }
  });

  test("reuses the file after it was drained, and its bound counts from zero again", () => {
    const { reply, source, spool } = begin({ fileBytesMax: 5000 });
    const given: Buffer[] = [];
    for (let round = 0; round < 5; round++) {
      reply.full = true;
      for (const chunk of chunks(6, 900)) {
        given.push(chunk);
        spool.data(chunk);
      }
      expect(openBelow(directory)).toBe(1);
      drip(reply);
      reply.drain();
    }
    spool.end();
    expect(reply.content.equals(Buffer.concat(given))).toBe(true);
    expect(source.told).toEqual([]);
    expect(openBelow(directory)).toBe(0);
  });
});

describe("the source is held back", () => {
  test("when memory and file are full, and let go on once the file is drained", () => {
    const { reply, source, spool } = begin({ fileBytesMax: 3000 });
    reply.full = true;
    const given = chunks(4, 1000);
    for (const chunk of given) spool.data(chunk);
    expect(source.told).toEqual([]);
    // what a source sends before it obeys is kept
    for (const chunk of chunks(4, 1000)) {
      given.push(chunk);
      spool.data(chunk);
    }
    expect(source.told).toEqual(["pause"]);
    drip(reply);
    expect(source.told).toEqual(["pause", "resume"]);
    expect(reply.content.equals(Buffer.concat(given))).toBe(true);
    spool.end();
    expect(openBelow(directory)).toBe(0);
  });

  test("at the bound of memory when there is to be no file", () => {
    const { reply, source, spool } = begin({ fileBytesMax: 0 });
    reply.full = true;
    for (const chunk of chunks(5, 300)) spool.data(chunk);
    expect(source.told).toEqual(["pause"]);
    expect(openBelow(directory)).toBe(0);
    drip(reply);
    expect(source.told).toEqual(["pause", "resume"]);
  });

  test("and may send from inside resume without disturbing the order", () => {
    const { reply, source, spool } = begin({ fileBytesMax: 0 });
    reply.full = true;
    const given = chunks(5, 300);
    for (const chunk of given) spool.data(chunk);
    source.onResume = () => {
      source.onResume = undefined;
      for (const late of chunks(3, 200)) {
        given.push(late);
        spool.data(late);
      }
      spool.end();
    };
    drip(reply);
    expect(reply.state).toBe("finished");
    expect(reply.content.equals(Buffer.concat(given))).toBe(true);
  });
});

describe("the reply ends badly", () => {
  test("abort drops what is held and tells the client, not the source", () => {
    const { reply, source, spool } = begin();
    reply.full = true;
    for (const chunk of chunks(10, 500)) spool.data(chunk);
    expect(openBelow(directory)).toBe(1);
    spool.abort("the worker died");
    expect(reply.aborted).toBe("the worker died");
    expect(reply.content.length).toBe(500);
    expect(source.told).toEqual([]);
    expect(openBelow(directory)).toBe(0);
    spool.data(Buffer.from("late"));
    spool.end();
    expect(reply.content.length).toBe(500);
  });

  test("a client that leaves stops the source once and frees the file", () => {
    const { reply, source, spool } = begin();
    reply.full = true;
    for (const chunk of chunks(10, 500)) spool.data(chunk);
    reply.leave();
    expect(source.told).toEqual(["gone"]);
    expect(openBelow(directory)).toBe(0);
    spool.data(Buffer.from("late"));
    spool.abort("too late");
    expect(source.told).toEqual(["gone"]);
    expect(reply.aborted).toBeUndefined();
  });

  test("a client that leaves after the source has ended is not the source's concern", () => {
    const { reply, source, spool } = begin();
    reply.full = true;
    for (const chunk of chunks(10, 500)) spool.data(chunk);
    spool.end();
    reply.leave();
    expect(source.told).toEqual([]);
    expect(openBelow(directory)).toBe(0);
  });

  test("a client that left before the head is known stops the source at start", () => {
    const { exchange, reply } = fakeExchange();
    reply.leave();
    const source = new Source();
    const spool = new ReplySpool(exchange.reply, { temporaryDirectory: directory }, source);
    spool.start(HEAD);
    expect(source.told).toEqual(["gone"]);
  });

  test("abort before start is the reply's to answer", () => {
    const { exchange, reply } = fakeExchange();
    const spool = new ReplySpool(exchange.reply, { temporaryDirectory: directory }, new Source());
    spool.abort("no head");
    expect(reply.aborted).toBe("no head");
  });
});

test("a fast client with a long backlog gives the others their turn", async () => {
  const { reply, spool } = begin();
  reply.full = true;
  const given = chunks(40, 100_000);
  for (const chunk of given) spool.data(chunk);
  spool.end();
  reply.drain();
  expect(reply.state).toBe("started");
  const atFirst = reply.content.length;
  expect(atFirst).toBeLessThan(3_000_000);
  await reply.over;
  expect(reply.content.equals(Buffer.concat(given))).toBe(true);
});

describe("a patient one", () => {
  const moment = () => Bun.sleep(20);

  test("pauses the source when the client does not take all, and nothing is told twice", async () => {
    const { reply, source, spool } = begin({ isPatient: true });
    reply.full = true;
    spool.data(Buffer.from("a"));
    expect(source.told).toEqual(["pause briefly"]);
    reply.producer?.drained();
    expect(source.told).toEqual(["pause briefly", "resume"]);
    reply.full = true;
    spool.lend(Buffer.from("b"));
    reply.producer?.drained();
    expect(source.told).toEqual(["pause briefly", "resume", "pause briefly", "resume"]);
    await moment();
    expect(source.told.length).toBe(4);
    spool.end();
    expect(reply.content.toString()).toBe("ab");
  });

  test("keeps what comes all the same, in order, and waits on while the client takes it bit by bit", () => {
    const { reply, source, spool } = begin({ isPatient: true });
    reply.full = true;
    const given = chunks(40, 100);
    for (const chunk of given) spool.lend(chunk);
    expect(source.told).toEqual(["pause briefly"]);
    reply.full = true;
    reply.producer?.drained();
    expect(reply.content.length).toBeLessThan(4000);
    expect(source.told).toEqual(["pause briefly"]);
    reply.full = false;
    reply.producer?.drained();
    expect(source.told).toEqual(["pause briefly", "resume"]);
    spool.end();
    expect(reply.content.equals(Buffer.concat(given))).toBe(true);
  });

  test("a client that lets a moment pass is waited for no more in this reply", async () => {
    const { reply, source, spool } = begin({ isPatient: true });
    reply.full = true;
    spool.data(Buffer.from("a"));
    await moment();
    expect(source.told).toEqual(["pause briefly", "resume"]);
    spool.data(Buffer.from("b"));
    reply.producer?.drained();
    reply.full = true;
    spool.data(Buffer.from("c"));
    spool.data(Buffer.from("d"));
    expect(source.told).toEqual(["pause briefly", "resume"]);
    spool.end();
    drip(reply);
    expect(reply.content.toString()).toBe("abcd");
  });

  test("what is beyond its bounds after that moment pauses the source as ever", async () => {
    const { reply, source, spool } = begin({ isPatient: true, fileBytesMax: 0 });
    reply.full = true;
    for (const chunk of chunks(30, 100)) spool.data(chunk);
    await moment();
    expect(source.told).toEqual(["pause briefly"]);
    drip(reply);
    expect(source.told).toEqual(["pause briefly", "resume"]);
  });

  test.each(["end", "abort", "gone"] as const)("is told nothing after %s", async (how) => {
    const { reply, source, spool } = begin({ isPatient: true });
    reply.full = true;
    spool.data(Buffer.from("a"));
    if (how === "end") spool.end();
    else if (how === "abort") spool.abort("broken");
    else spool.gone();
    const { length } = source.told;
    await moment();
    expect(source.told.length).toBe(length);
  });
});
