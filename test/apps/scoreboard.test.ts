import { expect, test } from "bun:test";
import { openSync, writeSync } from "node:fs";
import { FRAME_OFFSET, Scoreboard, ScoreboardView, SLOT_BYTES } from "../../src/apps/scoreboard.ts";

test("a slot shows what another process wrote into the file, and nothing once it is cleared", () => {
  const board = new Scoreboard(3, "/tmp");
  const slot = Buffer.alloc(FRAME_OFFSET + 8);
  slot.writeUInt32LE(4711, 0);
  slot.writeDoubleLE(12.5, 8);
  slot.writeBigUInt64LE(99n, 16);
  slot.writeUInt32LE(0xfffffffe, FRAME_OFFSET);
  slot[FRAME_OFFSET + 4] = 7;
  writeSync(board.fd, slot, 0, slot.length, SLOT_BYTES);
  const running = { id: 0xfffffffe, front: 7 };
  expect(board.read(1)).toEqual({ pid: 4711, sinceMs: 12_500, handled: 99, running });
  expect(board.running(0)).toBeUndefined();
  expect(board.running(2)).toBeUndefined();
  const seen = new ScoreboardView(openSync(`/proc/self/fd/${board.fd}`, "r+"));
  expect(seen.running().has(0xfffffffe)).toBe(true);
  expect(board.handled([0, 1])).toBe(99);
  board.clear(1);
  expect(seen.running().has(0xfffffffe)).toBe(false);
  expect(board.read(1)).toEqual({ pid: 0, sinceMs: 0, handled: 0, running: undefined });
  board.close();
});
