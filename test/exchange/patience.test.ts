import { expect, test } from "bun:test";
import { liveMs } from "../../src/base/clock.ts";
import { waitFor, waitNoLonger } from "../../src/exchange/patience.ts";

function waiter() {
  const one = { sinceMs: liveMs(), inVain: 0, waitedInVain: () => void one.inVain++ };
  waitFor(one);
  return one;
}

test("whoever waits is told once; who waits no longer is not", async () => {
  const [first, second, third] = [waiter(), waiter(), waiter()];
  waitNoLonger(second);
  expect([first.inVain, third.inVain]).toEqual([0, 0]);
  await Bun.sleep(20);
  expect([first.inVain, second.inVain, third.inVain]).toEqual([1, 0, 1]);
  await Bun.sleep(10);
  expect([first.inVain, second.inVain, third.inVain]).toEqual([1, 0, 1]);
});

test("it is as patient with who begins later", async () => {
  const first = waiter();
  while (first.inVain === 0) {
    const late = waiter();
    await Bun.sleep(0);
    if (late.inVain === 1) expect(liveMs() - late.sinceMs).toBeGreaterThanOrEqual(1.9);
    waitNoLonger(late);
  }
});
