/**
 * Every wire case of the parser once more through the whole session: what is answered, whether the connection closes, and
 * that nothing behind its end is processed, however the bytes are cut.
 */
import { describe, expect, test } from "bun:test";
import type { Exchange, Handler } from "../../src/exchange/exchange.ts";
import { Fields } from "../../src/protocol/http/fields.ts";
import { LENGTH_UNKNOWN } from "../../src/protocol/http/message.ts";
import type { HeadLimits } from "../../src/protocol/http1/limits.ts";
import { MORE_ACCEPTED } from "../cases/http1/accepted.ts";
import { MORE_REFUSED } from "../cases/http1/refused.ts";
import { readReplies } from "../fuzz/replies.ts";
import { ACCEPTED } from "../protocol/http1/accepted-cases.ts";
import { REFUSED_BODIES, TRUNCATED } from "../protocol/http1/refused-body-cases.ts";
import { REFUSED_HEADS } from "../protocol/http1/refused-head-cases.ts";
import type { RefusedCase } from "../protocol/http1/request-wires.ts";
import { type Cut, everyByte, packets, randomCuts, whole } from "../support/http1.ts";
import { echo, GET, hello, reply, stage } from "../support/http1-stage.ts";

const CUTS: readonly (readonly [string, Cut])[] = [
  ["whole", whole],
  ["byte by byte", everyByte],
  ["cut at random", randomCuts(5, 9)],
];

interface Run {
  /** `200 content` of each reply. */
  readonly replies: readonly string[];
  readonly records: number;
  readonly open: boolean;
}

/** `methods` of the requests that are answered. */
function run(wire: string, cut: Cut, methods: readonly string[], limits?: HeadLimits, ends = false): Run {
  const made = stage(echo, limits === undefined ? {} : { headLimits: limits });
  for (const packet of packets(wire, cut)) made.wire.send(packet);
  if (ends) made.wire.halfClose();
  const { output, state } = made.wire;
  const read = readReplies(output, methods, state === "open" ? "open" : "ended");
  const replies = read.map(({ status, content }) => (status === 200 ? `200 ${content}` : String(status)));
  return { replies, records: made.records.length, open: state === "open" };
}

/** What the trace of the parser says must be answered. */
function expected(trace: readonly string[]): { methods: string[]; replies: string[]; closes: boolean } {
  const methods: string[] = [];
  const replies: string[] = [];
  let content = "";
  for (const line of trace) {
    const [kind, first = ""] = line.split(" ", 2);
    if (kind === "head") methods.push(first);
    if (kind === "data") content = line.slice(line.indexOf(" ", 5) + 1);
    if (kind === "failed") replies.push(first);
    if (kind !== "end") continue;
    replies.push(`200 ${methods.at(-1) === "HEAD" ? "" : content}`);
    content = "";
  }
  const closes = trace.some(
    (line) => line.startsWith("failed") || (line.startsWith("head ") && line.includes(" close")),
  );
  return { methods, replies, closes };
}

/** A tunnel is not of the session's making: the handlers refuse CONNECT. */
const isOfSession = ({ name }: { readonly name: string }) =>
  !name.includes("connect") && !name.includes("authority_form");

describe("what is accepted is answered, and the next request too", () => {
  test.each([...ACCEPTED, ...MORE_ACCEPTED].filter(isOfSession).map((each) => [each.name, each] as const))(
    "%s",
    (_, { wire, trace }) => {
      const wanted = expected(trace);
      const replies = wanted.closes ? wanted.replies : [...wanted.replies, "200 "];
      for (const [label, cut] of CUTS) {
        const seen = run(wire + GET, cut, wanted.methods);
        expect([label, seen]).toEqual([label, { replies, records: replies.length, open: !wanted.closes }]);
      }
    },
  );
});

const REFUSED = [...REFUSED_HEADS, ...REFUSED_BODIES, ...MORE_REFUSED];
const traceOf = (refused: RefusedCase) => [...(refused.before ?? []), `failed ${refused.failure}`];

describe("what is refused is answered once, the connection closes, and nothing behind it is processed", () => {
  test.each(REFUSED.map((each) => [each.name, each] as const))("%s", (_, refused) => {
    const { methods, replies } = expected(traceOf(refused));
    for (const [label, cut] of CUTS) {
      const seen = run(refused.wire + GET, cut, methods, refused.limits);
      expect([label, seen]).toEqual([label, { replies, records: replies.length, open: false }]);
      const after = run(GET + refused.wire + GET, cut, ["GET", ...methods], refused.limits);
      expect([label, after.replies]).toEqual([label, ["200 ", ...replies]]);
    }
  });
});

describe("what the client leaves unfinished is 400 when it half-closes, and no complete request", () => {
  test.each(TRUNCATED.map((each) => [each.name, each] as const))("%s", (_, refused) => {
    const { methods, replies } = expected(traceOf(refused));
    for (const [label, cut] of CUTS) {
      const seen = run(refused.wire, cut, methods, refused.limits, true);
      expect([label, seen]).toEqual([label, { replies, records: replies.length, open: false }]);
    }
  });
});

describe("replies (RFC 9110 sections 6, 9, 15; RFC 9112 sections 6, 7)", () => {
  const ask = (handler: Handler, request = GET) => {
    const { wire } = stage(handler);
    wire.send(request);
    return { output: wire.output, state: wire.state };
  };
  const streamed =
    (trailers?: Fields) =>
    ({ reply: sink }: Exchange) => {
      sink.start(reply(LENGTH_UNKNOWN));
      sink.data(Buffer.from("ok"));
      sink.end(trailers);
    };
  const TRAILERS = Fields.of([["X-Sum", "1"]]);
  const TE = "GET / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nConnection: TE\r\n\r\n";

  test("rfc9110_6_5_1: trailers go to a client that takes them, and to no other", () => {
    expect(ask(streamed(TRAILERS), TE).output).toEndWith("\r\n2\r\nok\r\n0\r\nX-Sum: 1\r\n\r\n");
    expect(ask(streamed(TRAILERS)).output).toEndWith("\r\n2\r\nok\r\n0\r\n\r\n");
    expect(ask(streamed(), TE).output).toEndWith("\r\n2\r\nok\r\n0\r\n\r\n");
    const old = "GET / HTTP/1.0\r\nHost: a\r\nTE: trailers\r\n\r\n";
    expect(ask(streamed(TRAILERS), old).output).toEndWith("\r\n\r\nok");
  });

  test("rfc9110_9_3_2: the refusal of a HEAD has no content, and announces the same length", () => {
    const refused = ask(hello, "HEAD / HTTP/1.1\nHost: a\r\n\r\n").output;
    expect(refused).toMatch(/^HTTP\/1\.1 400 [^]*\r\nContent-Length: [1-9]\d*\r\n[^]*\r\n\r\n$/);
    expect(ask(hello, "HEADS / HTTP/1.1\nHost: a\r\n\r\n").output).toEndWith("</html>\r\n");
  });

  test("rfc9110_15_2: interim replies go to 1.1 before the final one, never to 1.0, never after it has begun", () => {
    const early: Handler = (exchange) => {
      const link = Fields.of([["Link", "</a.css>; rel=preload"]]);
      exchange.reply.interim({ status: 103, reason: undefined, fields: link, length: 0 });
      hello(exchange);
      exchange.reply.interim({ status: 103, reason: undefined, fields: link, length: 0 });
    };
    const { output } = ask(early);
    expect(output).toStartWith("HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\nHTTP/1.1 200 OK\r\n");
    expect(output.match(/ 103 /g)).toHaveLength(1);
    expect(ask(early, "GET / HTTP/1.0\r\n\r\n").output).toStartWith("HTTP/1.1 200 OK\r\n");
  });

  test.each([204, 304])("rfc9112_6_3_1: a %d has neither content nor chunks", (status) => {
    const { output, state } = ask(({ reply: sink }) => {
      sink.start(reply(LENGTH_UNKNOWN, status));
      sink.data(Buffer.from("no"));
      sink.end(TRAILERS);
    }, TE);
    expect([output.endsWith("\r\n\r\n"), state]).toEqual([true, "open"]);
    expect(output).not.toMatch(/transfer-encoding|content-length/i);
  });

  test("rfc9110_15_3_6: a 205 says that it has no content", () => {
    expect(ask(({ reply: sink }) => sink.whole(reply(2, 205), Buffer.from("no"))).output).toMatch(
      /\r\nContent-Length: 0\r\n\r\n$/,
    );
  });

  test("rfc9112_9_3: a reply to HTTP/1.0 keep-alive says so, one to a plain 1.0 closes", () => {
    expect(ask(hello, "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")).toMatchObject({ state: "open" });
    expect(ask(hello, "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").output).toContain(
      "\r\nConnection: keep-alive\r\n",
    );
    expect(ask(hello, "GET / HTTP/1.0\r\n\r\n")).toMatchObject({ state: "closed" });
  });
});
