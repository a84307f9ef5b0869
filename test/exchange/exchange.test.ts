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
