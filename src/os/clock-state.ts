/** Is the clock of the kernel synchronised (adjtimex(2))? Asks only. */
import { libc, ptr } from "./libc.ts";

/** struct timex of 64-bit machines has 208 bytes; its `status` stands behind modes (padded) and four longs. */
const TIMEX_BYTES = 256;
const STATUS_OFFSET = 40;
const STA_UNSYNC = 0x0040;

/** Undefined: the kernel does not say, as in some containers. */
export function isClockSynchronised(): boolean | undefined {
  const timex = new DataView(new ArrayBuffer(TIMEX_BYTES));
  const answer = libc.adjtimex(ptr(new Uint8Array(timex.buffer)));
  if (answer === -1) return undefined;
  return (timex.getInt32(STATUS_OFFSET, true) & STA_UNSYNC) === 0;
}
