/** Bodies that go on as they come. */
import { expect, test } from "bun:test";
import { tmpdir } from "node:os";
import { makeProxyHandler } from "../../src/proxy/handler.ts";
import { LENGTH_UNKNOWN } from "../../src/protocol/http/message.ts";
import { fakeExchange } from "../support/exchange.ts";
import { against, answering, OK, once, rig, startScripted, type Visit } from "../support/scripted-upstream.ts";
import { until } from "../support/wait.ts";

const options = { requestBuffering: false };
const CHUNKS = ["one", "two", "three"].map((text) => Buffer.from(text));

test("a length that is known is announced, one that is not is chunked", async () => {
  for (const [bodyLength, framing, content] of [
    [11, "Content-Length: 11", "onetwothree"],
    [LENGTH_UNKNOWN, "Transfer-Encoding: chunked", "3\r\none\r\n3\r\ntwo\r\n5\r\nthree\r\n0\r\n\r\n"],
  ] as const) {
    let seen = "";
    const script = (visit: Visit) => {
      seen = visit.text;
      if (seen.endsWith(content)) visit.send(OK);
    };
    const { reply } = await against(script, { method: "POST", body: CHUNKS, bodyLength }, { options });
    expect(reply.text).toBe("ok");
    expect(seen).toContain(`\r\n${framing}\r\n`);
    expect(seen.slice(seen.indexOf("\r\n\r\n") + 4)).toBe(content);
  }
});

test("the client is held back while the server does not take it", async () => {
  const server = startScripted((visit) => visit.wire.pause());
  const body = Array.from({ length: 1024 }, () => Buffer.alloc(64 * 1024));
  const { reply } = rig([server.port], options).request({ method: "POST", body });
  await until("the connection", 5000, () => server.visits.length === 1);
  await Bun.sleep(100);
  expect(reply.state).toBe("waiting");
  server.stop();
  await reply.over;
  expect(reply.status).toBe(502);
});

test("an early reply is given while the upload still runs, and the connection is not used again", async () => {
  const early = "HTTP/1.1 413 Too Large\r\nContent-Length: 5\r\n\r\nlarge";
  const server = startScripted(
    once((visit) => {
      visit.wire.pause();
      visit.send(early);
    }),
  );
  const { ask } = rig([server.port], options);
  const body = Array.from({ length: 1024 }, () => Buffer.alloc(64 * 1024));
  const { reply } = await ask({ method: "POST", body });
  expect([reply.status, reply.text]).toEqual([413, "large"]);
  await ask({ method: "POST", body: [] });
  expect(server.visits).toHaveLength(2);
  server.stop();
});

test("a body that has begun is not sent to another server, whatever the method", async () => {
  const bad = startScripted(once((visit) => visit.wire.close()));
  const good = startScripted(answering(OK));
  const { ask } = rig([bad.port, good.port], options);
  expect((await ask({ method: "PUT", body: CHUNKS })).reply.status).toBe(502);
  expect(good.visits).toHaveLength(0);
  bad.stop();
  good.stop();
});

test("an upload that breaks off ends the request", async () => {
  const server = startScripted(() => {});
  rig([server.port], options).request({ method: "POST", body: CHUNKS, bodyLength: 99, bodyFailure: "aborted" });
  await until(
    "the end of the connection",
    5000,
    () => server.visits[0] !== undefined && server.visits[0].state !== "open",
  );
  server.stop();
});

test("a body that is announced as larger than it may be is refused before a server is asked", () => {
  const { upstream } = rig([1], options);
  const { exchange, reply } = fakeExchange({ method: "POST", body: CHUNKS });
  exchange.bodyBytesMax = 10;
  makeProxyHandler(upstream, { temporaryDirectory: tmpdir() })(exchange);
  expect(reply.status).toBe(413);
});
