/** Active checks against servers that answer as they should, and those that do not; the clock is the test's. */
import { expect, test } from "bun:test";
import { answering, UPSTREAM, OK, rig, startScripted, type Visit } from "../support/scripted-upstream.ts";
import { Upstream } from "../../src/proxy/upstream.ts";
import { SILENT } from "../../src/base/log.ts";
import { until } from "../support/wait.ts";

const HEALTH = { path: "/up", intervalMs: 1000, timeoutMs: 500, statusMin: 200, statusMax: 299, rise: 2, fall: 2 };

/** Checks of one server, one after the other: what it is taken for after each. */
async function check(script: (visit: Visit) => void, times: number, step = 1000): Promise<string[]> {
  const server = startScripted(script);
  const { upstream } = rig([server.port], { health: HEALTH });
  const states: string[] = [];
  for (let i = 0; i < times; i++) {
    // The first is within the interval, at a moment that chance chooses.
    upstream.tick(i === 0 ? -1000 : i * step);
    upstream.tick(i * step);
    await until("the check", 5000, () => server.visits.length > i);
    await Bun.sleep(20);
    upstream.tick(i * step + 500);
    states.push(upstream.status().servers[0]?.state ?? "");
  }
  upstream.close();
  server.stop();
  return states;
}

test("a server is asked for the path, and is well with the statuses that are wanted", async () => {
  let seen = "";
  const states = await check((visit) => {
    seen = visit.text;
    visit.send(OK);
  }, 2);
  expect(states).toEqual(["ready", "ready"]);
  expect(seen).toStartWith("GET /up HTTP/1.1\r\nHost: 127.0.0.1:");
});

const bad: readonly (readonly [name: string, script: (visit: Visit) => void])[] = [
  ["another status", (visit) => visit.send("HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n")],
  ["rubbish", (visit) => visit.send("rubbish\r\n\r\n")],
  ["no answer", () => {}],
  ["a connection that is closed", (visit) => visit.wire.close()],
];
test.each(bad)("it is out after two checks in a row with %s", async (_, script) => {
  expect(await check(script, 2)).toEqual(["ready", "out"]);
});

test("one bad check is none, and it is back after two good ones", async () => {
  const answers = ["500 Oops", "200 OK", "500 Oops", "500 Oops", "200 OK", "200 OK"];
  const states = await check(
    (visit) => visit.send(`HTTP/1.1 ${answers[visit.number - 1]}\r\nContent-Length: 0\r\n\r\n`),
    6,
  );
  expect(states).toEqual(["ready", "ready", "ready", "out", "out", "ready"]);
});

test("a server that is not there is out, and status() says so", async () => {
  const servers = [{ address: { kind: "unix", path: "/nonexistent/x.sock" }, weight: 1 }] as const;
  const upstream = new Upstream({ ...UPSTREAM, servers, health: { ...HEALTH, fall: 1 } }, SILENT);
  upstream.tick(-1000);
  upstream.tick(0);
  await until("the verdict", 5000, () => upstream.status().servers[0]?.state === "out");
  expect(upstream.status()).toMatchObject({
    name: "test",
    servers: [{ address: "unix:/nonexistent/x.sock", active: 0 }],
  });
  upstream.close();
});

test("the interval is kept on the whole, though each sweep comes when it comes", async () => {
  const server = startScripted(answering(OK));
  const { upstream } = rig([server.port], { health: { ...HEALTH, intervalMs: 100 } });
  // Each a bit later than it should be, as those of a timer.
  let firstMs: number | undefined;
  for (let nowMs = 0; nowMs <= 3000; nowMs += 53) {
    upstream.tickBetween(nowMs);
    if (firstMs === undefined) {
      await Bun.sleep(30);
      if (server.visits.length === 1) firstMs = nowMs;
    }
    const wanted = firstMs === undefined ? 0 : 1 + Math.floor((nowMs - firstMs) / 100);
    await until("each check", 5000, () => server.visits.filter(({ state }) => state !== "open").length === wanted);
  }
  expect(server.visits.length).toBeGreaterThanOrEqual(28);
  upstream.close();
  server.stop();
});
