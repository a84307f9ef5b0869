import { expect, test } from "bun:test";
import { makeLog } from "../../src/base/log.ts";
import { UpstreamDrain } from "../../src/front/upstream-drain.ts";
import { rig, startScripted } from "../support/scripted-upstream.ts";
import { until } from "../support/wait.ts";

const HOUR = 3_600_000;

/** An upstream with a request that waits for its reply. */
async function waiting() {
  const server = startScripted(() => {});
  const lines: string[] = [];
  const log = makeLog("test", { level: "info" }, (line) => void lines.push(line));
  const identity = {};
  const { upstream, request } = rig([server.port], {}, log, { identity });
  const { reply } = request();
  await until("the request", 5000, () => server.visits[0]?.heads === 1);
  return { upstream, reply, lines, identity, stop: () => server.stop() };
}

test.each(["its settings", "their route to it"])("what is under way goes on until the bound: %s", async (what) => {
  const { upstream, reply, lines, identity, stop } = await waiting();
  const drain = new UpstreamDrain(upstream, what === "its settings" ? undefined : identity, HOUR, 1000);
  drain.look(1000 + HOUR - 1);
  expect([reply.state, drain.isOver, lines]).toEqual(["waiting", false, []]);
  drain.look(1000 + HOUR);
  drain.look(1000 + HOUR + 500);
  expect([reply.status, drain.isOver]).toEqual([502, true]);
  const said = `upstream test: broken off (drain_timeout), 1h after a reload changed or removed ${what}: requests: 1, tunnels: 0`;
  expect(lines).toEqual([expect.stringContaining(said)]);
  stop();
});

test("what came by another route is not touched, and 0 means at once", async () => {
  const { upstream, reply, identity, stop } = await waiting();
  const other = new UpstreamDrain(upstream, {}, 0, 1000);
  other.look(1000);
  expect([reply.state, other.isOver]).toEqual(["waiting", true]);
  new UpstreamDrain(upstream, identity, 0, 1000).look(1000);
  expect(reply.status).toBe(502);
  stop();
});
