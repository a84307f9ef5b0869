import { describe, expect, test } from "bun:test";
import { answer } from "../../src/exchange/canned.ts";
import { Fields } from "../../src/protocol/http/fields.ts";
import { LENGTH_UNKNOWN } from "../../src/protocol/http/message.ts";
import { CacheStage, FRESH } from "./stage.ts";

describe("those who ask at the same time", () => {
  test("make one request, and get the same reply", () => {
    const stage = new CacheStage();
    const made = Array.from({ length: 5 }, () => stage.request());
    expect(stage.asked).toHaveLength(1);
    stage.answer("once");
    expect(made.map((each) => stage.show(each))).toEqual(["MISS once", ...Array<string>(4).fill("HIT once")]);
  });

  test("get the same error", () => {
    const stage = new CacheStage();
    const made = [stage.request(), stage.request()];
    const asked = stage.asked[0];
    if (asked !== undefined) answer(asked, 504);
    expect(made.map(({ reply }) => reply.status)).toEqual([504, 504]);
  });

  test("go on by themselves when the reply may not be kept", () => {
    const stage = new CacheStage();
    const made = [stage.request(), stage.request(), stage.request()];
    stage.answer("mine", []);
    expect(stage.asked).toHaveLength(3);
    for (const { reply } of made.slice(1)) expect(reply.state).toBe("waiting");
    expect(stage.asked.slice(1)).toEqual(made.slice(1).map(({ exchange }) => exchange));
  });

  test("do not wait for ever", () => {
    const stage = new CacheStage();
    stage.request();
    const second = stage.request();
    stage.cache.tick(5999);
    expect(stage.asked).toHaveLength(1);
    stage.cache.tick(6000);
    expect(stage.asked[1]).toBe(second.exchange);
  });

  test("are not let down by the first one's departure", () => {
    const stage = new CacheStage();
    let gone = 0;
    const [first, second, third] = [stage.request(), stage.request(), stage.request()];
    const asked = stage.asked[0];
    if (asked !== undefined) asked.reply.producer = { drained: () => {}, gone: () => void gone++ };
    first.reply.leave();
    third.reply.leave();
    expect(gone).toBe(0);
    stage.answer("once");
    expect(stage.show(second)).toBe("HIT once");
  });

  test("when all have left nothing is fetched any more", () => {
    const stage = new CacheStage();
    let gone = 0;
    const [first, second] = [stage.request(), stage.request()];
    const asked = stage.asked[0];
    if (asked !== undefined) asked.reply.producer = { drained: () => {}, gone: () => void gone++ };
    first.reply.leave();
    second.reply.leave();
    expect([gone, asked?.reply.state]).toEqual([1, "gone"]);
  });
});

describe("a reply in pieces", () => {
  const start = (stage: CacheStage, length = LENGTH_UNKNOWN) => {
    const { reply } = stage.asked.at(-1) ?? stage.request().exchange;
    reply.start({ status: 200, reason: undefined, fields: Fields.of(FRESH), length });
    return reply;
  };

  test("is taken as fast as it comes, and given as the client takes it", () => {
    const stage = new CacheStage();
    const made = stage.request();
    made.reply.full = true;
    const reply = start(stage);
    const piece = Buffer.from("abc");
    expect(reply.data(piece)).toBe(true);
    piece.fill("x");
    expect(reply.data(Buffer.from("def"))).toBe(true);
    reply.end();
    expect(stage.show(stage.request())).toBe("HIT abcdef");
    expect(made.reply.text).toBe("abc");
    made.reply.full = false;
    made.reply.drain();
    expect([made.reply.text, made.reply.state]).toEqual(["abcdef", "finished"]);
  });

  test("is kept on with when its client leaves", () => {
    const stage = new CacheStage();
    const made = stage.request();
    const reply = start(stage);
    reply.data(Buffer.from("abc"));
    made.reply.leave();
    reply.data(Buffer.from("def"));
    reply.end();
    expect(stage.show(stage.request())).toBe("HIT abcdef");
  });

  test("that is too large goes on to its client alone, with back-pressure", () => {
    const stage = new CacheStage({ entryBytesMax: 4 });
    const [made, other] = [stage.request(), stage.request()];
    const reply = start(stage);
    reply.data(Buffer.from("abc"));
    made.reply.full = true;
    expect(reply.data(Buffer.from("def"))).toBe(false);
    expect(stage.asked[1]).toBe(other.exchange);
    let drained = 0;
    reply.producer = { drained: () => void drained++, gone: () => {} };
    made.reply.full = false;
    made.reply.drain();
    expect(drained).toBe(1);
    reply.end();
    expect([made.reply.text, made.reply.state, stage.cache.count]).toEqual(["abcdef", "finished", 0]);
  });

  test("that breaks off, or is shorter than it said, is not kept", () => {
    const stage = new CacheStage();
    const first = stage.request();
    const broken = start(stage);
    broken.data(Buffer.from("abc"));
    broken.abort("gone");
    expect(first.reply.aborted).toBe("gone");
    stage.request();
    const short = start(stage, 10);
    short.data(Buffer.from("abc"));
    short.end();
    expect(stage.cache.count).toBe(0);
  });
});
