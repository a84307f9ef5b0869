/** What sessions of every protocol have in common: how they are told what to do, and how they speak of themselves. */
import { AssertionError } from "../base/assert.ts";
import type { Log } from "../base/log.ts";
import type { Exchange, Peer } from "../exchange/exchange.ts";
import type { Wire } from "../net/wire.ts";

export interface Session {
  /** Compares its deadline with the clock (base/clock monotonicMs). */
  tick(nowMs: number): void;
  /** Since when it has been waiting for a request of which nothing has come; -1 when it is not, or when its first request
   *  is probably on its way (FRESH_MS). Such a session may be drained to make room for another. */
  idleSinceMs(nowMs: number): number;
  /** Finishes what is in flight, then closes. An idle session closes only when `idleToo`: a request may be on its way. */
  drain(idleToo: boolean): void;
  /** Closes now, whatever is in flight. */
  destroy(): void;
}

export function peerOf(wire: Wire): Peer {
  const { remoteAddress, remotePort, localAddress, localPort, secure } = wire;
  return { remoteAddress, remotePort, localAddress, localPort, secure };
}

/** `192.0.2.7 "GET /path"`, for log lines. */
export function describeExchange(remoteAddress: string, exchange: Exchange | undefined): string {
  const request = exchange === undefined ? "no request" : `${exchange.head.method} ${exchange.head.target}`;
  return `${remoteAddress} "${request}"`;
}

/** A programmer error that fired in a session: that session is closed by the caller, nothing else suffers. */
export function reportBug(log: Log, error: unknown): void {
  const kind = error instanceof AssertionError ? "bug" : "unexpected error";
  log.crit(`${kind} in a session: ${error instanceof Error ? error.stack : String(error)}`);
}
