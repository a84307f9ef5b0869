import { describe, expect, test } from "bun:test";
import { compileAddressSet } from "../../src/exchange/address-set.ts";
import { settleClient } from "../../src/exchange/client-address.ts";
import { Exchange, type Peer } from "../../src/exchange/exchange.ts";
import { parseForwarded } from "../../src/exchange/forwarded.ts";
import { Fields } from "../../src/protocol/http/fields.ts";
import { forwardedField } from "../../src/proxy/forwarded-field.ts";
import { fakeExchange } from "../support/exchange.ts";

type Pairs = [string, string][];

/** Of a request on a connection from that address; 10.0.0.0/8, fd00::/8 and unix sockets are trusted. */
function fieldOf(address: string, fields: Pairs = [], peer: Partial<Peer> = {}, host = "a.example"): string {
  const { exchange: made } = fakeExchange({ fields: [["Host", host], ...fields] });
  const exchange = new Exchange({
    ...made,
    head: made.head,
    protocol: made.protocol,
    peer: { ...made.peer, remoteAddress: address, ...peer },
  });
  settleClient(exchange, compileAddressSet(["10.0.0.0/8", "fd00::/8", "unix:"]));
  return forwardedField(exchange, host, exchange.forwardedHost || host);
}

describe("rfc7239_4: a client is told as it is connected", () => {
  test.each([
    ["192.0.2.1", "a.example", "for=192.0.2.1;host=a.example;proto=http"],
    ["192.0.2.1", "a.example:8000", 'for=192.0.2.1;host="a.example:8000";proto=http'],
    ["2001:db8::1", "[::1]:8000", 'for="[2001:db8::1]";host="[::1]:8000";proto=http'],
    ["unix:", "", "for=unknown;proto=http"],
    ["", "a.example", "for=unknown;host=a.example;proto=http"],
  ])("%p with Host %p: %s", (address, host, expected) => {
    expect(fieldOf(address, [], {}, host)).toBe(expected);
  });

  test("over TLS", () => {
    expect(fieldOf("192.0.2.1", [], { secure: true })).toBe("for=192.0.2.1;host=a.example;proto=https");
  });

  test("whatever it says itself", () => {
    const lies: Pairs = [
      ["Forwarded", "for=1.2.3.4;proto=https"],
      ["X-Forwarded-For", "1.2.3.4"],
      ["X-Real-IP", "1.2.3.4"],
    ];
    expect(fieldOf("192.0.2.1", lies)).toBe("for=192.0.2.1;host=a.example;proto=http");
  });
});

describe("rfc7239_7_4: behind a trusted proxy", () => {
  const OWN = "for=10.0.0.1;host=a.example;proto=http";

  test("its Forwarded goes on as it is, with an element of ours", () => {
    const sent = 'for="[2001:db8::7]:4711";proto=https;host=www.example, for=10.0.0.2';
    expect(fieldOf("10.0.0.1", [["Forwarded", sent]])).toBe(`${sent}, ${OWN}`);
  });

  test.each([
    [[["X-Forwarded-For", "6.6.6.6, 192.0.2.7, 10.0.0.2"]], "for=192.0.2.7;host=a.example;proto=http, for=10.0.0.2"],
    [[["X-Forwarded-For", "2001:db8::7"]], 'for="[2001:db8::7]";host=a.example;proto=http'],
    [[["X-Real-IP", "192.0.2.7"]], "for=192.0.2.7;host=a.example;proto=http"],
    [
      [
        ["X-Forwarded-For", "192.0.2.7"],
        ["X-Forwarded-Proto", "https"],
      ],
      "for=192.0.2.7;host=a.example;proto=https",
    ],
  ] as [Pairs, string][])("what it says otherwise is put into these terms: %j", (fields, expected) => {
    expect(fieldOf("10.0.0.1", fields)).toBe(`${expected}, ${OWN}`);
  });

  test("a Forwarded beside X-Forwarded-For, or a malformed one, is not passed on", () => {
    const both: Pairs = [
      ["Forwarded", "for=6.6.6.6"],
      ["X-Forwarded-For", "192.0.2.7"],
    ];
    expect(fieldOf("10.0.0.1", both)).toBe(`for=192.0.2.7;host=a.example;proto=http, ${OWN}`);
    expect(fieldOf("10.0.0.1", [["Forwarded", 'for="6.6.6.6']])).toBe(OWN);
  });

  test("one that says nothing of the client is the client", () => {
    expect(fieldOf("10.0.0.1")).toBe(OWN);
    expect(fieldOf("10.0.0.1", [["X-Forwarded-Proto", "https"]])).toBe("for=10.0.0.1;host=a.example;proto=https");
  });

  test("the next server of this kind reads it as it was meant", () => {
    const field = fieldOf("10.0.0.1", [["X-Forwarded-For", "2001:db8::7, fd00::1"]], {}, "a.example:8000");
    const elements = parseForwarded(Fields.of([["Forwarded", field]]));
    expect(elements?.map((element) => element.for)).toEqual(["[2001:db8::7]", "[fd00::1]", "10.0.0.1"]);
    expect(elements?.[0]?.host).toBe("a.example:8000");
  });
});
