/**
 * How much of a large reply the kernel is given for a client before it has sent it: little, until the client has shown that it is fast,
 * and little again when it has become slow. With little a fast client makes more work, up to a fifth more processor time for each byte,
 * and that buys nothing, as it empties at once what it is given. What the kernel takes out of a file (Wire.writeFrom) is not its own
 * memory: with that nobody begins slowly.
 *
 * Measured, 1,000 readers of a file of 50 MB of which each takes 4 KiB a second or nothing at all, on loopback: what the kernel holds
 * for each (skmem of `ss -m`) is 37 KiB, and 94 KiB with the bounds of fast ones for all; the process grows by 8 KiB for each.
 */

/** Bytes that the kernel holds unsent for one that is not known to be fast before it takes no more (TCP_NOTSENT_LOWAT). Fast ones have
 *  what is usual (os/stream-socket.ts); 128 and 256 KiB for them made a file of 100 MiB no cheaper. */
export const SLOW_UNSENT_BYTES = 32 * 1024;

/** Written in one buffer of the kernel's for one that is not known to be fast: the bound is looked at before each, not within. */
export const SLOW_WRITE_BYTES = 32 * 1024;

/** Who takes so much and lets us wait no longer for it is fast: 1 MiB a second, for which the half of what is unsent lasts 15 ms, in which
 *  our loop is back to give it more. A quarter of both was proved by the growth of a slow client's own buffer. */
const PROOF_BYTES = 1024 * 1024;
const PROOF_MS = 1_000;

/** Of one connection. It is told of writes that are large, or of which the kernel did not take all, and when there is room again. */
export class Pace {
  isFast = false;
  private taken = 0;
  /** For it, and since when it is waited now. */
  private waitedMs = 0;
  private sinceMs = 0;

  /** So many bytes were taken. True: `isFast` has changed. */
  took(bytes: number, nowMs: number): boolean {
    this.sinceMs = nowMs;
    this.taken += bytes;
    const isLate = this.waitedMs > PROOF_MS;
    if (!isLate && this.taken < PROOF_BYTES) return false;
    this.taken = 0;
    this.waitedMs = 0;
    if (this.isFast !== isLate) return false;
    this.isFast = !isLate;
    return true;
  }

  hasRoom(nowMs: number): void {
    this.waitedMs += nowMs - this.sinceMs;
  }
}
