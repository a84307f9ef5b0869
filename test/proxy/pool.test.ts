import { describe, expect, test } from "bun:test";
import { KEEPALIVE_TIMEOUT_MS as IDLE_TIMEOUT_MS } from "../../src/proxy/options.ts";
import { idleTimeoutMs } from "../../src/proxy/pool.ts";
import { until } from "../support/wait.ts";
import { answering, OK, rig, startScripted } from "../support/scripted-upstream.ts";

describe("how long a connection may be idle", () => {
  const cases: readonly (readonly [keepAlive: string | undefined, ms: number])[] = [
    [undefined, IDLE_TIMEOUT_MS],
    ["timeout=5", 4000],
    ["timeout=5, max=100", 4000],
    ["max=100, timeout=5", 4000],
    ["timeout=1", 0],
    ["timeout=0", 0],
    ["timeout=900", IDLE_TIMEOUT_MS],
    ["nonsense", IDLE_TIMEOUT_MS],
  ];
  test.each(cases)("Keep-Alive: %s means %d ms", (keepAlive, ms) =>
    expect(idleTimeoutMs(keepAlive, IDLE_TIMEOUT_MS)).toBe(ms),
  );
});

test("requests one after the other share a connection", async () => {
  const server = startScripted(answering(OK));
  const { ask, upstream } = rig([server.port]);
  for (let i = 0; i < 5; i++) expect((await ask()).reply.text).toBe("ok");
  expect(server.visits).toHaveLength(1);
  upstream.close();
  await until("the end of the idle connection", 5000, () => server.visits[0]?.state !== "open");
  server.stop();
});

test("requests at once have a connection each, and no more are kept than allowed", async () => {
  const server = startScripted(answering(OK));
  const { ask, upstream } = rig([server.port], { keepalive: 2 });
  await Promise.all(Array.from({ length: 6 }, () => ask()));
  expect(server.visits).toHaveLength(6);
  await until(
    "the end of four of them",
    5000,
    () => server.visits.filter((visit) => visit.state === "open").length === 2,
  );
  upstream.close();
  server.stop();
});

test("a connection serves as many requests as it may, and is then closed", async () => {
  const server = startScripted(answering(OK));
  const { ask } = rig([server.port], { keepaliveRequests: 2 });
  for (let i = 0; i < 5; i++) expect((await ask()).reply.text).toBe("ok");
  expect(server.visits).toHaveLength(3);
  server.stop();
});

test("a connection that has reached its age is not kept", async () => {
  const server = startScripted(answering(OK));
  const { ask, upstream } = rig([server.port], { keepaliveAgeMs: 20_000 });
  await ask();
  upstream.tick(performance.now() + 10_000);
  await ask();
  expect(server.visits).toHaveLength(1);
  upstream.tick(performance.now() + 30_000);
  await ask();
  await ask();
  expect(server.visits).toHaveLength(2);
  server.stop();
});

test("without keepalive each request has its own connection, and says so", async () => {
  const seen: string[] = [];
  const server = startScripted((visit) => {
    seen.push(visit.text);
    visit.send(OK);
  });
  const { ask } = rig([server.port], { keepalive: 0 });
  for (let i = 0; i < 3; i++) expect((await ask()).reply.status).toBe(200);
  expect(server.visits).toHaveLength(3);
  expect(seen[0]).toContain("\r\nConnection: close\r\n");
  server.stop();
});

describe("a connection is not kept", () => {
  const replies: readonly (readonly [name: string, reply: string])[] = [
    ["when its reply says close", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"],
    ["when its reply is HTTP/1.0", "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok"],
    ["when bytes follow its reply", `${OK}HTTP/1.1 200 OK\r\n`],
    ["when its server closes it within a second", OK.replace("\r\n\r\n", "\r\nKeep-Alive: timeout=1\r\n\r\n")],
  ];
  test.each(replies)("%s", async (_, reply) => {
    const server = startScripted(answering(reply));
    const { ask } = rig([server.port]);
    expect((await ask()).reply.text).toBe("ok");
    expect((await ask()).reply.text).toBe("ok");
    expect(server.visits).toHaveLength(2);
    server.stop();
  });

  test("when bytes come while it is idle: they answer nothing", async () => {
    const server = startScripted(answering(OK));
    const { ask } = rig([server.port]);
    await ask();
    server.visits[0]?.send("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison");
    await until("the end of the connection", 5000, () => server.visits[0]?.state !== "open");
    expect((await ask()).reply.text).toBe("ok");
    expect(server.visits).toHaveLength(2);
    server.stop();
  });

  test("when it has been idle too long", async () => {
    const server = startScripted(answering(OK));
    const { ask, upstream } = rig([server.port]);
    await ask();
    for (const nowMs of [0, 1, IDLE_TIMEOUT_MS]) upstream.tick(nowMs);
    expect(server.visits[0]?.state).toBe("open");
    upstream.tick(IDLE_TIMEOUT_MS + 1);
    await until("the end of the connection", 5000, () => server.visits[0]?.state !== "open");
    server.stop();
  });
});

test("a request that must not run twice gets no connection that has been idle for a while", async () => {
  const server = startScripted(answering(OK));
  const { ask, upstream } = rig([server.port]);
  await ask();
  await ask({ method: "POST" });
  expect(server.visits).toHaveLength(1);
  upstream.tick(1);
  await ask({ method: "POST" });
  expect(server.visits).toHaveLength(2);
  await ask();
  expect(server.visits).toHaveLength(2);
  server.stop();
});
