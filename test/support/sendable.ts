/** What the kernel sends by itself, seen from the other end of a socket. */
import { closeSync, readSync } from "node:fs";
import type { Sendable } from "../../src/os/sendable.ts";
import { setBuffers, socketPair } from "../../src/os/sockets.ts";

const PIECE_BYTES = 64 * 1024;

/** Up to `length` bytes from `offset`: fewer when no more can be sent. */
export function sentFrom(source: Sendable, offset: number, length: number): Buffer {
  const [ours, theirs] = socketPair("stream");
  setBuffers(ours, 4 * PIECE_BYTES);
  const bytes = Buffer.alloc(length);
  let done = 0;
  for (let taken = 1; taken > 0 && done < length;) {
    taken = source.sendTo(ours, offset + done, Math.min(PIECE_BYTES, length - done), false);
    for (let read = 0; read < taken;) read += readSync(theirs, bytes, done + read, taken - read, null);
    done += Math.max(0, taken);
  }
  closeSync(ours);
  closeSync(theirs);
  return bytes.subarray(0, done);
}
