import { describe, expect, test } from "bun:test";
import { Exchange, type Peer } from "../../src/exchange/exchange.ts";
import { makeUwsgiDialect } from "../../src/proxy/dialect-uwsgi.ts";
import type { UpstreamOptions } from "../../src/proxy/options.ts";
import type { RequestHead } from "../../src/protocol/http/message.ts";
import { fakeExchange, type FakeRequest } from "../support/exchange.ts";
import { UPSTREAM } from "../support/scripted-upstream.ts";
import { template } from "../support/template.ts";

const OPTIONS: UpstreamOptions = { ...UPSTREAM, protocol: "uwsgi", servers: [] };
const ROUTES = [{ temporaryDirectory: "/" }, { temporaryDirectory: "/", stripPrefix: true }] as const;

const ONE: Peer = { remoteAddress: "192.0.2.7", remotePort: 1, localAddress: "::1", localPort: 80, secure: false };
const OTHER: Peer = { ...ONE, remotePort: 2, secure: true };

/** What a request does to an exchange besides its head and peer. */
const CHANGES: readonly ((exchange: Exchange) => void)[] = [
  () => {},
  () => {},
  (exchange) => void (exchange.passesUnderscores = true),
  (exchange) => void (exchange.forwarding = "believed"),
  (exchange) => void (exchange.remoteUser = "ann"),
  (exchange) => void (exchange.mount = "/app"),
  () => {},
];

const headOf = (request: FakeRequest = {}): RequestHead =>
  fakeExchange({
    path: "/app/x",
    query: "a=1",
    fields: [
      ["Host", "a.example"],
      ["X_Odd", "1"],
      ["X-Forwarded-Ssl", "on"],
    ],
    ...request,
  }).exchange.head;

function exchangeOf(head: RequestHead, peer: Peer, change: (exchange: Exchange) => void): Exchange {
  const { id, body, reply, protocol, params, startedMs } = fakeExchange().exchange;
  const exchange = new Exchange({ id, head, peer, body, reply, protocol, params, startedMs });
  change(exchange);
  return exchange;
}

describe("a packet that is sent again says what a new one would", () => {
  const cases: Record<string, Partial<UpstreamOptions>> = {
    plain: {},
    "with params": { params: [{ name: "A", value: template("b") }] },
    "with params of the request": { params: [{ name: "A", value: template("$remote_port $http_host") }] },
    "with modifiers": { modifier1: 5, modifier2: 6 },
  };
  test.each(Object.entries(cases))("%s", (_, options) => {
    const kept = makeUwsgiDialect({ ...OPTIONS, ...options });
    const heads = [headOf(), headOf({ path: "/app/y" })];
    for (const change of [...CHANGES, ...CHANGES])
      for (const head of heads)
        for (const peer of [ONE, ONE, OTHER])
          for (const route of ROUTES) {
            const fresh = makeUwsgiDialect({ ...OPTIONS, ...options });
            const wanted = fresh.encode(exchangeOf({ ...head, repeats: false }, peer, change), 0, "", route);
            const bytes = fresh.bytes.latin1Slice(0, wanted);
            head.repeats = true;
            for (let time = 1; time <= 3; time++) {
              const length = kept.encode(exchangeOf(head, peer, change), 0, "", route);
              expect(kept.bytes.latin1Slice(0, length)).toBe(bytes);
            }
          }
  });
});

test("a packet for a body is never the one without", () => {
  const dialect = makeUwsgiDialect(OPTIONS);
  const head = headOf({ method: "POST" });
  head.repeats = true;
  for (const length of [0, 7, 0]) {
    const bytes = dialect.encode(
      exchangeOf(head, ONE, () => {}),
      length,
      "",
      ROUTES[0],
    );
    const text = dialect.bytes.latin1Slice(0, bytes);
    expect(text.includes("CONTENT_LENGTH\x01\x007")).toBe(length === 7);
  }
});

test("a large packet is made each time, and right", () => {
  const dialect = makeUwsgiDialect(OPTIONS);
  const head = headOf({ fields: [["Cookie", "x".repeat(4000)]] });
  head.repeats = true;
  const texts = [1, 2, 3].map(() => {
    const length = dialect.encode(
      exchangeOf(head, ONE, () => {}),
      0,
      "",
      ROUTES[0],
    );
    return dialect.bytes.latin1Slice(0, length);
  });
  expect(new Set(texts).size).toBe(1);
});

test("a packet is kept when its request has come twice in a row on the connection", () => {
  const dialect = makeUwsgiDialect(OPTIONS);
  const heads = [headOf(), headOf({ path: "/app/y" })];
  for (const head of heads) head.repeats = true;
  const memoryOf = (index: number) => {
    dialect.encode(
      exchangeOf(heads[index] as RequestHead, ONE, () => {}), // 0 or 1
      0,
      "",
      ROUTES[0],
    );
    return dialect.bytes;
  };
  const [shared, ...others] = [0, 1, 0, 1, 1].map(memoryOf);
  expect(others.every((bytes) => bytes === shared)).toBe(true);
  const kept = memoryOf(1);
  expect(kept).not.toBe(shared);
  expect(memoryOf(1)).toBe(kept);
  expect(memoryOf(0)).toBe(shared as Buffer);
});
