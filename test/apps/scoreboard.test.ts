import { expect, test } from "bun:test";
import { openSync, readSync, writeSync } from "node:fs";
import { ABANDONED_OFFSET, FRAME_OFFSET, Scoreboard, ScoreboardView, SLOT_BYTES } from "../../src/apps/scoreboard.ts";

test("a slot shows what another process wrote into the file, and nothing once it is cleared", () => {
  const board = new Scoreboard(3, "/tmp");
  const slot = Buffer.alloc(FRAME_OFFSET + 28);
  slot.writeUInt32LE(4711, 0);
  slot.writeDoubleLE(12.5, 8);
  slot.writeBigUInt64LE(99n, 16);
  slot.writeBigUInt64LE(0x7f3a00001740n, 40);
  slot.writeUInt32LE(0xfffffffe, FRAME_OFFSET);
  slot[FRAME_OFFSET + 4] = 7;
  slot.writeUInt32LE(30_000, FRAME_OFFSET + 24);
  const write = () => writeSync(board.fd, slot, 0, slot.length, SLOT_BYTES);
  write();
  const taken = { id: 0xfffffffe, front: 7, begunMs: undefined, limitMs: 30_000, ownDeadlineMs: undefined };
  expect(board.read(1)).toEqual({ pid: 4711, sinceMs: 12_500, handled: 99, running: taken });
  expect(board.thread(1)).toBe("7f3a00001740");
  expect(board.running(0)).toBeUndefined();
  expect(board.running(2)).toBeUndefined();
  const seen = new ScoreboardView(openSync(`/proc/self/fd/${board.fd}`, "r+"));
  expect([...seen.running(7)]).toEqual([[taken.id, { ...taken, slot: 1 }]]);
  expect(seen.running(6).size).toBe(0);
  // The thread has noted when it began, and the application a deadline; those of another request count for nothing.
  slot.writeUInt32LE(0xfffffffe, 4);
  slot.writeDoubleLE(20, 24);
  slot.writeUInt32LE(1, 32);
  write();
  expect(seen.running(7).get(taken.id)).toEqual({ ...taken, slot: 1, begunMs: 12_500 });
  slot.writeUInt32LE(0xfffffffe, 32);
  write();
  expect(board.running(1)).toEqual({ ...taken, begunMs: 12_500, ownDeadlineMs: 20_000 });
  expect(board.handled([0, 1])).toBe(99);
  board.clear(1);
  expect(seen.running(7).size).toBe(0);
  expect(board.read(1)).toEqual({ pid: 0, sinceMs: 0, handled: 0, running: undefined });
  board.close();
});

test("a thread is told to leave its request, once, and only while it has it; idle threads are those of others", () => {
  const board = new Scoreboard(3, "/tmp");
  const seen = new ScoreboardView(openSync(`/proc/self/fd/${board.fd}`, "r+"));
  const write = (slot: number, pid: number, id: number) => {
    const bytes = Buffer.alloc(FRAME_OFFSET + 5);
    bytes.writeUInt32LE(pid, 0);
    bytes.writeUInt32LE(id, FRAME_OFFSET);
    writeSync(board.fd, bytes, 0, bytes.length, slot * SLOT_BYTES);
  };
  const told = (slot: number) => {
    const word = Buffer.alloc(4);
    readSync(board.fd, word, 0, 4, slot * SLOT_BYTES + 48);
    return word.readUInt32LE();
  };
  write(1, 100, 0xfffffff0);
  expect(seen.hasIdleBeside(1)).toBe(false);
  expect(seen.retract(1, 7)).toBe("gone");
  expect([seen.retract(1, 0xfffffff0), seen.retract(1, 0xfffffff0)]).toEqual(["now", "before"]);
  expect([told(0), told(1), told(2)]).toEqual([0, 0xfffffff0, 0]);
  write(2, 100, 0);
  expect(seen.hasIdleBeside(1)).toBe(false);
  write(2, 101, 9);
  expect(seen.hasIdleBeside(1)).toBe(false);
  write(2, 101, 0);
  expect(seen.hasIdleBeside(1)).toBe(true);
  board.clear(1);
  expect(told(1)).toBe(0);
  board.close();
});

test("abandoned requests stand where no other front has the same id, until they are over", () => {
  const board = new Scoreboard(1, "/tmp");
  const seen = new ScoreboardView(openSync(`/proc/self/fd/${board.fd}`, "r+"));
  const ids = () => {
    const bytes = Buffer.alloc(SLOT_BYTES - ABANDONED_OFFSET);
    readSync(board.fd, bytes, 0, bytes.length, ABANDONED_OFFSET);
    const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
    return [...words].flatMap((id, place) => (id === 0 ? [] : [[place, id]]));
  };
  seen.abandon(0, 5);
  seen.abandon(3, 5);
  seen.abandon(0, 0xffffffff);
  expect(ids()).toEqual([
    [5, 5],
    [5 + 37 * 3, 5],
    [0xffffffff % 1008, 0xffffffff],
  ]);
  // Another request of the same place came after it.
  seen.abandon(0, 5 + 1008);
  seen.forget(0, 5);
  expect(ids()[0]).toEqual([5, 1013]);
  seen.forget(0, 1013);
  seen.forget(3, 5);
  expect(ids()).toEqual([[0xffffffff % 1008, 0xffffffff]]);
  board.close();
});
