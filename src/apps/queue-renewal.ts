/**
 * The queue of an app after one of its workers has shut it down (shutdown(2) on the inherited descriptor: a library that
 * ends "all sockets" of its process does such things). Nothing comes to any worker then, so there is another queue, and
 * every worker is replaced: those that have requests finish them. Fronts hold what comes in between.
 */
import { monotonicMs } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import { retire } from "./endings.ts";
import type { FrontLinks } from "./front-links.ts";
import type { Launcher } from "./launcher.ts";
import type { Pool } from "./pool.ts";
import type { RequestQueue } from "./queue.ts";

/** Between two: an application that shuts it down at its start must not make a hot loop. */
export const RENEWAL_PAUSE_MS = 1_000;

export interface RenewedApp {
  readonly queue: RequestQueue;
  readonly links: FrontLinks;
  readonly launcher: Launcher;
  readonly pool: Pool;
  readonly drainTimeoutMs: number;
  readonly log: Log;
  /** Workers are missing now. */
  readonly changed: () => void;
}

export class QueueRenewal {
  private readonly app: RenewedApp;
  private lastMs = Number.NEGATIVE_INFINITY;
  private timer: Timer | undefined;

  constructor(app: RenewedApp) {
    this.app = app;
  }

  /** Whenever the queue may have been shut. */
  look(): void {
    if (this.timer !== undefined || !this.app.queue.isShut) return;
    const pauseMs = this.lastMs + RENEWAL_PAUSE_MS - monotonicMs();
    if (pauseMs <= 0) return this.renew();
    this.timer = setTimeout(() => {
      this.timer = undefined;
      if (this.app.queue.isShut) this.renew();
    }, pauseMs);
  }

  private renew(): void {
    const { queue, links, launcher, pool, drainTimeoutMs, log } = this.app;
    this.lastMs = monotonicMs();
    log.error("the application has shut down the socket that requests come from; there is another");
    queue.renew();
    links.queueRenewed(queue.sendFd);
    // A process that workers are forked from has inherited the old one.
    launcher.renew();
    for (const worker of pool.workers) retire(worker, "its queue was shut down", drainTimeoutMs, log);
    this.app.changed();
  }

  close(): void {
    clearTimeout(this.timer);
  }
}
