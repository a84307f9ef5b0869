import { describe, expect, test } from "bun:test";
import { monotonicMs } from "../../src/base/clock.ts";
import type { Exchange } from "../../src/exchange/exchange.ts";
import { LENGTH_UNKNOWN } from "../../src/protocol/http/message.ts";
import { echo, GET, hello, reply, stage } from "../support/http1-stage.ts";

describe("back-pressure and deadlines", () => {
  test("a slow reader stops the producer and starts it again", () => {
    let drained = 0;
    const { wire, records } = stage((exchange) => {
      exchange.reply.producer = {
        drained: () => {
          drained++;
          exchange.reply.end();
        },
        gone: () => {},
      };
      exchange.reply.start(reply(100_000));
      expect(exchange.reply.data(Buffer.alloc(100_000, 97))).toBe(false);
    });
    wire.room = 1000;
    wire.send(GET);
    expect(wire.output).toHaveLength(1000);
    wire.drain(50_000);
    expect(drained).toBe(0);
    wire.drain();
    expect(drained).toBe(1);
    expect(records).toEqual(["200 100000"]);
  });

  test("a paused reader stops the client once enough is held", () => {
    let resume = () => {};
    let received = 0;
    const { wire } = stage((exchange) => {
      resume = () => exchange.body.resume();
      exchange.body.read({
        bodyData: (bytes) => {
          received += bytes.length;
          exchange.body.pause();
        },
        bodyEnd: () => hello(exchange),
        bodyFailed: () => {},
      });
    });
    wire.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 200001\r\n\r\nx");
    wire.send("y".repeat(100_000));
    wire.send("z".repeat(100_000));
    expect(wire.paused).toBe(true);
    while (received < 200_001) resume();
    resume();
    expect(wire.paused).toBe(false);
    expect(wire.output).toEndWith("hello");
  });

  const deadlines: [string, string, number, string, string][] = [
    ["a head that does not end", "GET / HT", 30_001, "HTTP/1.1 408 ", "shut"],
    ["a silent connection", "", 30_001, "", "closed"],
    [
      "a body that stalls",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nab",
      60_001,
      "HTTP/1.1 408 ",
      "shut",
    ],
  ];
  for (const [name, sent, afterMs, starts, state] of deadlines) {
    test(`${name} is ended by its deadline, not before`, () => {
      const { wire, session } = stage(echo);
      if (sent !== "") wire.send(sent);
      session.tick(monotonicMs() + afterMs - 1000);
      expect(wire.state).toBe("open");
      session.tick(monotonicMs() + afterMs);
      expect(wire.output).toStartWith(starts);
      expect(wire.state as string).toBe(state);
    });
  }

  test("bytes that drip in do not lengthen the head's deadline", () => {
    const { wire, session } = stage(hello);
    wire.send("GET / HTTP/1.1\r\n");
    const beganMs = monotonicMs();
    for (let i = 0; i < 5; i++) wire.send("X-Drip: 1\r\n");
    session.tick(beganMs + 30_100);
    expect(wire.output).toStartWith("HTTP/1.1 408 ");
  });

  test("a client that does not read is dropped", () => {
    const { wire, session, records } = stage(hello);
    wire.room = 3;
    wire.send(GET);
    session.tick(monotonicMs() + 60_001);
    expect(wire.state).toBe("aborted");
    expect(records).toEqual(["200 5"]);
  });

  test("a connection that never says anything is closed after header_timeout, and counted as that", () => {
    const silent = stage(hello);
    silent.session.tick(monotonicMs() + 29_000);
    expect(silent.wire.state).toBe("open");
    silent.session.tick(monotonicMs() + 30_001);
    expect([silent.wire.state, silent.wire.output, silent.limits]).toEqual(["closed", "", ["header_timeout"]]);
    const idle = stage(hello);
    idle.wire.send(GET);
    idle.session.tick(monotonicMs() + 75_001);
    expect(idle.limits).toEqual(["keepalive_timeout"]);
  });

  test("an idle connection is closed after keepalive_timeout", () => {
    const { wire, session } = stage(hello);
    wire.send(GET);
    session.tick(monotonicMs() + 74_000);
    expect(wire.state).toBe("open");
    session.tick(monotonicMs() + 75_001);
    expect(wire.state as string).toBe("closed");
  });

  describe("a client that has half-closed in the middle of a reply on which nothing comes", () => {
    const begun = (length: number) => {
      let gone = 0;
      const exchanges: Exchange[] = [];
      const made = stage((exchange) => {
        exchanges.push(exchange);
        exchange.reply.producer = { drained: () => {}, gone: () => void gone++ };
        exchange.reply.start(reply(length));
        exchange.reply.data(Buffer.from("abc"));
      });
      made.wire.send(GET);
      made.wire.take();
      made.wire.halfClose();
      return { ...made, exchange: exchanges[0] as Exchange, gone: () => gone };
    };

    test("is gone after two seconds, if its reply has a length", () => {
      const { wire, session, gone, exchange } = begun(100);
      const nowMs = monotonicMs();
      session.tick(nowMs);
      session.tick(nowMs + 1900);
      exchange.reply.data(Buffer.from("def"));
      session.tick(nowMs + 2100);
      session.tick(nowMs + 4000);
      expect([wire.state, gone()]).toEqual(["open", 0]);
      session.tick(nowMs + 4200);
      expect([wire.state, gone()]).toEqual(["aborted", 1]);
    });

    test("is sent the first digit of a chunk, which breaks no chunk, a few times", () => {
      const { wire, session, gone, exchange } = begun(LENGTH_UNKNOWN);
      const nowMs = monotonicMs();
      expect(wire.output).toBe("0");
      for (let ms = 0; ms < 60_000; ms += 500) session.tick(nowMs + ms);
      expect([wire.output, wire.state, gone()]).toEqual(["0000", "open", 0]);
      exchange.reply.data(Buffer.from("def"));
      exchange.reply.end();
      expect(wire.output).toBe("00003\r\ndef\r\n0\r\n\r\n");
    });

    test("has its answer when that comes in time", () => {
      const { wire, session, exchange } = begun(6);
      session.tick(monotonicMs());
      session.tick(monotonicMs() + 1500);
      exchange.reply.data(Buffer.from("def"));
      exchange.reply.end();
      expect([wire.output, wire.state]).toEqual(["def", "closed"]);
    });
  });

  test("draining answers the request that was on its way, and tells the client to close", () => {
    const { wire, session } = stage(hello);
    wire.send(GET);
    wire.take();
    session.drain(false);
    expect(wire.state).toBe("open");
    wire.send(GET);
    expect(wire.output).toMatch(/connection: close/i);
    expect(wire.output).toEndWith("hello");
    expect(wire.state as string).toBe("closed");
  });

  test("draining closes idle connections and lets a running request finish", () => {
    const waiting: Exchange[] = [];
    const idle = stage(hello);
    idle.wire.send(GET);
    idle.session.drain(true);
    expect(idle.wire.state).toBe("closed");
    const busy = stage((exchange) => void waiting.push(exchange));
    busy.wire.send(GET);
    busy.session.drain(true);
    expect(busy.wire.state).toBe("open");
    hello(waiting[0] as Exchange);
    expect(busy.wire.output).toMatch(/connection: close/i);
    expect(busy.wire.state as string).toBe("closed");
  });
});
