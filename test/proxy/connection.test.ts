/** Deadlines and the end of connections, over real sockets and a clock that runs ten times as fast. */
import { describe, expect, test } from "bun:test";
import { SILENT } from "../../src/base/log.ts";
import { ClientConnection } from "../../src/protocol/http1/client.ts";
import { DEFAULT_HEAD_LIMITS } from "../../src/protocol/http1/limits.ts";
import { UpstreamConnection } from "../../src/proxy/connection.ts";
import type { Peer } from "../../src/proxy/peer.ts";
import { settle } from "../../src/proxy/settled.ts";
import { Transaction } from "../../src/proxy/transaction.ts";
import { fakeExchange } from "../support/exchange.ts";
import {
  against,
  answering,
  OK,
  once,
  rig,
  sendSlowly,
  startScripted,
  sweepFast,
  type Visit,
} from "../support/scripted-upstream.ts";
import { MemoryWire } from "../support/memory-wire.ts";
import { until } from "../support/wait.ts";

/** Asked again and again: has nothing more been taken for so many times? A timer may be due twice before a busy machine lets
 *  the sockets have their turn, so that the same number twice says nothing. */
function stalled(visit: Visit): () => boolean {
  let before = 0;
  let times = 0;
  return () => {
    times = visit.unsent > 0 && visit.unsent === before ? times + 1 : 0;
    before = visit.unsent;
    return times >= 20;
  };
}

describe("deadlines", () => {
  test("a reply that is held back for a slow client has none", async () => {
    const server = startScripted(once((visit) => visit.send("HTTP/1.1 200 OK\r\n\r\n")));
    const { exchange, reply } = fakeExchange();
    const { upstream } = rig([server.port]);
    const log = SILENT;
    // As if the disk were full: nothing but back-pressure is left.
    const transaction = new Transaction(
      exchange,
      upstream,
      settle({ temporaryDirectory: "/nonexistent" }, upstream.options, log),
    );
    reply.full = true;
    transaction.begin();
    await until("the head", 5000, () => reply.state === "started");
    const visit = server.visits[0] as Visit;
    for (let i = 0; i < 16; i++) visit.send(Buffer.alloc(1024 * 1024, i));
    await until("a pause", 20_000, stalled(visit));
    for (let nowMs = 0; nowMs < 100_000; nowMs += 100) upstream.tick(nowMs);
    const feeding = setInterval(() => reply.drain(), 1);
    await until("all of it", 10_000, () => visit.unsent === 0);
    visit.wire.close();
    await reply.over;
    clearInterval(feeding);
    expect([reply.aborted, reply.content.length]).toEqual([undefined, 16 * 1024 * 1024]);
    server.stop();
  });

  test("a server that never answers is a 504", async () => {
    const { reply, visits } = await against(() => {});
    expect(reply.status).toBe(504);
    await until("the end of the connection", 5000, () => visits[0]?.state !== "open");
  });

  test("one that stops within its reply is cut off", async () => {
    const { reply } = await against(once((visit) => visit.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nsome")));
    expect([reply.status, reply.text, reply.state]).toEqual([200, "some", "gone"]);
  });

  test("one that takes no more of a body is a 504", async () => {
    const server = startScripted((visit) => visit.wire.pause());
    const made = rig([server.port]);
    const sweep = sweepFast(made);
    const body = Array.from({ length: 256 }, () => Buffer.alloc(64 * 1024));
    const { reply } = await made.ask({ method: "PUT", body });
    clearInterval(sweep);
    expect(reply.status).toBe(504);
    server.stop();
  });

  test("a slow one that goes on is waited for", async () => {
    const server = startScripted(once((visit) => void sendSlowly(visit, OK)));
    const made = rig([server.port]);
    let nowMs = 0;
    // Between two sweeps there is always a byte.
    const sweep = setInterval(() => made.upstream.tick((nowMs += 900)), 50);
    expect((await made.ask()).reply.text).toBe("ok");
    clearInterval(sweep);
    server.stop();
  });
});

describe("the client leaves", () => {
  test("while the reply is awaited: the upstream's connection is closed", async () => {
    const server = startScripted(() => {});
    const { request } = rig([server.port]);
    const { reply } = request();
    await until("the request", 5000, () => server.visits[0]?.heads === 1);
    reply.leave();
    await until("the end of the connection", 5000, () => server.visits[0]?.state !== "open");
    server.stop();
  });

  test("within the reply", async () => {
    const server = startScripted(once((visit) => visit.send("HTTP/1.1 200 OK\r\n\r\nsome")));
    const { request } = rig([server.port]);
    const { reply } = request();
    await until("the first bytes", 5000, () => reply.text === "some");
    reply.leave();
    await until("the end of the connection", 5000, () => server.visits[0]?.state !== "open");
    server.stop();
  });

  test("before there is a connection", async () => {
    const server = startScripted(answering(OK));
    const { request, ask } = rig([server.port]);
    request().reply.leave();
    expect((await ask()).reply.text).toBe("ok");
    server.stop();
  });
});

test("a server that breaks the connection is heard out (what that is: net/polled-edges.test.ts)", () => {
  const server = startScripted(() => {});
  const { upstream } = rig([server.port]);
  const user = { route: undefined, connected() {}, writable() {}, readable() {}, lentOver() {}, lost() {} };
  const connection = upstream.connect(upstream.peers[0] as Peer, user);
  expect(connection.hearsOut).toBe(true);
  connection.discard();
  server.stop();
});

test("a connection that is kept carries messages from then on, one that serves a single request does not", () => {
  const parser = new ClientConnection(DEFAULT_HEAD_LIMITS);
  const user = { route: undefined, connected() {}, writable() {}, readable() {}, lentOver() {}, lost() {} };
  const owner = { connectionIdleEnded() {}, connectionClosed() {}, bug() {} };
  const timeouts = { connectTimeoutMs: 1000, sendTimeoutMs: 1000, readTimeoutMs: 1000 };
  const connection = new UpstreamConnection({} as Peer, parser, owner, timeouts, user, 0);
  const wire = new MemoryWire();
  connection.connected(wire);
  connection.begin("GET");
  connection.requestWritten();
  connection.received(Buffer.from(OK));
  expect(wire.carriesMessages).toBe(false);
  connection.idle(1000);
  expect(wire.carriesMessages).toBe(true);
});
