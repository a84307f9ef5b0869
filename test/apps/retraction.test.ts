import { expect, test } from "bun:test";
import type { AppRequest } from "../../src/apps/request.ts";
import { retract } from "../../src/apps/retraction.ts";
import type { SeenRunning } from "../../src/apps/scoreboard.ts";

const NOW = 10_000;

function asked(id: number, sentMs: number, state: AppRequest["state"] = "sent") {
  return { id, sentMs, state, retracted: false };
}

function taken(slot: number, id: number, begunMs?: number): [number, SeenRunning] {
  return [id, { slot, id, front: 0, begunMs, limitMs: 0, ownDeadlineMs: undefined }];
}

/** Slots of which one process has those below 10. */
class Board {
  isIdleBeside = true;
  readonly told = new Map<number, number>();

  retract(slot: number, id: number): "before" | "now" {
    const before = this.told.get(slot);
    this.told.set(slot, id);
    return before === id ? "before" : "now";
  }

  hasIdleBeside(): boolean {
    return this.isIdleBeside;
  }
}

function look(board: Board, requests: readonly ReturnType<typeof asked>[], slots: [number, SeenRunning][]) {
  const sent = new Map(requests.map((each) => [each.id, each]));
  const { free, isUnderWay } = retract(sent, new Map(slots), board, NOW);
  return { free: free.map(({ id }) => id), isUnderWay };
}

test("what a thread does not come to is told to it, and free at the next look", () => {
  const board = new Board();
  const request = asked(1, NOW - 100);
  expect(look(board, [request], [taken(3, 1)])).toEqual({ free: [], isUnderWay: true });
  expect([...board.told]).toEqual([[3, 1]]);
  expect(request.retracted).toBe(true);
  expect(look(board, [request], [taken(3, 1)])).toEqual({ free: [1], isUnderWay: false });
});

test("one that was begun in between runs, and one that was finished is gone", () => {
  const board = new Board();
  const requests = [asked(1, 0), asked(2, 0)];
  expect(look(board, requests, [taken(3, 1), taken(4, 2)])).toEqual({ free: [], isUnderWay: true });
  expect(look(board, requests, [taken(3, 1, NOW)])).toEqual({ free: [], isUnderWay: false });
});

test("one of whose slot another front has spoken in between is told once more", () => {
  const board = new Board();
  const request = asked(1, 0);
  look(board, [request], [taken(3, 1)]);
  board.told.set(3, 77);
  expect(look(board, [request], [taken(3, 1)])).toEqual({ free: [], isUnderWay: true });
  expect(look(board, [request], [taken(3, 1)])).toEqual({ free: [1], isUnderWay: false });
});

test("it stays where it is while no other thread is idle, when it has just been sent, or is not waited for", () => {
  const board = new Board();
  const none = { free: [], isUnderWay: false };
  expect(look(board, [asked(1, NOW - 99), asked(2, 0, "discarded")], [taken(3, 1), taken(4, 2)])).toEqual(none);
  expect(look(board, [], [taken(3, 1)])).toEqual(none);
  board.isIdleBeside = false;
  expect(look(board, [asked(1, 0)], [taken(3, 1)])).toEqual(none);
  expect(board.told.size).toBe(0);
});
