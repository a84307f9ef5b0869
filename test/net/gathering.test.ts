import { afterEach, describe, expect, test } from "bun:test";
import { beginGathering, endGathering } from "../../src/net/gathering.ts";
import { Outbox } from "../../src/net/outbox.ts";
import { UpstreamConnection } from "../../src/proxy/connection.ts";
import { Peer } from "../../src/proxy/peer.ts";
import { ClientConnection } from "../../src/protocol/http1/client.ts";
import { DEFAULT_HEAD_LIMITS } from "../../src/protocol/http1/limits.ts";
import { hello, stage } from "../support/http1-stage.ts";
import { MemoryWire } from "../support/memory-wire.ts";

const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const ADDRESS = { kind: "tcp", host: "127.0.0.1", port: 1 } as const;
const REPLIES = /HTTP\/1\.1 200/g;

afterEach(endGathering);

function make(): { wire: MemoryWire; outbox: Outbox } {
  const wire = new MemoryWire();
  return { wire, outbox: new Outbox(wire) };
}

const soon = (outbox: Outbox, text: string) => outbox.writeSoon(Buffer.from(text), text.length);

describe("what is written soon", () => {
  test("is sent when the events are dealt with, and may be written over at once", () => {
    const { wire, outbox } = make();
    const scratch = Buffer.from("_abc_");
    beginGathering();
    expect(outbox.writeSoon(scratch, 3, 1)).toBe(true);
    scratch.fill("x");
    expect([wire.output, outbox.empty, outbox.taken, outbox.given]).toEqual(["", true, 0, 3]);
    endGathering();
    expect([wire.output, outbox.empty, outbox.taken, outbox.given]).toEqual(["abc", true, 3, 3]);
  });

  test("may be two, which follow each other", () => {
    const { wire, outbox } = make();
    const [head, content] = [Buffer.from("ab"), Buffer.from("cd")];
    beginGathering();
    expect(outbox.joinSoon(head, content)).toBe(true);
    head.fill("x");
    content.fill("x");
    expect([wire.output, outbox.given]).toEqual(["", 4]);
    soon(outbox, "e");
    expect(wire.output).toBe("abcd");
    expect(outbox.joinSoon(Buffer.alloc(4000, "x"), Buffer.alloc(97, "x"))).toBe(false);
    endGathering();
    expect(outbox.joinSoon(head, content)).toBe(false);
    expect(wire.output).toBe("abcde");
  });

  test("is never two behind what waits", () => {
    const { wire, outbox } = make();
    wire.room = 1;
    outbox.write(Buffer.from("abc"));
    beginGathering();
    expect(outbox.joinSoon(Buffer.from("d"), Buffer.from("e"))).toBe(false);
    expect(wire.output).toBe("a");
  });

  test("is written at once when no events are dealt with, and when it is large", () => {
    const { wire, outbox } = make();
    soon(outbox, "abc");
    expect(wire.take()).toBe("abc");
    beginGathering();
    soon(outbox, "x".repeat(100_000));
    expect(wire.take()).toHaveLength(100_000);
  });

  test("keeps its place before what is written behind it", () => {
    const { wire, outbox } = make();
    beginGathering();
    soon(outbox, "a");
    soon(outbox, "b");
    expect(wire.output).toBe("a");
    outbox.write(Buffer.from("c"));
    soon(outbox, "d");
    outbox.writeCopying(Buffer.from("e"), 1);
    soon(outbox, "f");
    outbox.offer(Buffer.from("g"), 0, 1);
    soon(outbox, "h");
    outbox.writeAhead(Buffer.from("i"));
    expect(wire.output).toBe("abcdefghi");
    endGathering();
    expect(wire.output).toBe("abcdefghi");
  });

  test("waits like anything else when the wire does not take it", () => {
    const { wire, outbox } = make();
    wire.room = 2;
    beginGathering();
    soon(outbox, "abc");
    endGathering();
    expect([wire.output, outbox.pending, outbox.empty]).toEqual(["ab", 1, false]);
    beginGathering();
    expect(soon(outbox, "d")).toBe(false);
    wire.room = 10;
    expect(outbox.flush()).toBe(true);
    endGathering();
    expect(wire.output).toBe("abcd");
  });

  test("goes before the wire is closed, and not at all when it is given up", () => {
    const { wire, outbox } = make();
    beginGathering();
    soon(outbox, "abc");
    expect([outbox.sent, wire.take()]).toEqual([true, "abc"]);
    soon(outbox, "def");
    outbox.clear();
    endGathering();
    expect([wire.output, outbox.given]).toEqual(["", 3]);
  });

  test("of many does not wait for all of them", () => {
    const all = Array.from({ length: 200 }, make);
    beginGathering();
    all.forEach(({ outbox }, i) => soon(outbox, String(i)));
    const early = all.filter(({ wire }) => wire.output !== "").length;
    expect([early > 0, early < 200]).toEqual([true, true]);
    endGathering();
    expect(all.map(({ wire }) => wire.output)).toEqual(all.map((_, i) => String(i)));
  });

  test("is not counted for what is counted from now on", () => {
    const { outbox } = make();
    beginGathering();
    soon(outbox, "abc");
    outbox.beginCount();
    expect(outbox.given).toBe(0);
    endGathering();
    soon(outbox, "de");
    expect([outbox.taken, outbox.given]).toEqual([2, 2]);
  });
});

describe("a session whose reply was to be sent soon", () => {
  test("answers the next request when there is room again", () => {
    const { wire } = stage(hello);
    wire.room = 10;
    beginGathering();
    wire.send(GET);
    endGathering();
    wire.send(GET);
    expect(wire.output.match(REPLIES)).toBeNull();
    wire.drain();
    expect(wire.output.match(REPLIES)).toHaveLength(2);
  });

  test("sends it before it closes", () => {
    const { wire, records } = stage(hello);
    beginGathering();
    wire.send(GET);
    wire.halfClose();
    expect([wire.state, records, wire.output.match(REPLIES)]).toEqual(["closed", ["200 5"], ["HTTP/1.1 200"]]);
  });
});

test("a request that was to be sent soon has not been seen by a server that is gone", () => {
  const peer = new Peer({ address: ADDRESS, weight: 1 }, ADDRESS, 8);
  const losses: string[] = [];
  const user = {
    route: undefined,
    connected: () => {},
    writable: () => {},
    readable: () => {},
    lentOver: () => {},
    lost: (kind: string) => losses.push(kind),
  };
  const owner = { connectionIdleEnded: () => {}, connectionClosed: () => {}, bug: () => {} };
  const timeouts = { connectTimeoutMs: 1000, sendTimeoutMs: 1000, readTimeoutMs: 1000 };
  const connection = new UpstreamConnection(peer, new ClientConnection(DEFAULT_HEAD_LIMITS), owner, timeouts, user, 0);
  const wire = new MemoryWire();
  wire.owner = connection;
  connection.connected(wire);
  connection.begin("POST");
  beginGathering();
  connection.writeCopying(Buffer.from("POST / HTTP/1.1\r\n\r\n"), 19);
  wire.owner.closed();
  endGathering();
  expect([losses, connection.bytesWritten, wire.output]).toEqual([["closed"], 0, ""]);
});
