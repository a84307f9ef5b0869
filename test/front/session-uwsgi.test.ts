import { describe, expect, test } from "bun:test";
import { monotonicMs } from "../../src/base/clock.ts";
import { SILENT } from "../../src/base/log.ts";
import type { BodyFailure } from "../../src/exchange/body.ts";
import type { Exchange, Handler } from "../../src/exchange/exchange.ts";
import { LINGER_MS, RECEIVE_BYTES_MAX } from "../../src/front/options.ts";
import { UwsgiSession, type UwsgiSessionOptions } from "../../src/front/session-uwsgi.ts";
import { Fields } from "../../src/protocol/http/fields.ts";
import { LENGTH_UNKNOWN, type ReplyHead } from "../../src/protocol/http/message.ts";
import { PONG } from "../../src/protocol/uwsgi/packet.ts";
import { MemoryWire } from "../support/memory-wire.ts";
import { uwsgiPacket } from "../support/uwsgi-packet.ts";

interface Stage {
  readonly wire: MemoryWire;
  readonly session: UwsgiSession;
  /** `status bytes` of each finished request, `refused status` of each refused one. */
  readonly records: string[];
  readonly closed: () => number;
}

const TIMEOUTS = { headerMs: 30_000, bodyMs: 60_000, sendMs: 60_000, keepaliveMs: 75_000 };

function stage(handler: Handler): Stage {
  const records: string[] = [];
  let closed = 0;
  const options: UwsgiSessionOptions = {
    handler,
    loaded: {
      root: "/srv/site",
      wsgi: { kind: "module", module: "mysite.wsgi", callable: "application" },
      python: "/usr/bin/python3",
      env: {},
    },
    timeouts: TIMEOUTS,
    log: SILENT,
    scratch: Buffer.alloc(64 * 1024),
    observer: {
      nextId: () => 1,
      finished: (_, status, bytes) => records.push(`${status} ${bytes}`),
      refused: (_, status) => records.push(`refused ${status}`),
      closed: () => closed++,
    },
  };
  const wire = new MemoryWire();
  const session = new UwsgiSession(wire, options);
  wire.owner = session;
  return { wire, session, records, closed: () => closed };
}

const head = (length: number): ReplyHead => ({ status: 200, reason: undefined, fields: new Fields(), length });

const hello: Handler = (exchange) => exchange.reply.whole(head(5), Buffer.from("hello"));

/** Reads the whole body, then answers with it. */
const echo: Handler = (exchange) => {
  const chunks: Buffer[] = [];
  exchange.body.read({
    bodyData: (bytes) => void chunks.push(Buffer.from(bytes)),
    bodyEnd: () => exchange.reply.whole(head(exchange.body.length), Buffer.concat(chunks)),
    bodyFailed: () => {},
  });
};

const post = (length: number) => uwsgiPacket({ REQUEST_METHOD: "POST", CONTENT_LENGTH: String(length) });

/** A handler that waits, and what happens to it. */
function waiting(reading: boolean): { handler: Handler; exchange: () => Exchange; events: string[] } {
  const events: string[] = [];
  let exchange: Exchange | undefined;
  const handler: Handler = (given) => {
    exchange = given;
    given.reply.producer = { drained: () => events.push("drained"), gone: () => events.push("gone") };
    if (!reading) return;
    given.body.read({
      bodyData: (bytes) => events.push(`data ${bytes.length}`),
      bodyEnd: () => events.push("end"),
      bodyFailed: (why: BodyFailure) => events.push(`failed ${why}`),
    });
  };
  return { handler, exchange: () => exchange as Exchange, events };
}

test("a packet is answered with an HTTP reply that ends with the connection", () => {
  const { wire, records, closed } = stage(hello);
  wire.send(uwsgiPacket());
  expect(wire.output).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
  expect(wire.output).toContain("Content-Length: 5\r\n");
  expect(wire.output).toEndWith("\r\n\r\nhello");
  expect(wire.state).toBe("closed");
  expect(records).toEqual(["200 5"]);
  expect(closed()).toBe(1);
});

test("the exchange shows what the gateway says of its client", () => {
  let seen: Exchange | undefined;
  const { wire } = stage((exchange) => {
    seen = exchange;
    hello(exchange);
  });
  wire.send(uwsgiPacket({ REQUEST_URI: "/a?b=c", PATH_INFO: "/a", QUERY_STRING: "b=c", HTTPS: "on", SERVER_PORT: "443" }));
  expect(seen?.head.target).toBe("/a?b=c");
  expect(seen?.protocol).toBe("HTTP/1.1");
  expect(seen?.params?.get("QUERY_STRING")).toBe("b=c");
  expect(seen?.peer).toEqual({
    remoteAddress: "192.0.2.9",
    remotePort: 50000,
    localAddress: wire.localAddress,
    localPort: 443,
    secure: true,
  });
});

test("a reply of unknown length is never chunked: nginx would pass the chunks on as content", () => {
  const { wire } = stage((exchange) => {
    exchange.reply.start(head(LENGTH_UNKNOWN));
    exchange.reply.data(Buffer.from("one "));
    exchange.reply.data(Buffer.from("two"));
    exchange.reply.end();
  });
  wire.send(uwsgiPacket());
  expect(wire.output).not.toContain("Transfer-Encoding");
  expect(wire.output).toEndWith("\r\n\r\none two");
  expect(wire.state).toBe("closed");
});

test("a reply to HEAD has no content", () => {
  const { wire, records } = stage(hello);
  wire.send(uwsgiPacket({ REQUEST_METHOD: "HEAD" }));
  expect(wire.output).toContain("Content-Length: 5\r\n");
  expect(wire.output).toEndWith("\r\n\r\n");
  expect(records).toEqual(["200 0"]);
});

describe("the body", () => {
  const content = "0123456789".repeat(20);
  const bytes = Buffer.concat([post(content.length), Buffer.from(content)]);
  const cuts = [
    ["whole", [bytes]],
    ["byte by byte", [...bytes].map((_, i) => bytes.subarray(i, i + 1))],
    ["packet and body apart", [bytes.subarray(0, -content.length), bytes.subarray(-content.length)]],
    ["in the middle", [bytes.subarray(0, 20), bytes.subarray(20, -50), bytes.subarray(-50)]],
    ["with bytes beyond it", [Buffer.concat([bytes, Buffer.from("SURPLUS"), uwsgiPacket()])]],
  ] as const;
  test.each(cuts)("comes %s", (_, pieces) => {
    const { wire, records } = stage(echo);
    for (const piece of pieces) wire.send(piece);
    expect(wire.output).toEndWith(`\r\n\r\n${content}`);
    expect(records).toEqual(["200 200"]);
    expect(wire.state).toBe("closed");
  });

  test("is held back by the wire while nobody reads it, and comes in order when someone does", () => {
    const stopped = waiting(false);
    const { wire } = stage(stopped.handler);
    wire.send(post(4 * RECEIVE_BYTES_MAX));
    wire.send(Buffer.alloc(RECEIVE_BYTES_MAX));
    expect(wire.paused).toBe(false);
    wire.send(Buffer.alloc(RECEIVE_BYTES_MAX));
    expect(wire.paused).toBe(true);
    let sum = 0;
    const { body } = stopped.exchange();
    body.read({
      bodyData: (piece) => {
        sum += piece.length;
        body.pause();
      },
      bodyEnd: () => {},
      bodyFailed: () => {},
    });
    expect(sum).toBe(RECEIVE_BYTES_MAX);
    body.resume();
    expect(sum).toBe(2 * RECEIVE_BYTES_MAX);
    expect(wire.paused).toBe(false);
  });

  test("that is larger than the route takes is answered 413, and the rest is read so that the gateway sees it", () => {
    const failures: string[] = [];
    const { wire, records, session } = stage((exchange) => {
      exchange.bodyBytesMax = 10;
      exchange.body.read({
        bodyData: () => failures.push("data"),
        bodyEnd: () => failures.push("end"),
        bodyFailed: (why) => failures.push(why),
      });
    });
    wire.send(Buffer.concat([post(11), Buffer.from("123")]));
    expect(failures).toEqual(["too-large"]);
    expect(wire.output).toStartWith("HTTP/1.1 413 ");
    expect(wire.state).toBe("shut");
    wire.send("45678901");
    expect(wire.state).toBe("shut");
    wire.halfClose();
    expect(wire.state).toBe("closed");
    expect(records.length).toBe(1);
    session.tick(monotonicMs() + LINGER_MS);
  });

  test("that nobody reads does not destroy the reply: half-close first, the end when the gateway has closed", () => {
    const { wire, session } = stage(hello);
    wire.send(Buffer.concat([post(100), Buffer.from("part")]));
    expect(wire.output).toEndWith("hello");
    expect(wire.state).toBe("shut");
    session.tick(monotonicMs() + LINGER_MS + 1000);
    expect(wire.state).toBe("closed");
  });
});

describe("the gateway leaves", () => {
  test("within the body: the reader hears it", () => {
    const { handler, events } = waiting(true);
    const { wire, records } = stage(handler);
    wire.send(post(100));
    wire.send("1234");
    wire.halfClose();
    expect(events).toEqual(["data 4", "failed aborted", "gone"]);
    expect(records).toEqual(["499 0"]);
    expect(wire.state).toBe("closed");
  });

  test("before the reply: the producer hears it, once, and nothing is written any more", () => {
    const { handler, events, exchange } = waiting(false);
    const { wire, closed } = stage(handler);
    wire.send(uwsgiPacket());
    wire.halfClose();
    wire.leave();
    hello(exchange());
    expect(events).toEqual(["gone"]);
    expect(exchange().reply.state).toBe("gone");
    expect(wire.output).toBe("");
    expect(closed()).toBe(1);
  });

  test("within the reply", () => {
    const { handler, events, exchange } = waiting(false);
    const { wire, records } = stage(handler);
    wire.send(uwsgiPacket());
    exchange().reply.start(head(100));
    exchange().reply.data(Buffer.from("some"));
    wire.leave();
    expect(events).toEqual(["gone"]);
    expect(exchange().reply.data(Buffer.from("more"))).toBe(true);
    expect(records).toEqual(["200 4"]);
  });
});

test("a slow gateway holds the producer back, and gets every byte", () => {
  const { handler, events, exchange } = waiting(false);
  const { wire } = stage(handler);
  wire.send(uwsgiPacket());
  exchange().reply.start(head(8));
  wire.room = 2;
  expect(exchange().reply.data(Buffer.from("abcdefgh"))).toBe(false);
  wire.drain(3);
  expect(events).toEqual([]);
  wire.drain();
  expect(events).toEqual(["drained"]);
  exchange().reply.end();
  expect(wire.output).toEndWith("\r\n\r\nabcdefgh");
  expect(wire.state).toBe("closed");
});

describe("a reply that breaks", () => {
  test("is a 502 before it began", () => {
    const { handler, exchange } = waiting(false);
    const { wire } = stage(handler);
    wire.send(uwsgiPacket());
    exchange().reply.abort("broken");
    expect(wire.output).toStartWith("HTTP/1.1 502 ");
    expect(wire.state).toBe("closed");
  });

  test("is reset after that, so that the gateway cannot take it for the whole", () => {
    const { handler, exchange, events } = waiting(false);
    const { wire } = stage(handler);
    wire.send(uwsgiPacket());
    exchange().reply.start(head(LENGTH_UNKNOWN));
    exchange().reply.data(Buffer.from("some"));
    exchange().reply.abort("broken");
    expect(wire.state).toBe("aborted");
    expect(events).toEqual([]);
  });

  test("is reset when it is shorter than announced", () => {
    const { handler, exchange } = waiting(false);
    const { wire } = stage(handler);
    wire.send(uwsgiPacket());
    exchange().reply.start(head(5));
    exchange().reply.data(Buffer.from("1234"));
    exchange().reply.end();
    expect(wire.state).toBe("aborted");
  });
});

describe("refused", () => {
  const cases: readonly (readonly [name: string, status: number, bytes: string | Uint8Array])[] = [
    ["HTTP", 400, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"],
    ["TLS", 400, "\x16\x03\x01\x02\0\x01"],
    ["another modifier", 400, "\x05\0\0\0"],
    ["a variable past its packet", 400, "\0\x03\0\0\x09\0A"],
    ["no method", 400, uwsgiPacket({ REQUEST_METHOD: "" })],
    ["other code", 403, uwsgiPacket({ UWSGI_SCRIPT: "other.wsgi" })],
    ["a file to run", 403, uwsgiPacket({ UWSGI_FILE: "/tmp/x.py" })],
  ];
  test.each(cases)("%s with %d", (_, status, bytes) => {
    const { wire, records } = stage(() => expect.unreachable());
    wire.send(bytes);
    expect(wire.output).toStartWith(`HTTP/1.1 ${status} `);
    expect(records).toEqual([`refused ${status}`]);
    expect(wire.state).toBe("shut");
    wire.halfClose();
    expect(wire.state).toBe("closed");
  });

  test("not the loaded project by its own name", () => {
    const { wire } = stage(hello);
    wire.send(uwsgiPacket({ UWSGI_SCRIPT: "mysite.wsgi", UWSGI_CHDIR: "/srv/site/" }));
    expect(wire.output).toStartWith("HTTP/1.1 200 ");
  });
});

test("a ping is answered", () => {
  const { wire } = stage(() => expect.unreachable());
  wire.send("\x64\0\0\0");
  expect(wire.output).toBe(PONG.latin1Slice());
});

describe("deadlines", () => {
  const later = (ms: number) => monotonicMs() + ms + 1000;

  test("a silent connection is closed", () => {
    const { wire, session, records } = stage(hello);
    session.tick(monotonicMs());
    expect(wire.state).toBe("open");
    session.tick(later(TIMEOUTS.headerMs));
    expect(wire.state).toBe("closed");
    expect(records).toEqual([]);
  });

  test("half a packet is answered 408", () => {
    const { wire, session } = stage(hello);
    wire.send(uwsgiPacket().subarray(0, 20));
    session.tick(later(TIMEOUTS.headerMs));
    expect(wire.output).toStartWith("HTTP/1.1 408 ");
  });

  test("a body that stops is answered 408, and its reader hears it", () => {
    const { handler, events } = waiting(true);
    const { wire, session } = stage(handler);
    wire.send(post(100));
    session.tick(later(TIMEOUTS.bodyMs));
    expect(events).toEqual(["failed timeout"]);
    expect(wire.output).toStartWith("HTTP/1.1 408 ");
  });

  test("a handler that takes its time has none", () => {
    const { handler, events } = waiting(false);
    const { wire, session } = stage(handler);
    wire.send(uwsgiPacket());
    session.tick(later(1_000_000));
    expect(events).toEqual([]);
    expect(wire.state).toBe("open");
  });

  test("a gateway that does not read is reset", () => {
    const { handler, exchange, events } = waiting(false);
    const { wire, session } = stage(handler);
    wire.send(uwsgiPacket());
    wire.room = 0;
    exchange().reply.start(head(5));
    session.tick(later(TIMEOUTS.sendMs));
    expect(wire.state).toBe("aborted");
    expect(events).toEqual(["gone"]);
  });
});

describe("draining", () => {
  test("closes a connection that has asked nothing", () => {
    const { wire, session } = stage(hello);
    session.drain();
    expect(wire.state).toBe("closed");
  });

  test("lets a request finish", () => {
    const { handler, exchange } = waiting(false);
    const { wire, session } = stage(handler);
    wire.send(uwsgiPacket());
    session.drain();
    expect(wire.state).toBe("open");
    hello(exchange());
    expect(wire.output).toEndWith("hello");
    expect(wire.state).toBe("closed");
  });
});

test("a handler that throws costs its own connection", () => {
  const { wire, closed } = stage(() => {
    throw new Error("a bug");
  });
  wire.send(uwsgiPacket());
  expect(wire.state).toBe("aborted");
  expect(closed()).toBe(1);
});
