import { expect, test } from "bun:test";
import { WAITING_MAX } from "../../src/proxy/options.ts";
import { type Waiting, WaitingRoom } from "../../src/proxy/waiting-room.ts";
import { answering, OK, rig, startScripted } from "../support/scripted-upstream.ts";
import { freePort } from "../support/folder.ts";
import { until } from "../support/wait.ts";

/** One that comes back until it is let in. */
function make(room: WaitingRoom, waitMs = 60_000) {
  const one = {
    waitsUntilMs: performance.now() + waitMs,
    tries: 0,
    vain: 0,
    tryAgain: () => {
      one.tries++;
      room.enter(one);
    },
    waitedInVain: () => void one.vain++,
    route: undefined,
    brokenOff: () => room.leave(one),
  };
  expect(room.enter(one)).toBe(true);
  return one satisfies Waiting;
}

test("of many that wait the first finds out for all; a call is for all", async () => {
  const room = new WaitingRoom();
  const all = Array.from({ length: 10 }, () => make(room));
  const tries = () => all.reduce((sum, { tries: each }) => sum + each, 0);
  await until("some attempts", 5000, () => tries() >= 2);
  expect(all.slice(1).every((one) => one.tries === 0)).toBe(true);
  const before = tries();
  room.wake();
  room.wake();
  await Bun.sleep(0);
  await Bun.sleep(0);
  expect(tries() - before).toBeWithin(10, 12);
  for (const one of all) room.leave(one);
});

test("whoever waited too long is told, and nobody who left", async () => {
  const room = new WaitingRoom();
  const [one, other] = [make(room, 50), make(room, 50)];
  room.leave(other);
  await until("the end of its patience", 5000, () => one.vain === 1);
  expect([other.vain, other.tries]).toEqual([0, 0]);
});

test("it has so much room and no more", () => {
  const room = new WaitingRoom();
  const all = Array.from({ length: WAITING_MAX }, () => make(room));
  const late: Waiting = {
    waitsUntilMs: Infinity,
    tryAgain: () => {},
    waitedInVain: () => {},
    route: undefined,
    brokenOff: () => {},
  };
  expect(room.enter(late)).toBe(false);
  for (const one of all) room.leave(one);
});

test("a dead server is not asked without pause while requests wait for it, and all go through when it is back", async () => {
  const port = await freePort();
  const { ask, upstream } = rig([port], { waitMs: 10_000 });
  const begun = performance.now();
  const asked = Array.from({ length: 20 }, () => ask({ method: "POST" }));
  await Bun.sleep(500);
  // The first attempt of each, and about ten a second for all of them.
  const seconds = (performance.now() - begun) / 1000;
  expect(upstream.status().servers[0]?.failures).toBeWithin(20, 20 + 20 * seconds);
  const back = startScripted(answering(OK), port);
  for (const { reply } of await Promise.all(asked)) expect(reply.status).toBe(200);
  back.stop();
});
