import { expect, test } from "bun:test";
import { PacedReply } from "../../src/exchange/paced-reply.ts";
import { Fields } from "../../src/protocol/http/fields.ts";
import { RecordedReply } from "../support/exchange.ts";

const HEAD = { status: 200, reason: undefined, fields: new Fields(), length: 20_000 };
const CONTENT = Buffer.from(Array.from({ length: 20_000 }, (_, i) => i % 251));

test("every byte arrives in order, no faster than it may, and then the end", async () => {
  const inner = new RecordedReply();
  const begun = performance.now();
  new PacedReply(inner, 100_000).whole(HEAD, CONTENT);
  expect(inner.content.length).toBeLessThan(CONTENT.length);
  await inner.over;
  expect(inner.content.equals(CONTENT)).toBe(true);
  expect(performance.now() - begun).toBeGreaterThan(100);
});

test("it says that it is full, and when it is not any more", async () => {
  const inner = new RecordedReply();
  const paced = new PacedReply(inner, 100_000);
  const { promise, resolve } = Promise.withResolvers<void>();
  paced.producer = { drained: resolve, gone: () => {} };
  paced.start(HEAD);
  expect(paced.data(CONTENT)).toBe(false);
  await promise;
  expect(inner.content.length).toBe(CONTENT.length);
  paced.end();
  expect(inner.state).toBe("finished");
});

test("a client that is slower than the rate is waited for", async () => {
  const inner = new RecordedReply();
  const paced = new PacedReply(inner, 1_000_000_000);
  inner.full = true;
  paced.start(HEAD);
  expect(paced.data(CONTENT)).toBe(false);
  paced.end();
  expect(inner.state).toBe("started");
  inner.drain();
  await inner.over;
  expect(inner.state).toBe("finished");
});

test("when the client leaves nothing more is given, and the producer hears of it", async () => {
  const inner = new RecordedReply();
  const paced = new PacedReply(inner, 10_000);
  let gone = 0;
  paced.producer = { drained: () => {}, gone: () => gone++ };
  paced.start(HEAD);
  paced.data(CONTENT);
  const given = inner.content.length;
  inner.leave();
  await Bun.sleep(150);
  expect([gone, inner.content.length]).toEqual([1, given]);
});
