/** Trailers of requests (RFC 9110 section 6.5): which go on, in which framing, and what may not be said that way. */
import { describe, expect, test } from "bun:test";
import { joinRules } from "../../src/exchange/reply-headers.ts";
import { announcedTrailers, requestTrailers } from "../../src/proxy/request-trailers.ts";
import { Fields } from "../../src/protocol/http/fields.ts";
import { LENGTH_UNKNOWN } from "../../src/protocol/http/message.ts";
import { fakeExchange } from "../support/exchange.ts";
import { against, OK, rig, startScripted, type Visit } from "../support/scripted-upstream.ts";
import { template } from "../support/template.ts";

type Pairs = [string, string][];

const passed = (trailers: Pairs, fields: Pairs = []) =>
  requestTrailers(fakeExchange({ fields }).exchange, Fields.of(trailers), undefined)?.pairs();

test("what nobody knows goes on, in order and as often as it came", () => {
  const trailers: Pairs = [
    ["X-Checksum", "abc"],
    ["Content-Digest", "sha-256=:AAAA=:"],
    ["X-Amz-Checksum-Crc32", "AAAAAA=="],
    ["X-Checksum", "def"],
  ];
  expect(passed(trailers)).toEqual(trailers);
});

describe("never a trailer", () => {
  const head = [
    "Authorization",
    "Cookie",
    "Content-Type",
    "Content-Encoding",
    "Cache-Control",
    "Range",
    "If-None-Match",
  ];
  const request = [
    "Accept",
    "Accept-Encoding",
    "Origin",
    "Referer",
    "User-Agent",
    "Via",
    "Max-Forwards",
    "Sec-Fetch-Site",
  ];
  const client = [
    "X-Forwarded-For",
    "X-Forwarded-Proto",
    "X-Forwarded-User",
    "Forwarded",
    "X-Real-IP",
    "X-Remote-User",
  ];
  const others = ["Remote-User", "X-SSL-Client-Verify", "Proxy", "X-HTTP-Method-Override", "X_Real_IP", "X_Checksum"];
  test.each([...head, ...request, ...client, ...others])("%s", (name) => {
    expect(passed([[name, "x"]])).toBeUndefined();
    expect(
      passed([
        [name.toUpperCase(), "x"],
        ["X-Kept", "1"],
      ]),
    ).toEqual([["X-Kept", "1"]]);
  });

  test("what a trusted proxy may say in the head", () => {
    const { exchange } = fakeExchange();
    exchange.forwarding = "believed";
    exchange.passesUnderscores = true;
    const trailers = Fields.of([
      ["X-Forwarded-For", "1.2.3.4"],
      ["X_Real_IP", "1.2.3.4"],
      ["X-Remote-User", "root"],
    ]);
    expect(requestTrailers(exchange, trailers, undefined)).toBeUndefined();
  });

  test("what Connection names", () => {
    expect(
      passed(
        [
          ["X-Hop", "1"],
          ["X-Kept", "1"],
        ],
        [["Connection", "x-hop, close"]],
      ),
    ).toEqual([["X-Kept", "1"]]);
  });

  test("what headers_up writes or removes", () => {
    const rules = joinRules([
      { kind: "set", name: "X-Tenant", value: template("a") },
      { kind: "remove", name: "X-Internal" },
    ]);
    const trailers = Fields.of([
      ["x-tenant", "b"],
      ["X-INTERNAL", "1"],
      ["X-Kept", "1"],
    ]);
    const kept = requestTrailers(fakeExchange().exchange, trailers, rules);
    expect(kept?.pairs()).toEqual([["X-Kept", "1"]]);
  });
});

test("of what is announced, what would go on is announced", () => {
  const announced = (...values: string[]) => {
    const fields = values.map((value): [string, string] => ["Trailer", value]);
    return announcedTrailers(fakeExchange({ fields }).exchange, undefined);
  };
  expect(announced("X-Checksum, Authorization", "Content-Digest")).toBe("X-Checksum, Content-Digest");
  expect(announced("Authorization, X_Y")).toBeUndefined();
  expect(announced(" , b d, x:y,")).toBeUndefined();
  expect(announced()).toBeUndefined();
});

describe("on the wire", () => {
  const options = { requestBuffering: false };
  const fields: Pairs = [["Trailer", "X-Sum, Authorization"]];
  const trailers: Pairs = [
    ["X-Sum", "1"],
    ["Authorization", "Basic eA=="],
    ["X-Forwarded-For", "6.6.6.6"],
  ];
  const request = { method: "PUT", fields, trailers, bodyLength: LENGTH_UNKNOWN };
  const one = [Buffer.from("one")];

  test.each([
    ["of some bytes", ["one", "two"], "3\r\none\r\n3\r\ntwo\r\n"],
    ["without content", [], ""],
  ])("behind a body %s", async (_, texts, chunks) => {
    let seen = "";
    const script = (visit: Visit) => {
      seen = visit.text;
      if (seen.endsWith("0\r\nX-Sum: 1\r\n\r\n")) visit.send(OK);
    };
    const body = texts.map((text) => Buffer.from(text));
    const { reply } = await against(script, { ...request, body }, { options });
    expect(reply.text).toBe("ok");
    expect(seen).toContain("\r\nTransfer-Encoding: chunked\r\n");
    expect(seen).toContain("\r\nTrailer: X-Sum\r\n");
    expect(seen.slice(seen.indexOf("\r\n\r\n") + 4)).toBe(`${chunks}0\r\nX-Sum: 1\r\n\r\n`);
  });

  test("those of which none goes on change nothing", async () => {
    let seen = "";
    const script = (visit: Visit) => {
      seen = visit.text;
      if (seen.endsWith("\r\n0\r\n\r\n")) visit.send(OK);
    };
    const none = { ...request, trailers: [["Cookie", "a=1"]] satisfies Pairs, body: one };
    expect((await against(script, none, { options })).reply.text).toBe("ok");
    expect(seen).toEndWith("\r\n\r\n3\r\none\r\n0\r\n\r\n");
  });

  test("a server that cannot be had is not the only one that is told the end", async () => {
    const gone = startScripted((visit) => visit.wire.close());
    const good = startScripted((visit) => {
      if (visit.text.endsWith("0\r\nX-Sum: 1\r\n\r\n")) visit.send(OK);
    });
    const { reply } = await rig([gone.port, good.port], options).ask({ ...request, body: [] });
    expect([reply.status, reply.text]).toEqual([200, "ok"]);
    gone.stop();
    good.stop();
  });

  test("no client decides that a body which was taken in first goes on in chunks", async () => {
    let seen = "";
    const script = (visit: Visit) => {
      seen = visit.text;
      if (seen.endsWith("\r\n\r\none")) visit.send(OK);
    };
    expect((await against(script, { ...request, body: one })).reply.text).toBe("ok");
    expect(seen).toContain("\r\nContent-Length: 3\r\n");
    expect(seen).not.toContain("Trailer");
  });
});

test("a server that speaks uwsgi gets the body, and no trailer", async () => {
  let seen = "";
  const script = (visit: Visit) => {
    seen += visit.text;
    if (visit.text.endsWith("one")) visit.send("Status: 200 OK\r\nContent-Length: 2\r\n\r\nok");
  };
  const request = {
    method: "PUT",
    bodyLength: LENGTH_UNKNOWN,
    body: [Buffer.from("one")],
    trailers: [["X-Sum", "1"]] satisfies Pairs,
  };
  const { reply } = await against(script, request, { options: { protocol: "uwsgi" } });
  expect(reply.text).toBe("ok");
  expect(seen).not.toContain("Sum");
});
