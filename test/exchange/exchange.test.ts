import { expect, test } from "bun:test";
import { fakeExchange } from "../support/exchange.ts";

test("an exchange of which nothing rare is known has no more properties than fit in 224 bytes", () => {
  expect(Object.keys(fakeExchange().exchange).length).toBeLessThanOrEqual(26);
});

test("what is rare is of one exchange alone, and costs nothing where it is written as it is anyway", () => {
  const { exchange } = fakeExchange();
  const { exchange: other } = fakeExchange();
  exchange.depth = 2;
  exchange.remoteUser = "ann";
  exchange.captures = undefined;
  const third = fakeExchange().exchange;
  third.depth = 0;
  third.upgrader = undefined;
  expect([exchange.depth, exchange.remoteUser, exchange.captures]).toEqual([2, "ann", undefined]);
  for (const { depth, remoteUser } of [other, third]) expect([depth, remoteUser]).toEqual([0, ""]);
  expect(exchange.requestId).toBe(exchange.requestId);
  expect(exchange.requestId).not.toBe(other.requestId);
});

test("the client asked for the head that there is, unless another was put in its place", () => {
  const { exchange } = fakeExchange({ target: "/page" });
  expect(exchange.clientHead).toBe(exchange.head);
  const { exchange: inner } = fakeExchange({ target: "/inner" });
  inner.clientHead = exchange.head;
  expect(inner.clientHead.target).toBe("/page");
});

test("one that is used again is in nothing different from a new one", () => {
  const { exchange } = fakeExchange({ params: new Map() });
  // What is added later is not to be forgotten in `forget` and `renew`.
  for (const name of Object.keys(exchange)) if (name !== "rare") Object.assign(exchange, { [name]: "of before" });
  exchange.depth = 2;
  exchange.remoteUser = "ann";
  exchange.forget();
  const { exchange: other, body, reply } = fakeExchange({ target: "/new" });
  const { id, head, peer, protocol, params, startedMs, connection } = other;
  exchange.renew({ id, head, peer, body, reply, protocol, params, startedMs, connection });
  expect(Object.entries(exchange)).toEqual(Object.entries(other));
  expect([exchange.depth, exchange.remoteUser]).toEqual([0, ""]);
});
