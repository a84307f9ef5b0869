/** What is under way at an upstream that a reload has left, when its time is over. */
import { expect, test } from "bun:test";
import type { TunnelOptions } from "../../src/exchange/tunnel.ts";
import { makeProxyHandler } from "../../src/proxy/handler.ts";
import { fakeExchange } from "../support/exchange.ts";
import { freePort } from "../support/folder.ts";
import { OK, rig, startScripted, sweepFast } from "../support/scripted-upstream.ts";
import { until, within } from "../support/wait.ts";

const BEGUN = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n";

test.each([
  ["of unknown length", BEGUN, {}],
  ["of known length", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\none", {}],
  ["of a uwsgi server", "HTTP/1.1 200 OK\r\n\r\none", { protocol: "uwsgi" as const }],
])("a reply that has begun breaks visibly: %s", async (_, begun, options) => {
  const server = startScripted((visit) => visit.send(begun));
  const { upstream, request } = rig([server.port], options);
  const { reply } = request();
  await until("the first bytes", 5000, () => reply.text === "one");
  expect(upstream.breakOff()).toEqual({ requests: 1, tunnels: 0 });
  expect([reply.state, reply.aborted]).toEqual(["gone", expect.stringContaining("drain_timeout")]);
  await until("the end at the server", 5000, () => server.visits[0]?.state !== "open");
  expect([upstream.peers[0]?.active, upstream.peers[0]?.failures, upstream.close()]).toEqual([0, 0, true]);
  expect(upstream.breakOff()).toEqual({ requests: 0, tunnels: 0 });
  server.stop();
});

test("one that waits for its reply is answered 502, and goes to no other server", async () => {
  const servers = [startScripted(() => {}), startScripted(() => {})];
  const { upstream, request } = rig(servers.map(({ port }) => port));
  const { reply } = request();
  await until("the request", 5000, () => servers.some(({ visits }) => (visits[0]?.heads ?? 0) > 0));
  upstream.breakOff();
  expect(reply.status).toBe(502);
  expect(servers.flatMap(({ visits }) => visits)).toHaveLength(1);
  for (const each of servers) each.stop();
});

test("one whose body still comes in is answered 503, and what comes later goes nowhere", async () => {
  const server = startScripted(() => {});
  const { upstream } = rig([server.port]);
  const { exchange, reply, body } = fakeExchange({ method: "POST", body: [Buffer.from("late")] });
  body.pause();
  makeProxyHandler(upstream, { temporaryDirectory: "/tmp" })(exchange);
  expect(upstream.breakOff()).toEqual({ requests: 1, tunnels: 0 });
  expect(reply.status).toBe(503);
  body.resume();
  await Bun.sleep(50);
  expect([server.visits.length, upstream.breakOff().requests]).toEqual([0, 0]);
  server.stop();
});

test("a body that was slow and is here is not counted any more", async () => {
  const server = startScripted((visit) => visit.send(OK));
  const { upstream } = rig([server.port]);
  const { exchange, reply, body } = fakeExchange({ method: "POST", body: [Buffer.from("late")] });
  body.pause();
  makeProxyHandler(upstream, { temporaryDirectory: "/tmp" })(exchange);
  body.resume();
  await within("a reply", 5000, reply.over);
  // The connection is kept, and idle.
  expect([reply.text, upstream.breakOff().requests, upstream.peers[0]?.pool.size]).toEqual(["ok", 0, 1]);
  server.stop();
});

test("one that waits until a server can be asked is answered at once", async () => {
  const { upstream, request } = rig([await freePort()], { waitMs: 60_000 });
  const { reply } = request();
  await until("its place in the room", 5000, () => upstream.waiting.of(undefined).length === 1);
  expect(upstream.breakOff()).toEqual({ requests: 1, tunnels: 0 });
  expect([reply.status, upstream.waiting.of(undefined)]).toEqual([502, []]);
});

test("work that goes on without its client ends, too", async () => {
  const server = startScripted(() => {});
  const made = rig([server.port], { ignoreClientAbort: true });
  const { reply } = made.request();
  await until("the request", 5000, () => server.visits[0]?.heads === 1);
  reply.producer?.gone();
  expect(made.upstream.breakOff().requests).toBe(1);
  await until("the end at the server", 5000, () => server.visits[0]?.state !== "open");
  server.stop();
});

test("a tunnel is told to close; of a route only what came by it ends", async () => {
  const switches = "HTTP/1.1 101 Yes\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n";
  const server = startScripted((visit) => visit.send(switches));
  const { upstream } = rig([server.port]);
  const routes = [{}, {}] as const;
  const closed: number[] = [];
  const open = async (at: 0 | 1) => {
    const { exchange } = fakeExchange({ upgrade: "x" });
    let options: TunnelOptions | undefined;
    exchange.upgrader = {
      offered: false,
      upgrade: (_, __, given) => {
        options = given;
        return {
          close: () => {
            closed.push(at);
            given.over("stopped");
          },
        };
      },
    };
    makeProxyHandler(upstream, { temporaryDirectory: "/tmp", identity: routes[at] })(exchange);
    await until("a tunnel", 5000, () => options);
  };
  await open(0);
  await open(1);
  expect([upstream.isUsedBy(routes[0]), upstream.isUsedBy({})]).toEqual([true, false]);
  expect(upstream.breakOff(routes[1])).toEqual({ requests: 0, tunnels: 1 });
  expect([closed, upstream.isUsedBy(routes[1])]).toEqual([[1], false]);
  expect(upstream.breakOff()).toEqual({ requests: 0, tunnels: 1 });
  expect([closed, upstream.close()]).toEqual([[1, 0], true]);
  server.stop();
});

test("a transaction that served before is broken off like any other", async () => {
  const server = startScripted((visit) => {
    if (visit.heads === 1) visit.send(OK);
  });
  const made = rig([server.port]);
  const sweep = sweepFast(made);
  expect((await made.ask()).reply.text).toBe("ok");
  const { reply } = made.request();
  await until("the second request", 5000, () => server.visits[0]?.heads === 2);
  expect(made.upstream.breakOff().requests).toBe(1);
  expect(reply.status).toBe(502);
  clearInterval(sweep);
  server.stop();
});
