import { expect, test } from "bun:test";
import { FrontPulse, makePulseMemory, Pulse, STILL_LOOKS_MAX } from "../../src/exchange/pulse.ts";

test("a front that stands still for long enough is named once; one that counts, or is not there, never", () => {
  const memory = makePulseMemory(3);
  const [lively] = [0, 1, 2].map((front) => new FrontPulse(memory, front, 70 + front));
  const pulse = new Pulse(memory);
  const named: number[][] = [];
  for (let look = 0; look < STILL_LOOKS_MAX + 5; look++) {
    lively?.beat();
    named.push(pulse.look((front) => front !== 2));
  }
  expect(named.flat()).toEqual([1]);
  expect(named[STILL_LOOKS_MAX - 1]).toEqual([1]);
  expect([0, 1, 2].map((front) => pulse.epollOf(front))).toEqual([70, 71, 72]);
});

test("one turn in between begins the count anew", () => {
  const memory = makePulseMemory(1);
  const front = new FrontPulse(memory, 0, 7);
  const pulse = new Pulse(memory);
  const looks = (n: number) => Array.from({ length: n }, () => pulse.look(() => true)).flat();
  expect(looks(STILL_LOOKS_MAX - 1)).toEqual([]);
  front.beat();
  expect(looks(STILL_LOOKS_MAX)).toEqual([]);
  expect(looks(1)).toEqual([0]);
});
