import { expect, test } from "bun:test";
import { Exchange } from "../../src/exchange/exchange.ts";
import { schemeIsMisdirected } from "../../src/exchange/misdirected.ts";
import { fakeExchange } from "../support/exchange.ts";

const misdirected = (target: string, form: "origin" | "absolute", secure: boolean) => {
  const { exchange } = fakeExchange({ target, form });
  const { head, body, reply, protocol, params, startedMs, id } = exchange;
  const peer = { ...exchange.peer, secure };
  return schemeIsMisdirected(new Exchange({ id, head, peer, body, reply, protocol, params, startedMs }));
};

test.each([
  ["https://a/", "absolute", false, true],
  ["HTTPS://a/", "absolute", false, true],
  ["http://a/", "absolute", false, false],
  ["https://a/", "absolute", true, false],
  ["http://a/", "absolute", true, true],
  ["/https://a/", "origin", false, false],
  ["/", "origin", true, false],
] as const)("rfc9110_7_4: %s in %s form, secured %p: misdirected %p", (target, form, secure, wanted) => {
  expect(misdirected(target, form, secure)).toBe(wanted);
});
