import { describe, expect, test } from "bun:test";
import { monotonicMs } from "../../src/base/clock.ts";
import { LINGER_MS, RECEIVE_BYTES_MAX } from "../../src/front/options.ts";
import { uwsgiPacket } from "../support/uwsgi-packet.ts";
import { echo, hello, post, stage, waiting } from "../support/uwsgi-stage.ts";

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
