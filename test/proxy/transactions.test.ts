/** Transactions serve one request after the other, and never one of which somebody else still knows. */
import { expect, test } from "bun:test";
import { answering, OK, once, rig, startScripted } from "../support/scripted-upstream.ts";
import { freePort } from "../support/folder.ts";

test("the next request is served by the one that is over", async () => {
  const server = startScripted(answering(OK));
  const { request } = rig([server.port]);
  const first = request();
  const { producer } = first.reply;
  await first.reply.over;
  for (let i = 0; i < 3; i++) {
    const next = request({ target: `/${i}` });
    expect(next.reply.producer === producer).toBe(true);
    await next.reply.over;
    expect([next.reply.status, next.reply.text, next.exchange.upstreamAttempts?.length]).toEqual([200, "ok", 1]);
  }
  expect(producer).toBeDefined();
  server.stop();
});

test("those under way have one each", async () => {
  const server = startScripted(answering(OK));
  const { request } = rig([server.port]);
  const both = [request(), request()];
  expect(both[0]?.reply.producer === both[1]?.reply.producer).toBe(false);
  for (const { reply } of both) await reply.over;
  expect(both.map(({ reply }) => reply.text)).toEqual(["ok", "ok"]);
  server.stop();
});

test("one whose reply may still tell it something is not taken", async () => {
  const server = startScripted(answering(OK));
  const { request } = rig([server.port]);
  const first = request();
  const { producer } = first.reply;
  Object.defineProperty(first.reply, "producer", { get: () => producer, set: () => {} });
  await first.reply.over;
  const next = request();
  expect(next.reply.producer === producer).toBe(false);
  await next.reply.over;
  server.stop();
});

test("nor one that asked two servers, or whose reply was a stream or was broken off", async () => {
  const wires = [OK, "HTTP/1.1 200 OK\r\n\r\nuntil the end", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nnot all"];
  for (const wire of wires) {
    const server = startScripted(
      once((visit) => {
        visit.send(wire);
        if (wire !== OK) visit.wire.close();
      }),
    );
    const { request } = rig(wire === OK ? [await freePort(), server.port] : [server.port]);
    const first = request();
    const { producer } = first.reply;
    await first.reply.over;
    const next = request();
    expect(next.reply.producer === producer).toBe(false);
    server.stop();
    await next.reply.over;
  }
});
