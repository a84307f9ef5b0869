import { expect, test } from "bun:test";
import { SILENT } from "../../src/base/log.ts";
import { CountSketch, makeCountMemory } from "../../src/exchange/count-sketch.ts";
import { makeProxyHandler } from "../../src/proxy/handler.ts";
import { Occupancy } from "../../src/proxy/occupancy.ts";
import { Upstream } from "../../src/proxy/upstream.ts";
import { fakeExchange } from "../support/exchange.ts";
import { OK, type ScriptedServer, startScripted, UPSTREAM } from "../support/scripted-upstream.ts";
import { until, within } from "../support/wait.ts";

test("requests of a server are counted over all fronts, each server and upstream apart", () => {
  const memory = makeCountMemory(2);
  const [one, other] = [0, 1].map((front) => new Occupancy(new CountSketch(memory, front), "up")) as [
    Occupancy,
    Occupancy,
  ];
  const key = one.keyOf("127.0.0.1:1");
  one.add(key, 1);
  other.add(key, 1);
  expect([one.of(key), other.of(key)]).toEqual([2, 2]);
  expect(one.of(one.keyOf("127.0.0.1:2"))).toBe(0);
  expect(new Occupancy(new CountSketch(memory, 1), "else").keyOf("127.0.0.1:1")).not.toBe(key);
  // The second front died; its successor begins with nothing.
  expect(one.of(key)).toBe(1);
});

test("each front knows whether somebody waits in another", () => {
  const memory = makeCountMemory(2);
  const [one, other] = [0, 1].map((front) => new Occupancy(new CountSketch(memory, front), "up")) as [
    Occupancy,
    Occupancy,
  ];
  one.waiting = true;
  one.waiting = true;
  expect([one.othersWait, other.othersWait]).toEqual([false, true]);
  other.waiting = true;
  expect([one.othersWait, other.othersWait]).toEqual([true, true]);
  one.waiting = false;
  expect([one.othersWait, other.othersWait]).toEqual([true, false]);
});

/** Two fronts in one thread, with one server of which each may be at `connectionsMax` requests. */
function twoFronts(server: ScriptedServer, connectionsMax: number, waitMs: number) {
  const memory = makeCountMemory(2);
  const address = { kind: "tcp", host: "127.0.0.1", port: server.port } as const;
  return [0, 1].map((front) => {
    const options = { ...UPSTREAM, servers: [{ address, weight: 1, connectionsMax }], waitMs };
    const upstream = new Upstream({ ...options, readTimeoutMs: 30_000 }, SILENT, new CountSketch(memory, front));
    const handler = makeProxyHandler(upstream, { temporaryDirectory: "/tmp" });
    return () => {
      const made = fakeExchange({});
      handler(made.exchange);
      return made.reply;
    };
  }) as [() => ReturnType<typeof fakeExchange>["reply"], () => ReturnType<typeof fakeExchange>["reply"]];
}

const heads = (server: ScriptedServer) => server.visits.reduce((sum, visit) => sum + visit.heads, 0);

test("max_conns holds for all fronts together", async () => {
  const server = startScripted(() => {});
  const [one, other] = twoFronts(server, 2, 0);
  const first = one();
  const second = other();
  await until("both requests", 5000, () => heads(server) === 2);
  const refused = [one(), other()];
  for (const reply of refused) await within("a refusal", 5000, reply.over);
  expect(refused.map(({ status }) => status)).toEqual([503, 503]);
  for (const visit of server.visits) visit.send(OK);
  for (const reply of [first, second]) await within("a reply", 5000, reply.over);
  const next = other();
  await until("the next request", 5000, () => heads(server) === 3);
  server.visits.find((visit) => visit.heads === 2)?.send(OK);
  await within("a reply", 5000, next.over);
  expect([first.status, second.status, next.status]).toEqual([200, 200, 200]);
  server.stop();
});

test("requests that wait in several fronts for one server all have their turn", async () => {
  let underWay = 0;
  let most = 0;
  const server = startScripted((visit) => {
    if (visit.heads === 0) return;
    visit.text = "";
    most = Math.max(most, ++underWay);
    setTimeout(() => {
      underWay--;
      visit.send(OK);
    }, 2);
  });
  const [one, other] = twoFronts(server, 1, 30_000);
  const order: string[] = [];
  const asked = Array.from({ length: 40 }, (_, i) => {
    const reply = i < 20 ? one() : other();
    return reply.over.then(() => void order.push(`${i < 20 ? "one" : "other"} ${reply.status}`));
  });
  await within("all replies", 20_000, Promise.all(asked));
  expect(order.every((each) => each.endsWith("200"))).toBe(true);
  expect(most).toBe(1);
  // Neither had to wait until the other had nothing left.
  const first = (name: string) => order.slice(0, 20).filter((each) => each.startsWith(`${name} `)).length;
  expect(Math.min(first("one"), first("other"))).toBeGreaterThan(2);
  server.stop();
});
