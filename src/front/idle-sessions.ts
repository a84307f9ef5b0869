/**
 * Which session to close when room is needed: the one that has waited longest for a request of which nothing has come. No
 * list is kept on the way of every request; the sessions are looked through when room is needed, for many at a time.
 */
import { monotonicMs } from "../base/clock.ts";
import type { Session } from "./session.ts";

/** Found in one look through all sessions, so that a flood at the limit costs each connection a small part of it. */
const CANDIDATES_MAX = 64;

/** When none is idle, nobody looks again for this long: it would be in vain, once for each connection of a flood. */
const LOOK_AGAIN_MS = 50;

interface Candidate {
  readonly session: Session;
  readonly sinceMs: number;
}

export class IdleSessions {
  private readonly sessions: Iterable<Session>;
  /** The one that has been idle longest is the last. */
  private candidates: Candidate[] = [];
  private lookedMs = -LOOK_AGAIN_MS;

  constructor(sessions: Iterable<Session>) {
    this.sessions = sessions;
  }

  /** Closes up to `count` of them; returns how many there were. */
  shed(count: number): number {
    for (let shed = 0; shed < count; shed++) {
      const session = this.next();
      if (session === undefined) return shed;
      session.drain(true);
    }
    return count;
  }

  private next(): Session | undefined {
    const nowMs = monotonicMs();
    for (;;) {
      const candidate = this.candidates.pop() ?? this.look(nowMs);
      if (candidate === undefined) return undefined;
      // It may have served a request, or have gone, since it was seen.
      if (candidate.session.idleSinceMs(nowMs) === candidate.sinceMs) return candidate.session;
    }
  }

  private look(nowMs: number): Candidate | undefined {
    if (nowMs - this.lookedMs < LOOK_AGAIN_MS) return undefined;
    const idle: Candidate[] = [];
    for (const session of this.sessions) {
      const sinceMs = session.idleSinceMs(nowMs);
      if (sinceMs !== -1) idle.push({ session, sinceMs });
    }
    if (idle.length === 0) this.lookedMs = nowMs;
    idle.sort((a, b) => a.sinceMs - b.sinceMs);
    this.candidates = idle.slice(0, CANDIDATES_MAX).reverse();
    return this.candidates.pop();
  }
}
