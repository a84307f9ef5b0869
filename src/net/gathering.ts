/**
 * Small writes that wait until the events which came together are dealt with, and are then sent one behind the other (see
 * Outbox.writeSoon). So the code that makes replies and the kernel's that sends them do not push each other out of the processor's
 * caches with every event. Measured: under load 3 to 4 % of the processor time of a request, whoever answers it. Of how many events
 * it is worth it: loop.ts.
 */
import { sendMostlyFrom } from "../os/stream-socket.ts";

/** Larger writes are not worth a copy. */
const BYTES_MAX = 4 * 1024;
/** So that the first reply of many does not wait for all the others; then they are sent, and more are gathered. */
const WRITES_MAX = 64;

export interface Gathered {
  /** Sends what it has gathered, if it still wants to. */
  sendSoon(): void;
}

/** Of this thread. What waits stands there in the order of writing. */
export const gathered = Buffer.allocUnsafeSlow(BYTES_MAX * WRITES_MAX);
sendMostlyFrom(gathered);
const waiting: (Gathered | undefined)[] = [];
let count = 0;
let end = 0;
let state: "closed" | "open" | "sending" = "closed";

/** From now on, until all is sent. */
export function beginGathering(): void {
  state = "open";
}

/** Where in `gathered` the bytes wait for `whose` to send them; -1 when they must be written at once. */
export function gather(whose: Gathered, bytes: Uint8Array, offset: number, length: number): number {
  if (state !== "open" || length > BYTES_MAX) return -1;
  if (count === WRITES_MAX) send();
  const at = end;
  if (offset === 0 && length === bytes.length) gathered.set(bytes, at);
  else Buffer.prototype.copy.call(bytes, gathered, at, offset, offset + length);
  end += length;
  waiting[count++] = whose;
  return at;
}

/** As gather, of two that follow each other. */
export function gatherBoth(whose: Gathered, first: Uint8Array, second: Uint8Array): number {
  const length = first.length + second.length;
  if (state !== "open" || length > BYTES_MAX) return -1;
  if (count === WRITES_MAX) send();
  const at = end;
  gathered.set(first, at);
  gathered.set(second, at + first.length);
  end += length;
  waiting[count++] = whose;
  return at;
}

/** The events are dealt with. */
export function endGathering(): void {
  if (count > 0) send();
  state = "closed";
}

function send(): void {
  state = "sending";
  for (let i = 0; i < count; i++) {
    const whose = waiting[i];
    waiting[i] = undefined;
    whose?.sendSoon();
  }
  count = 0;
  end = 0;
  state = "open";
}
