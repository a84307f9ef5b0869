import { expect, test } from "bun:test";
import { oldest, passedOver, timeOut } from "../../src/apps/deadlines.ts";
import type { AppRequest } from "../../src/apps/request.ts";
import type { Running } from "../../src/apps/scoreboard.ts";

class Asked {
  missed = false;
  ranMs: number | undefined;
  readonly id: number;
  readonly queuedMs: number;
  readonly state: AppRequest["state"];

  constructor(id: number, queuedMs: number, state: AppRequest["state"] = "sent") {
    this.id = id;
    this.queuedMs = queuedMs;
    this.state = state;
  }

  timedOut(ranMs: number): void {
    this.ranMs = ranMs;
  }
}

function board(...slots: (readonly [id: number, begunMs: number | undefined])[]): Map<number, Running> {
  const fixed = { front: 0, limitMs: 500, ownDeadlineMs: undefined };
  return new Map(slots.map(([id, begunMs]) => [id, { ...fixed, id, begunMs }]));
}

test("what has run for longer than it may is answered; what was only taken waits", () => {
  const [long, short, taken] = [new Asked(1, 0), new Asked(2, 0), new Asked(3, 0)];
  const sent = new Map([long, short, taken].map((each) => [each.id, each]));
  timeOut(sent, board([1, 1000], [2, 1200], [3, undefined], [4, 0]), 1600);
  expect([long, short, taken].map(({ ranMs }) => ranMs)).toEqual([600, undefined, undefined]);
});

test("passed over is what came early and has not begun, be it in no slot or taken", () => {
  const asked = [new Asked(1, 10), new Asked(2, 10), new Asked(3, 10), new Asked(4, 99), new Asked(5, 10, "discarded")];
  const begun = asked[1] as Asked;
  begun.missed = true;
  const found = [...passedOver(asked, board([2, 500], [3, undefined]), 50)];
  expect(found.map(({ id }) => id)).toEqual([1, 3]);
  expect(begun.missed).toBe(false);
});

test("the oldest that waits is the first sent that has not begun, else the first of the list", () => {
  const sent = [new Asked(1, 10), new Asked(2, 20, "replying"), new Asked(3, 30)];
  const list = [new Asked(0, 40, "waiting")];
  expect(oldest(sent, list, board([1, 500]))).toBe(sent[2] as Asked);
  expect(oldest(sent, list, board([1, undefined]))).toBe(sent[0] as Asked);
  expect(oldest(sent, list, board([1, 500], [3, 500]))).toBe(list[0] as Asked);
  expect(oldest<Asked>([], [], board())).toBeUndefined();
});
