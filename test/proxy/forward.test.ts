import { describe, expect, test } from "bun:test";
import { compileAddressSet } from "../../src/exchange/address-set.ts";
import { settleClient } from "../../src/exchange/client-address.ts";
import { Exchange } from "../../src/exchange/exchange.ts";
import { goesInCircles, keptReplyFields, requestFields as tellFields, VIA_HOPS_MAX } from "../../src/proxy/forward.ts";
import { Fields } from "../../src/protocol/http/fields.ts";
import { fakeExchange, type FakeRequest } from "../support/exchange.ts";

type Pairs = [string, string][];

/** Our own fields, as they stand behind the client's. */
const OURS: Pairs = [
  ["Via", "1.1 server"],
  ["X-Real-IP", "127.0.0.1"],
  ["X-Forwarded-For", "127.0.0.1"],
  ["X-Forwarded-Proto", "http"],
  ["X-Forwarded-Host", "a.example"],
  ["X-Forwarded-Port", "8000"],
  ["Forwarded", "for=127.0.0.1;host=a.example;proto=http"],
];

function requestFields(exchange: Exchange, fallbackHost: string): Fields {
  const fields = new Fields();
  tellFields(exchange, fields, { host: undefined, fallbackHost, via: true });
  return fields;
}

const forwarded = (fields: Pairs, request: FakeRequest = {}) =>
  requestFields(fakeExchange({ ...request, fields }).exchange, "fallback:81").pairs();

/** What is left of the client's fields but Host. */
const passed = (fields: Pairs) => forwarded([["Host", "a.example"], ...fields]).slice(1, -OURS.length);

test("fields go on in order, Host as sent, with ours behind them", () => {
  const fields: Pairs = [
    ["Accept", "*/*"],
    ["Host", "a.example"],
    ["Cookie", "a=1"],
    ["X-Unknown", "1"],
    ["X-Unknown", "2"],
    ["Authorization", "Basic eA=="],
    ["Content-Type", "text/plain"],
  ];
  expect(forwarded(fields)).toEqual([["Host", "a.example"], ...fields.filter(([name]) => name !== "Host"), ...OURS]);
});

describe("not passed on", () => {
  const cases: Pairs = [
    ["Connection", "keep-alive"],
    ["Keep-Alive", "timeout=5"],
    ["Proxy-Connection", "keep-alive"],
    ["TE", "trailers"],
    ["Trailer", "X"],
    ["Transfer-Encoding", "chunked"],
    ["Upgrade", "h2c"],
    ["HTTP2-Settings", "AAMAAABkAAQAAP__"],
    ["Expect", "100-continue"],
    ["Content-Length", "5"],
    ["Proxy", "http://evil.example"],
    ["Proxy-Authorization", "Basic eA=="],
    ["X-Forwarded-For", "10.0.0.1"],
    ["X-Forwarded-Proto", "https"],
    ["X-Forwarded-Ssl", "on"],
    ["X-Forwarded-User", "admin"],
    ["Forwarded", "for=10.0.0.1"],
    ["X-Real-IP", "10.0.0.1"],
    ["X_Forwarded_Proto", "https"],
    ["Remote_User", "admin"],
    ["Content_Length", "0"],
  ];
  test.each(cases)("%s: %s", (name, value) => {
    expect(passed([[name, value]])).toEqual([]);
    expect(
      forwarded([
        ["Host", "a.example"],
        [name, value],
      ]).slice(-OURS.length),
    ).toEqual(OURS);
  });
});

describe("Connection takes away what it names", () => {
  const fields: Pairs = [
    ["X-Hop", "1"],
    ["Cookie", "a=1"],
    ["Authorization", "Basic eA=="],
    ["Content-Type", "text/plain"],
    ["X-Other", "2"],
  ];
  const cases: readonly (readonly [connection: string, left: string[]])[] = [
    ["close, x-hop", ["Cookie", "Authorization", "Content-Type", "X-Other"]],
    ["X-Hop , X-Other", ["Cookie", "Authorization", "Content-Type"]],
    ["Cookie, Authorization, Content-Type, Host, X-Forwarded-For", fields.map(([name]) => name)],
    ["close", fields.map(([name]) => name)],
  ];
  test.each(cases)("%s", (connection, left) => {
    expect(passed([["Connection", connection], ...fields]).map(([name]) => name)).toEqual(left);
  });

  test("but never Host or the fields that name the client", () => {
    const result = forwarded([
      ["Host", "a.example"],
      ["Connection", "host, x-forwarded-for, via, x-real-ip"],
    ]);
    expect(result).toEqual([["Host", "a.example"], ...OURS]);
  });

  test("of several Connection fields, all", () => {
    const pairs: Pairs = [["Connection", "x-hop"], ["Connection", "x-other"], ...fields];
    expect(passed(pairs).map(([name]) => name)).toEqual(["Cookie", "Authorization", "Content-Type"]);
  });
});

test("https, and the port of a unix socket's client", () => {
  const { exchange } = fakeExchange({ fields: [["Host", "a.example:8443"]] });
  const peer = { remoteAddress: "::1", remotePort: 1, localAddress: "unix:", localPort: 0, secure: true };
  const named = { ...exchange.head, host: "a.example", hostPort: 8443 };
  const secure = requestFields(new Exchange({ ...exchange, head: named, peer }), "");
  expect(secure.get("x-forwarded-proto")).toBe("https");
  expect(secure.get("x-forwarded-for")).toBe("::1");
  expect(secure.get("x-forwarded-host")).toBe("a.example:8443");
  expect(secure.get("x-forwarded-port")).toBe("8443");
  const unnamed = { ...exchange.head, hostPort: undefined };
  expect(requestFields(new Exchange({ ...exchange, head: unnamed, peer }), "").get("x-forwarded-port")).toBe("443");
});

test("the authority of an absolute-form target wins over Host (RFC 9112 section 3.2.2)", () => {
  const { exchange } = fakeExchange({ fields: [["Host", "b.example"]] });
  const head = { ...exchange.head, form: "absolute", host: "a.example", hostPort: 81 } as const;
  const fields = requestFields(new Exchange({ ...exchange, head }), "");
  expect(fields.all("host")).toEqual(["a.example:81"]);
  expect(fields.get("x-forwarded-host")).toBe("a.example:81");
});

test("a client without Host asks the upstream by its own name", () => {
  const fields = forwarded([], { host: "", minor: 0 });
  expect(fields[0]).toEqual(["Host", "fallback:81"]);
  expect(fields.map(([name]) => name)).not.toContain("X-Forwarded-Host");
  expect(fields).toContainEqual(["Via", "1.0 server"]);
});

test("a request that comes by too often is one that goes in circles", () => {
  const via = (value: string) => fakeExchange({ fields: [["Via", value]] }).exchange;
  const hops = (count: number) => Array.from({ length: count }, () => "1.1 server").join(", ");
  expect(goesInCircles(via(hops(VIA_HOPS_MAX)))).toBe(true);
  expect(goesInCircles(via(hops(VIA_HOPS_MAX - 1)))).toBe(false);
  expect(goesInCircles(via("1.1 a, 1.1 b, ".repeat(50)))).toBe(false);
  expect(goesInCircles(fakeExchange().exchange)).toBe(false);
});

test("of a reply everything goes on but what belongs to the connection", () => {
  const fields = Fields.of([
    ["Date", "Sun, 06 Nov 1994 08:49:37 GMT"],
    ["Server", "gunicorn"],
    ["Set-Cookie", "a=1"],
    ["Set-Cookie", "b=2"],
    ["Connection", "keep-alive, x-hop"],
    ["Keep-Alive", "timeout=5"],
    ["X-Hop", "1"],
    ["Content-Length", "5"],
    ["Transfer-Encoding", "chunked"],
    ["Upgrade", "h2c"],
    ["X-Accel-Expires", "60"],
    ["X-Accel-Buffering", "no"],
    ["X-Accel-Limit-Rate", "100"],
    ["Content-Type", "text/html"],
  ]);
  expect(keptReplyFields(fields).pairs()).toEqual([
    ["Date", "Sun, 06 Nov 1994 08:49:37 GMT"],
    ["Server", "gunicorn"],
    ["Set-Cookie", "a=1"],
    ["Set-Cookie", "b=2"],
    ["Content-Type", "text/html"],
  ]);
});

describe("what a trusted proxy says", () => {
  const FROM_PROXY: Pairs = [
    ["X-Forwarded-For", "203.0.113.9, 192.0.2.7"],
    ["X-Forwarded-For", "10.0.0.2"],
    ["X-Forwarded-Host", "www.example"],
    ["X-Forwarded-Proto", "https"],
    ["X-Real-IP", "203.0.113.9"],
    ["Forwarded", "for=203.0.113.9"],
  ];
  function forwardedBy(proxy: string, fields: Pairs): Record<string, string> {
    const { exchange } = fakeExchange({ fields: [["Host", "a.example"], ...fields] });
    const behind = new Exchange({
      ...exchange,
      head: exchange.head,
      protocol: exchange.protocol,
      peer: { ...exchange.peer, remoteAddress: proxy },
    });
    settleClient(behind, compileAddressSet(["10.0.0.0/8", "unix:"]));
    return Object.fromEntries(requestFields(behind, "fallback").pairs());
  }

  test("goes on, with its own address behind the list", () => {
    expect(forwardedBy("10.0.0.1", FROM_PROXY)).toEqual({
      Host: "a.example",
      Via: "1.1 server",
      "X-Real-IP": "192.0.2.7",
      "X-Forwarded-For": "203.0.113.9, 192.0.2.7, 10.0.0.2, 10.0.0.1",
      "X-Forwarded-Proto": "https",
      "X-Forwarded-Host": "www.example",
      "X-Forwarded-Port": "443",
      Forwarded: "for=192.0.2.7;host=www.example;proto=https, for=10.0.0.2, for=10.0.0.1;host=a.example;proto=http",
    });
  });

  test("of fields that we do not write goes on as it came, and from nobody else", () => {
    const fields: Pairs = [
      ["X-Forwarded-User", "ada"],
      ["X-Forwarded-Prefix", "/x"],
      ["X-Scheme", "https"],
    ];
    expect(forwardedBy("10.0.0.1", fields)).toMatchObject(Object.fromEntries(fields));
    const names = Object.keys(forwardedBy("192.0.2.1", fields));
    for (const [name] of fields) expect(names).not.toContain(name);
  });

  test("a proxy on a unix socket has no address to add", () => {
    expect(forwardedBy("unix:", FROM_PROXY)["X-Forwarded-For"]).toBe("203.0.113.9, 192.0.2.7, 10.0.0.2");
  });

  test("a proxy that says nothing of the client is the client", () => {
    expect(forwardedBy("10.0.0.1", [])["X-Forwarded-For"]).toBe("10.0.0.1");
  });

  test("nothing of it goes on when it is not trusted", () => {
    const fields = forwardedBy("192.0.2.99", FROM_PROXY);
    expect(fields["X-Forwarded-For"]).toBe("192.0.2.99");
    expect(fields["X-Forwarded-Proto"]).toBe("http");
    expect(fields["X-Forwarded-Host"]).toBe("a.example");
  });
});
