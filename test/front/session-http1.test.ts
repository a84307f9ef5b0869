import { describe, expect, test } from "bun:test";
import { withExpectation } from "../../src/exchange/expectation.ts";
import { monotonicMs } from "../../src/base/clock.ts";
import type { BodyFailure } from "../../src/exchange/body.ts";
import type { Exchange, Handler } from "../../src/exchange/exchange.ts";
import { DISCARD_BYTES_MAX, LINGER_MS, LINGER_TOTAL_MS, RECEIVE_BYTES_MAX } from "../../src/front/options.ts";
import { LENGTH_UNKNOWN } from "../../src/protocol/http/message.ts";
import { echo, GET, hello, reply, stage, text, withoutDate } from "../support/http1-stage.ts";

describe("an HTTP/1 session", () => {
  test("answers a request and stays open for the next", () => {
    const { wire, records } = stage(hello);
    wire.send(GET);
    expect(withoutDate(wire.take())).toBe("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
    wire.send(GET);
    expect(wire.take()).toEndWith("hello");
    expect(wire.state).toBe("open");
    expect(records).toEqual(["200 5", "200 5"]);
  });

  test("is told to carry messages when a second request has come", () => {
    const { wire } = stage(hello);
    wire.send(GET);
    expect(wire.carriesMessages).toBe(false);
    wire.send(GET);
    expect(wire.carriesMessages).toBe(true);
  });

  test("answers pipelined requests in order, also when the first takes its time", () => {
    const waiting: Exchange[] = [];
    const { wire } = stage((exchange) => {
      if (exchange.head.path === "/slow") waiting.push(exchange);
      else text(exchange.head.path)(exchange);
    });
    wire.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n");
    expect(wire.output).toBe("");
    text("/slow")(waiting[0] as Exchange);
    const output = wire.output;
    expect(output.indexOf("/slow")).toBeGreaterThan(0);
    expect(output.indexOf("/b")).toBeGreaterThan(output.indexOf("/slow"));
  });

  test("closes after Connection: close and after the last allowed request", () => {
    const first = stage(hello);
    first.wire.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    expect(first.wire.output).toMatch(/connection: close/i);
    expect(first.wire.state).toBe("closed");
    const second = stage(hello, { keepaliveRequestsMax: 2 });
    second.wire.send(GET + GET + GET);
    expect(second.records).toEqual(["200 5", "200 5"]);
    expect(second.wire.state).toBe("closed");
  });

  test("gives a body to its reader whatever its framing", () => {
    const { wire } = stage(echo);
    wire.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab");
    wire.send("cde");
    expect(wire.take()).toEndWith("\r\n\r\nabcde");
    wire.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n" + GET);
    expect(wire.take()).toContain("\r\n\r\nabcde");
  });

  test("streams a reply in chunks to 1.1 and until close to 1.0", () => {
    const stream: Handler = (exchange) => {
      exchange.reply.start(reply(LENGTH_UNKNOWN));
      exchange.reply.data(Buffer.from("abc"));
      exchange.reply.data(Buffer.from("de"));
      exchange.reply.end();
    };
    const { wire } = stage(stream);
    wire.send(GET);
    expect(wire.take()).toEndWith("\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
    const old = stage(stream);
    old.wire.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    expect(old.wire.output).toEndWith("\r\n\r\nabcde");
    expect(old.wire.state).toBe("closed");
  });

  test("sends no content to HEAD, and its Content-Length all the same", () => {
    const { wire, records } = stage(hello);
    wire.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
    expect(withoutDate(wire.output)).toBe("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
    expect(records).toEqual(["200 0"]);
  });

  test("cuts what is beyond Content-Length and aborts what is short of it", () => {
    const long = stage((exchange) => {
      exchange.reply.start(reply(3));
      exchange.reply.data(Buffer.from("abcdef"));
      exchange.reply.end();
    });
    long.wire.send(GET);
    expect(long.wire.output).toEndWith("\r\n\r\nabc");
    expect(long.wire.state).toBe("open");
    const short = stage((exchange) => {
      exchange.reply.start(reply(9));
      exchange.reply.data(Buffer.from("abc"));
      exchange.reply.end();
    });
    short.wire.send(GET);
    expect(short.wire.state).toBe("aborted");
  });

  test("a reply that breaks off never looks complete", () => {
    const { wire, records } = stage((exchange) => {
      exchange.reply.start(reply(LENGTH_UNKNOWN));
      exchange.reply.data(Buffer.from("abc"));
      exchange.reply.abort("the test says so");
    });
    wire.send(GET);
    expect(wire.output).not.toContain("0\r\n\r\n");
    expect(wire.state).toBe("aborted");
    expect(records).toEqual(["200 3"]);
  });

  test("an abort before the head is a 502", () => {
    const { wire } = stage((exchange) => exchange.reply.abort("the test says so"));
    wire.send(GET);
    expect(wire.output).toStartWith("HTTP/1.1 502 ");
    expect(wire.state).toBe("open");
  });
});

describe("bodies that are not read", () => {
  test("a small one is discarded and the connection goes on", () => {
    const { wire } = stage(hello);
    wire.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nabcde" + GET);
    expect(wire.output.match(/200 OK/g)).toHaveLength(2);
  });

  test("never is a byte of it taken for the next request", () => {
    const { wire, records } = stage(hello);
    wire.send(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${GET.length}\r\n\r\n${GET}`);
    expect(records).toEqual(["200 5"]);
    expect(wire.state).toBe("open");
  });

  test("rfc9112_9_3: one in chunks is discarded, too, and the connection goes on", () => {
    const { wire, records } = stage(hello);
    const post = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    wire.send(`${post}5\r\nabcde\r\n0\r\n\r\n${GET}`);
    wire.send(post);
    wire.send(`${GET.length.toString(16)}\r\n${GET}\r\n0\r\nX-End: 1\r\n\r\n${GET}`);
    expect(records).toEqual(["200 5", "200 5", "200 5", "200 5"]);
    expect(wire.output).not.toMatch(/connection: close/i);
    expect(wire.state).toBe("open");
  });

  test("rfc9112_9_6: chunks without end close the connection, lingering so that the answer can be read", () => {
    const { wire, session } = stage(hello);
    wire.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    const piece = `10000\r\n${"x".repeat(0x10000)}\r\n`;
    for (let sent = 0; sent <= DISCARD_BYTES_MAX; sent += 0x10000) wire.send(piece);
    expect(wire.state).toBe("shut");
    wire.send(`0\r\n\r\n${GET}`);
    expect(wire.output.match(/HTTP\/1\.1 /g)).toHaveLength(1);
    session.tick(monotonicMs() + LINGER_MS + 1);
    expect(wire.state).toBe("closed");
  });

  test("rfc9112_9_3: behind its answer a malformed chunk closes the connection and is not answered again", () => {
    const { wire } = stage(hello);
    wire.send(`POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcdeX${GET}`);
    expect(wire.output.match(/HTTP\/1\.1 /g)).toHaveLength(1);
    expect(wire.state).toBe("shut");
  });

  test("a large one closes the connection, lingering so that the answer can be read", () => {
    const { wire, session } = stage(hello);
    wire.send(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${DISCARD_BYTES_MAX + 1}\r\n\r\n`);
    expect(wire.output).toMatch(/connection: close/i);
    expect(wire.state).toBe("shut");
    wire.send("x".repeat(1000));
    session.tick(monotonicMs() + LINGER_MS + 1);
    expect(wire.state).toBe("closed");
  });

  test("of one that its reader has begun only the rest counts, and nobody is given it after the reply", () => {
    let given = 0;
    const ends: string[] = [];
    const early = (exchange: Exchange) => {
      exchange.body.read({
        bodyData: (bytes) => {
          given += bytes.length;
          if (exchange.reply.state === "waiting" && given >= DISCARD_BYTES_MAX) hello(exchange);
        },
        bodyEnd: () => void ends.push("end"),
        bodyFailed: (why) => void ends.push(why),
      });
    };
    const head = (length: number) => `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${length}\r\n\r\n`;
    const small = stage(early);
    small.wire.send(head(DISCARD_BYTES_MAX + 5));
    small.wire.send("x".repeat(DISCARD_BYTES_MAX));
    expect(small.wire.output).toEndWith("hello");
    small.wire.send("abcde");
    expect([given, small.wire.state]).toEqual([DISCARD_BYTES_MAX, "open"]);
    expect(small.wire.output).not.toMatch(/connection: close/i);
    given = 0;
    const large = stage(early);
    large.wire.send(head(3 * DISCARD_BYTES_MAX));
    large.wire.send("x".repeat(DISCARD_BYTES_MAX));
    expect(large.wire.output).toMatch(/connection: close/i);
    large.wire.send("x".repeat(DISCARD_BYTES_MAX));
    expect([given, large.wire.state]).toEqual([DISCARD_BYTES_MAX, "shut"]);
    // So that it lets go of what it holds.
    expect(ends).toEqual(["aborted", "aborted"]);
  });

  test("rfc9112_9_6: what still comes of a large one is received, so that the client gets to read the answer", () => {
    const { wire, session } = stage(hello);
    // A read that brings more than is held back otherwise, behind the head.
    wire.send(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9000000\r\n\r\n${"x".repeat(RECEIVE_BYTES_MAX * 2)}`);
    expect([wire.state, wire.paused]).toEqual(["shut", false]);
    const begun = monotonicMs();
    session.tick(begun + LINGER_MS - 100);
    expect(wire.state).toBe("shut");
    wire.send("x".repeat(1000));
    expect(wire.paused).toBe(false);
    session.tick(begun + LINGER_TOTAL_MS + 1000);
    expect(wire.state).toBe("closed");
  });

  test("rfc9110_10_1_1: a client that waits for 100 gets the final answer and a closed connection", () => {
    const { wire } = stage(hello);
    wire.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
    expect(wire.output).toStartWith("HTTP/1.1 200 OK");
    expect(wire.output).toMatch(/connection: close/i);
  });

  test("rfc9110_10_1_1: 100 is sent when the body is wanted, and any other expectation is 417", () => {
    const { wire } = stage(withExpectation(echo));
    wire.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
    expect(wire.take()).toBe("HTTP/1.1 100 Continue\r\n\r\n");
    wire.send("ok");
    expect(wire.take()).toEndWith("ok");
    wire.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: tea\r\n\r\nok");
    expect(wire.take()).toStartWith("HTTP/1.1 417 ");
  });
});

describe("what is broken", () => {
  test("bytes that are no request get 400 and a closed connection", () => {
    const { wire, records } = stage(hello);
    wire.send("NONSENSE\r\n\r\n");
    expect(wire.output).toStartWith("HTTP/1.1 400 ");
    expect(wire.output).toMatch(/connection: close/i);
    expect(wire.state).toBe("shut");
    expect(records).toEqual(["refused 400"]);
  });

  test("nothing after a refused request is processed", () => {
    const { wire, records } = stage(hello);
    wire.send(`GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${GET}`);
    expect(records).toEqual(["refused 400"]);
    wire.send(GET);
    expect(wire.output.match(/HTTP\/1.1/g)).toHaveLength(1);
  });

  test("a malformed chunk fails the reader and answers 400", () => {
    const failures: BodyFailure[] = [];
    const { wire, records } = stage((exchange) =>
      exchange.body.read({ bodyData: () => {}, bodyEnd: () => {}, bodyFailed: (why) => void failures.push(why) }),
    );
    wire.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcX");
    expect(failures).toEqual(["malformed"]);
    expect(wire.output).toStartWith("HTTP/1.1 400 ");
    expect(records).toEqual(["400 " + String(wire.output.split("\r\n\r\n")[1]?.length)]);
  });

  test("a chunked body beyond the route's bound is 413", () => {
    const { wire } = stage((exchange) => {
      exchange.bodyBytesMax = 4;
      echo(exchange);
    });
    wire.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n");
    expect(wire.output).toStartWith("HTTP/1.1 413 ");
  });

  test("a half-closed client that waits is sent one byte of its reply, so that one that has gone is noticed", () => {
    let gone = 0;
    const waiting: Exchange[] = [];
    const { wire, records } = stage((exchange) => {
      exchange.reply.producer = { drained: () => {}, gone: () => void gone++ };
      waiting.push(exchange);
    });
    wire.send(GET);
    expect(wire.output).toBe("");
    wire.halfClose();
    expect(wire.output).toBe("H");
    const stays = stage((exchange) => void waiting.push(exchange));
    stays.wire.send(GET + GET);
    stays.wire.halfClose();
    for (const _ of [1, 2]) hello(waiting.at(-1) as Exchange);
    expect(stays.wire.output.match(/HTTP\/1\.1 200 OK\r\n/g)?.length).toBe(2);
    expect(stays.wire.output).toStartWith("HTTP/1.1 200 OK\r\n");
    wire.leave();
    expect([gone, records]).toEqual([1, ["499 0"]]);
  });

  test("a client that leaves is told to the producer and recorded as 499", () => {
    let gone = 0;
    const { wire, records, closed } = stage((exchange) => {
      exchange.reply.producer = { drained: () => {}, gone: () => void gone++ };
    });
    wire.send(GET);
    wire.leave();
    expect(gone).toBe(1);
    expect(records).toEqual(["499 0"]);
    expect(closed()).toBe(true);
  });

  test("a body that breaks off under a reply that has begun is told to the producer", () => {
    let gone = 0;
    const { wire } = stage((exchange) => {
      exchange.reply.producer = { drained: () => {}, gone: () => void gone++ };
      exchange.reply.start(reply(LENGTH_UNKNOWN));
      exchange.body.read({ bodyData: () => {}, bodyEnd: () => {}, bodyFailed: () => {} });
    });
    wire.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nX");
    expect(gone).toBe(1);
    expect(wire.state).toBe("aborted");
  });

  test("an exception in a handler closes that session only", () => {
    const { wire, closed } = stage(() => {
      throw new Error("the test says so");
    });
    wire.send(GET);
    expect(wire.state).toBe("aborted");
    expect(closed()).toBe(true);
  });

  test("rfc9112_9_6: all requests that came before a half-close are answered, also when each takes its time", () => {
    const waiting: Exchange[] = [];
    const { wire, records } = stage((exchange) => void waiting.push(exchange));
    wire.send(GET + GET + GET);
    wire.halfClose();
    while (waiting.length > 0) hello(waiting.shift() as Exchange);
    expect(records).toEqual(["200 5", "200 5", "200 5"]);
    expect(wire.output.match(/connection: close/gi)).toHaveLength(1);
    expect(wire.state).toBe("closed");
  });

  test("rfc9112_9_3: a body that breaks off behind its answer gets no second one", () => {
    const { wire, records } = stage(hello);
    wire.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc");
    wire.halfClose();
    expect(wire.output.match(/HTTP\/1\.1 /g)).toHaveLength(1);
    expect(wire.output).toEndWith("hello");
    expect(records).toEqual(["200 5"]);
    expect(wire.state).toBe("closed");
  });

  test("rfc9112_9_6: a half-closed client still gets its answer", () => {
    const waiting: Exchange[] = [];
    const { wire } = stage((exchange) => void waiting.push(exchange));
    wire.send(GET);
    wire.halfClose();
    expect(wire.state).toBe("open");
    hello(waiting[0] as Exchange);
    expect(wire.output).toEndWith("hello");
    expect(wire.state).toBe("closed");
  });
});
