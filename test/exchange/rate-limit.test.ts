/** Several limits at once, waiting for one's turn, and clients that leave meanwhile. */
import { expect, test } from "bun:test";
import { SILENT } from "../../src/base/log.ts";
import type { Handler } from "../../src/exchange/exchange.ts";
import { type LimitOptions, RateLimit, withLimits } from "../../src/exchange/rate-limit.ts";
import { makeRateMemory } from "../../src/exchange/rate-table.ts";
import { plainReply } from "../../src/exchange/canned.ts";
import { fakeExchange } from "../support/exchange.ts";

const HOUR_US = 3600e6;

function limit(options: Partial<LimitOptions> = {}): RateLimit {
  const defaults = { name: "n", intervalUs: HOUR_US, burst: 0, delay: undefined, status: 429, key: () => "key" };
  return new RateLimit({ ...defaults, ...options }, makeRateMemory(1024), 0, SILENT);
}

const ok: Handler = (exchange) => plainReply(exchange, 200, "text/plain", "ok");

function ask(handler: Handler) {
  const { exchange, reply } = fakeExchange();
  handler(exchange);
  return reply;
}

test("above rate and burst: the status and how long to wait", () => {
  const handler = withLimits([limit({ burst: 1 })], ok);
  expect([ask(handler).status, ask(handler).status]).toEqual([200, 200]);
  const refused = ask(handler);
  expect([refused.status, refused.header("retry-after")]).toEqual([429, "3600"]);
});

test("what one limit refuses is not counted in the others", () => {
  const wide = limit({ burst: 2 });
  const both = withLimits([wide, limit({ status: 503 })], ok);
  expect([1, 2, 3, 4].map(() => ask(both).status)).toEqual([200, 503, 503, 503]);
  const alone = withLimits([wide], ok);
  expect([1, 2, 3].map(() => ask(alone).status)).toEqual([200, 200, 429]);
});

test("a request without a key is not limited, nor one that the server makes of itself", () => {
  const free = withLimits([limit({ key: () => "" })], ok);
  expect([1, 2, 3].map(() => ask(free).status)).toEqual([200, 200, 200]);
  const handler = withLimits([limit()], ok);
  ask(handler);
  const { exchange, reply } = fakeExchange();
  exchange.depth = 1;
  handler(exchange);
  expect(reply.status).toBe(200);
});

test("behind `delay` a request waits, and is not answered when its client has left", async () => {
  let served = 0;
  const handler = withLimits([limit({ intervalUs: 500_000, burst: 3, delay: 0 })], (exchange) => {
    served++;
    ok(exchange);
  });
  const [first, second, third] = [ask(handler), ask(handler), ask(handler)];
  expect([first.status, second.state, third.state]).toEqual([200, "waiting", "waiting"]);
  second.leave();
  await third.over;
  expect([third.status, served]).toEqual([200, 2]);
});

test("a request that was answered while it waited is left alone", async () => {
  let served = 0;
  const handler = withLimits([limit({ intervalUs: 300_000, burst: 1, delay: 0 })], () => served++);
  ask(handler);
  const reply = ask(handler);
  reply.producer = undefined;
  await Bun.sleep(700);
  expect(served).toBe(1);
});
