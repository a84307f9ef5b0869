import { describe, expect, test } from "bun:test";
import { compileAddressSet } from "../../src/exchange/address-set.ts";
import { settleClient } from "../../src/exchange/client-address.ts";
import { fakeExchange } from "../support/exchange.ts";

const trustLocal = compileAddressSet(["127.0.0.1", "10.0.0.0/8", "2001:db8:ffff::/48", "unix:"]);

function clientOf(fields: readonly (readonly [string, string])[], trust = trustLocal): string {
  const { exchange } = fakeExchange({ fields });
  settleClient(exchange, trust);
  const { remoteAddress, remotePort, secure } = exchange.peer;
  return `${remoteAddress} ${remotePort} ${secure ? "https" : "http"} ${exchange.forwarding}`;
}

const XFF = "X-Forwarded-For";
const DIRECT = "127.0.0.1 40000";

describe("the client behind trusted proxies", () => {
  const cases: readonly (readonly [string, readonly (readonly [string, string])[], string])[] = [
    ["no field", [], `${DIRECT} http`],
    ["one entry", [[XFF, "192.0.2.7"]], "192.0.2.7 0 http"],
    ["the last that is not trusted", [[XFF, "203.0.113.9, 192.0.2.7, 10.0.0.2"]], "192.0.2.7 0 http"],
    ["what a client invents on the left is not looked at", [[XFF, "10.0.0.9, 192.0.2.7"]], "192.0.2.7 0 http"],
    ["all trusted: the leftmost", [[XFF, "10.0.0.3, 10.0.0.2"]], "10.0.0.3 0 http"],
    [
      "several lines are one list",
      [
        [XFF, "192.0.2.7"],
        [XFF, "10.0.0.2"],
      ],
      "192.0.2.7 0 http",
    ],
    ["an entry that is no address ends the walk", [[XFF, "192.0.2.7, unknown, 10.0.0.2"]], "10.0.0.2 0 http"],
    ["nothing but nonsense", [[XFF, "unknown"]], `${DIRECT} http`],
    [
      "nonsense, then X-Real-IP",
      [
        [XFF, "unknown"],
        ["X-Real-IP", "192.0.2.8"],
      ],
      "192.0.2.8 0 http",
    ],
    ["X-Real-IP alone", [["X-Real-IP", "192.0.2.8"]], "192.0.2.8 0 http"],
    [
      "X-Forwarded-For before X-Real-IP",
      [
        ["X-Real-IP", "192.0.2.8"],
        [XFF, "192.0.2.7"],
      ],
      "192.0.2.7 0 http",
    ],
    ["empty entries do not count", [[XFF, "192.0.2.7,, ,"]], "192.0.2.7 0 http"],
    ["IPv4 with port", [[XFF, "192.0.2.7:4711"]], "192.0.2.7 4711 http"],
    ["IPv6", [[XFF, "2001:db8::7"]], "2001:db8::7 0 http"],
    ["IPv6 in brackets", [[XFF, "[2001:db8::7]"]], "2001:db8::7 0 http"],
    ["IPv6 with port", [[XFF, "[2001:db8::7]:4711, 2001:db8:ffff::1"]], "2001:db8::7 4711 http"],
    ["mapped IPv4", [[XFF, "::ffff:192.0.2.7"]], "192.0.2.7 0 http"],
    ["a port out of range", [[XFF, "192.0.2.7:99999"]], `${DIRECT} http`],
    ["a zone", [[XFF, "fe80::1%eth0"]], `${DIRECT} http`],
    ["IPv4 in brackets", [[XFF, "[192.0.2.7]"]], `${DIRECT} http`],
    ["https", [["X-Forwarded-Proto", "https"]], `${DIRECT} https`],
    [
      "HTTPS in capitals",
      [
        [XFF, "192.0.2.7"],
        ["X-Forwarded-Proto", "HTTPS"],
      ],
      "192.0.2.7 0 https",
    ],
    ["another scheme", [["X-Forwarded-Proto", "gopher"]], `${DIRECT} http`],
    [
      "one scheme for many hops",
      [
        [XFF, "192.0.2.7, 10.0.0.2"],
        ["X-Forwarded-Proto", "https"],
      ],
      "192.0.2.7 0 https",
    ],
    [
      "the scheme of the client's hop",
      [
        [XFF, "192.0.2.7, 10.0.0.2"],
        ["X-Forwarded-Proto", "https, http"],
      ],
      "192.0.2.7 0 https",
    ],
    [
      "an invented scheme on the left",
      [
        [XFF, "192.0.2.7"],
        ["X-Forwarded-Proto", "https, http"],
      ],
      "192.0.2.7 0 http",
    ],
  ];
  test.each(cases)("%s", (_, fields, expected) => {
    expect(clientOf(fields)).toBe(`${expected} believed`);
  });

  test.each([
    ["of one element", "for=192.0.2.7;proto=https;host=www.example", "192.0.2.7 0 https", "www.example"],
    ["of a chain", 'for=203.0.113.9, for="192.0.2.7:4711";proto=https, For=10.0.0.2', "192.0.2.7 4711 https", ""],
    ["with IPv6", 'for="[2001:db8::7]:4711"', "2001:db8::7 4711 http", ""],
    ["with IPv6 of a trusted hop", 'for=192.0.2.7, for="[2001:db8:ffff::1]"', "192.0.2.7 0 http", ""],
    ["of a hidden client", "for=_gazonk;proto=https;host=a.example", `${DIRECT} https`, "a.example"],
    ["of an unknown client behind a trusted hop", "for=unknown;proto=https, for=10.0.0.2", "10.0.0.2 0 https", ""],
    ["without for", "proto=https", `${DIRECT} https`, ""],
    ["of a hop that nobody vouches for", "proto=https;for=10.0.0.9, for=192.0.2.7;proto=http", "192.0.2.7 0 http", ""],
    ["with a host that is none", 'for=192.0.2.7;host="a b"', "192.0.2.7 0 http", ""],
    ["that is malformed", "for=192.0.2.7;;=x", `${DIRECT} http`, ""],
  ])("rfc7239_5: Forwarded %s", (_, value, expected, host) => {
    expect(clientOf([["Forwarded", value]])).toBe(`${expected} believed`);
    const { exchange } = fakeExchange({ fields: [["Forwarded", value]] });
    settleClient(exchange, trustLocal);
    expect(exchange.forwardedHost).toBe(host);
  });

  test.each([
    ["X-Forwarded-For", "192.0.2.8", "192.0.2.8 0 http"],
    ["X-Real-IP", "192.0.2.8", "192.0.2.8 0 http"],
    ["X-Forwarded-Proto", "http", `${DIRECT} http`],
    ["X-Forwarded-Host", "a.example", `${DIRECT} http`],
  ])("Forwarded says nothing beside %s, whose writer lets it through from anybody", (name, value, expected) => {
    const lie = ["Forwarded", "for=192.0.2.7;proto=https;host=evil.example"] as const;
    expect(clientOf([lie, [name, value]])).toBe(`${expected} believed`);
  });

  test("nothing is believed of a peer that is not trusted", () => {
    const fields = [
      [XFF, "192.0.2.7"],
      ["X-Real-IP", "192.0.2.7"],
      ["X-Forwarded-Proto", "https"],
    ] as const;
    expect(clientOf(fields, compileAddressSet(["10.0.0.0/8"]))).toBe(`${DIRECT} http refused`);
  });

  test("a gateway has spoken for its client already", () => {
    const { exchange } = fakeExchange({ fields: [[XFF, "192.0.2.7"]], params: new Map() });
    settleClient(exchange, trustLocal);
    expect([exchange.peer.remoteAddress, exchange.forwarding]).toEqual(["127.0.0.1", "believed"]);
  });

  test("a list of thousands costs a bounded walk", () => {
    const long = Array.from({ length: 5000 }, (_, i) => `10.0.${i >> 8}.${i & 255}`).join(", ");
    const { exchange } = fakeExchange({ fields: [[XFF, long]] });
    let asked = 0;
    settleClient(exchange, (address) => {
      asked++;
      return trustLocal(address);
    });
    expect(asked).toBeLessThan(50);
  });
});
