import { expect, test } from "bun:test";
import { liveMs } from "../../src/base/clock.ts";
import { isThreadBusy } from "../../src/os/thread-load.ts";
import { until } from "../support/wait.ts";

const WAIT_MS = 20_000;

test("a thread that works all the time is busy, and one that sleeps is not", async () => {
  const endMs = liveMs() + WAIT_MS;
  // The first look is at all of its life.
  while (!isThreadBusy()) expect(liveMs()).toBeLessThan(endMs);
  await until("idleness", WAIT_MS, async () => {
    await Bun.sleep(50);
    return !isThreadBusy();
  });
});
