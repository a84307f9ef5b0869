/**
 * Ports that another configuration does not have are left as at a stop: first what the kernel has queued is accepted, then what is
 * under way comes to its end, and clients that keep their connection are told to close with their next reply. Until the last of
 * these connections has gone they ask the configuration of before, whose apps therefore stay in use.
 */
import type { Accepting } from "./accepting.ts";
import { SWEEP_INTERVAL_MS } from "./options.ts";
import type { Port } from "./port.ts";
import type { Serving } from "./serving.ts";
import type { Session } from "./session.ts";

/** From the order to stop until nobody listens: connections that are queued by then are served. */
export const DRAIN_ACCEPT_MS = 10;

/** Until clients are told to close. They connect again at once, and must not meet a sibling that is just about to stop. */
export const DRAIN_DEAF_MS = 50;

/** How long an idle connection still waits for the request that may be on its way; it is answered, and told to close. */
export const DRAIN_IDLE_MS = 250;

export interface Leaving {
  readonly ports: readonly Port[];
  /** Of their listeners, but for those that another port has now. */
  readonly keys: readonly string[];
  readonly serving: Serving;
  readonly accepting: Accepting;
  readonly sessionsOf: (port: Port) => readonly Session[];
  /** Nothing is accepted there any more. */
  readonly deaf: () => void;
}

export function leave({ ports, keys, serving, accepting, sessionsOf, deaf }: Leaving): void {
  const sessions = () => ports.flatMap(sessionsOf);
  const look = () => {
    if (sessions().length === 0) serving.users--;
    else setTimeout(look, SWEEP_INTERVAL_MS);
  };
  serving.users++;
  setTimeout(() => {
    accepting.leave(new Set(keys));
    deaf();
    setTimeout(() => sessions().forEach((session) => session.drain(false)), DRAIN_DEAF_MS);
    setTimeout(() => {
      sessions().forEach((session) => session.drain(true));
      look();
    }, DRAIN_DEAF_MS + DRAIN_IDLE_MS);
  }, DRAIN_ACCEPT_MS);
}
