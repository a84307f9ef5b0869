import { describe, expect, test } from "bun:test";
import { Exchange, type Peer } from "../../src/exchange/exchange.ts";
import { makeHttpDialect } from "../../src/proxy/dialect-http.ts";
import type { ProxyOptions, UpstreamOptions } from "../../src/proxy/options.ts";
import type { RequestHead } from "../../src/protocol/http/message.ts";
import { fakeExchange, type FakeRequest } from "../support/exchange.ts";
import { template } from "../support/template.ts";

const OPTIONS: UpstreamOptions = {
  name: "u",
  protocol: "http",
  servers: [],
  connectTimeoutMs: 1,
  readTimeoutMs: 1,
  sendTimeoutMs: 1,
  keepalive: 8,
};
const ROUTE: ProxyOptions = { temporaryDirectory: "/tmp" };

const REQUEST: FakeRequest = {
  path: "/app/x",
  query: "a=1",
  fields: [
    ["Host", "a.example"],
    ["Accept", "*/*"],
    ["X_Odd", "1"],
    ["X-Forwarded-Ssl", "on"],
    ["Max-Forwards", "3"],
    ["TE", "trailers"],
    ["Connection", "TE"],
  ],
};

/** What a request does to an exchange besides its head. */
type Change = (exchange: Exchange) => void;

/** One more exchange with this very head. */
function again(head: RequestHead, change: Change): Exchange {
  const { exchange: other } = fakeExchange(REQUEST);
  const { id, peer, body, reply, protocol, params, startedMs } = other;
  const exchange = new Exchange({ id, head, peer, body, reply, protocol, params, startedMs });
  change(exchange);
  return exchange;
}

const from = (remoteAddress: string): Change => {
  const peer: Peer = { remoteAddress, remotePort: 1, localAddress: "::1", localPort: 81, secure: true };
  return (exchange) => void (exchange.peer = peer);
};

/** One after the other, with the same head. */
const CHANGES: readonly Change[] = [
  () => {},
  () => {},
  from("192.0.2.7"),
  from("2001:db8::7"),
  from("192.0.2.7"),
  (exchange) => void (exchange.passesUnderscores = true),
  () => {},
  (exchange) => void (exchange.forwarding = "believed"),
  (exchange) => void (exchange.remoteUser = "ann"),
  (exchange) => void (exchange.mount = "/app"),
  () => {},
];

describe("the tenth time a request goes on as the first", () => {
  const cases: Record<string, [Partial<UpstreamOptions>, Partial<ProxyOptions>, FakeRequest]> = {
    plain: [{}, {}, {}],
    "without Via": [{ via: false }, {}, {}],
    "without keep-alive": [{ keepalive: 0 }, {}, {}],
    "with a host of its own": [{ host: template("b.example") }, {}, {}],
    "with a host of the request": [{ host: template("$remote_addr") }, {}, {}],
    "without its prefix": [{}, { stripPrefix: true }, {}],
    "to another URI": [{}, { uri: template("/y$uri?$remote_addr") }, {}],
    "of OPTIONS": [{}, {}, { method: "OPTIONS" }],
    "of POST without a body": [{}, {}, { method: "POST" }],
    "of HTTP/1.0 without Host": [{}, {}, { minor: 0, fields: [], host: "" }],
    "for another protocol": [{}, {}, { upgrade: "websocket" }],
  };
  test.each(Object.entries(cases))("%s", (_, [options, route, request]) => {
    const kept = makeHttpDialect({ ...OPTIONS, ...options });
    const { head } = fakeExchange({ ...REQUEST, ...request }).exchange;
    const routes = [
      { ...ROUTE, ...route },
      { ...ROUTE, ...route, stripPrefix: true },
    ];
    for (const change of CHANGES) {
      for (const each of routes.map((one) => (one.uri === undefined ? one : { ...one, stripPrefix: false }))) {
        const fresh = makeHttpDialect({ ...OPTIONS, ...options });
        const wanted = fresh.encode(again({ ...head, repeats: false }, change), 0, "fallback:81", each);
        const text = fresh.bytes.latin1Slice(0, wanted);
        head.repeats = true;
        const exchange = again(head, change);
        for (let time = 1; time <= 3; time++) {
          const length = kept.encode(exchange, 0, "fallback:81", each);
          expect(kept.bytes.latin1Slice(0, length)).toBe(text);
        }
      }
    }
  });
});

test("a request with a body is never the one without", () => {
  const dialect = makeHttpDialect(OPTIONS);
  const { head } = fakeExchange({ ...REQUEST, method: "POST" }).exchange;
  head.repeats = true;
  for (const length of [0, 7, 0]) {
    const bytes = dialect.encode(
      again(head, () => {}),
      length,
      "f",
      ROUTE,
    );
    expect(dialect.bytes.latin1Slice(0, bytes)).toContain(`\r\nContent-Length: ${length}\r\n`);
  }
});
