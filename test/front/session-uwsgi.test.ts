import { describe, expect, test } from "bun:test";
import { monotonicMs } from "../../src/base/clock.ts";
import type { Exchange } from "../../src/exchange/exchange.ts";
import { SWEEP_INTERVAL_MS } from "../../src/front/options.ts";
import { PACE_GRACE_MS } from "../../src/front/pace.ts";
import { LENGTH_UNKNOWN } from "../../src/protocol/http/message.ts";
import { PONG } from "../../src/protocol/uwsgi/packet.ts";
import { uwsgiPacket } from "../support/uwsgi-packet.ts";
import { head, hello, post, stage, TIMEOUTS, waiting } from "../support/uwsgi-stage.ts";

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
  wire.send(
    uwsgiPacket({ REQUEST_URI: "/a?b=c", PATH_INFO: "/a", QUERY_STRING: "b=c", HTTPS: "on", SERVER_PORT: "443" }),
  );
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
    const { wire, session, limits } = stage(handler);
    wire.send(uwsgiPacket());
    wire.room = 0;
    exchange().reply.start(head(5));
    session.tick(later(TIMEOUTS.sendMs));
    expect(wire.state).toBe("aborted");
    expect(events).toEqual(["gone"]);
    expect(limits).toEqual(["send_timeout"]);
  });

  /** Sweeps, with something done before each of them, until it is over; how many there were. */
  function sweeps(session: { tick(nowMs: number): void }, step: () => void, over: () => boolean): number {
    const begun = monotonicMs();
    for (let i = 1; i <= 100; i++) {
      step();
      session.tick(begun + i * SWEEP_INTERVAL_MS);
      if (over()) return i;
    }
    return Infinity;
  }
  const GRACE = PACE_GRACE_MS / SWEEP_INTERVAL_MS;

  test("a body that drips is answered 408 after the grace, one that keeps up the rate is not", () => {
    for (const [bytes, slow] of [
      [1, true],
      [200, false],
    ] as const) {
      const { handler, events } = waiting(true);
      const { wire, session, limits } = stage(handler);
      wire.send(post(1_000_000));
      const count = sweeps(
        session,
        () => wire.send("x".repeat(bytes)),
        () => wire.output !== "",
      );
      expect(count > GRACE && count < GRACE + 5).toBe(slow);
      expect(limits).toEqual(slow ? ["min_body_rate"] : []);
      expect(events.at(-1)).toBe(slow ? "failed timeout" : "data 200");
    }
  });

  test("a gateway that sips a reply is reset after the grace", () => {
    const { handler, exchange } = waiting(false);
    const { wire, session, limits } = stage(handler);
    wire.send(uwsgiPacket());
    wire.room = 10;
    exchange().reply.start(head(1_000_000));
    exchange().reply.data(Buffer.alloc(100_000));
    const count = sweeps(
      session,
      () => wire.drain(1),
      () => wire.state === "aborted",
    );
    expect(count > GRACE && count < GRACE + 5).toBe(true);
    expect(limits).toEqual(["min_send_rate"]);
  });
});

describe("draining", () => {
  test("closes a connection that has asked nothing", () => {
    const { wire, session } = stage(hello);
    session.drain(true);
    expect(wire.state).toBe("closed");
  });

  test("lets a request finish", () => {
    const { handler, exchange } = waiting(false);
    const { wire, session } = stage(handler);
    wire.send(uwsgiPacket());
    session.drain(true);
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
