/**
 * The name of a request in logs of several servers (`$request_id`): 16 random bytes as 32 hexadecimal digits, as nginx
 * makes them, or the X-Request-ID of a peer that is trusted to speak for its clients. Nobody else's: a client that names
 * its own requests can pass for another one in the logs.
 */
import { randomFillSync } from "node:crypto";
import type { Exchange } from "./exchange.ts";

/** Random bytes are fetched for many requests at a time: one call into the generator costs more than the bytes. */
const POOL_BYTES = 4096;
const ID_BYTES = 16;

/** What is taken from a trusted peer: UUIDs, ULIDs, trace ids of the usual tracers; nothing that a log must escape. */
const TAKEN = /^[A-Za-z0-9._:/+=@-]{1,200}$/;

const pool = Buffer.allocUnsafeSlow(POOL_BYTES);
let used = POOL_BYTES;

export function requestIdOf(exchange: Exchange): string {
  const told = exchange.forwarding === "believed" ? exchange.head.fields.get("x-request-id") : undefined;
  return told !== undefined && TAKEN.test(told) ? told : makeRequestId();
}

export function makeRequestId(): string {
  if (used === POOL_BYTES) {
    randomFillSync(pool);
    used = 0;
  }
  used += ID_BYTES;
  return pool.toString("hex", used - ID_BYTES, used);
}
