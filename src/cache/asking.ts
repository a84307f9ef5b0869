/**
 * A question to the home of a key that is not answered yet, with the requests that wait for that. The home says at once what it
 * knows or that somebody is fetching; then it may take as long as one request waits for another.
 *
 *   asked ──wait──▶ waiting ──▶ answered, or not in time: fetched without a lease
 */
import type { Exchange } from "../exchange/exchange.ts";
import type { CacheEntry } from "./entry.ts";
import type { FillNames } from "./fill.ts";
import type { Answer, Question } from "./question.ts";
import type { WaitedFor, Waiter } from "./waiter.ts";

/** Calls `done` after so long, and returns what prevents it. */
export type After = (delayMs: number, done: () => void) => () => void;

export interface AskingParts {
  readonly names: FillNames;
  readonly wants: Question["wants"];
  /** What the asking front has itself. */
  readonly stale: CacheEntry | undefined;
  /** The request behind whose back it is renewed; it was answered. */
  readonly behind?: Exchange | undefined;
}

export interface AskingOwner {
  readonly after: After;
  /** Any answer but `wait`. */
  heard(asking: Asking, answer: Answer): void;
  /** It was answered when nobody asked any more. */
  heardLate(asking: Asking, answer: Answer): void;
}

export class Asking implements WaitedFor {
  readonly names: FillNames;
  readonly wants: Question["wants"];
  readonly stale: CacheEntry | undefined;
  readonly behind: Exchange | undefined;
  readonly waiters = new Set<Waiter>();
  /** The URL was changed since: what the home kept then does not count. */
  outdated = false;
  private stage: "asked" | "waiting" | "answered" = "asked";
  private readonly owner: AskingOwner;
  private cancel: (() => void) | undefined = undefined;
  private giveUp: (heard: boolean) => void = () => {};
  /** For another's fetch. */
  readonly waitMs: number;

  constructor(owner: AskingOwner, { names, wants, stale, behind }: AskingParts, waitMs: number) {
    this.owner = owner;
    this.names = names;
    this.wants = wants;
    this.stale = stale;
    this.behind = behind;
    this.waitMs = waitMs;
  }

  get place(): string {
    return this.names.place;
  }

  /** Another front is asked, and says something within `boundMs`; else it is gone on without. `giveUp`: nobody listens to it
   *  any more, whether it has said something (`wait`) or not. */
  expect(boundMs: number, giveUp: (heard: boolean) => void): void {
    this.giveUp = giveUp;
    if (this.stage === "asked") this.within(boundMs);
  }

  private within(boundMs: number): void {
    this.cancel?.();
    this.cancel = this.owner.after(boundMs, () => {
      this.giveUp(this.stage !== "asked");
      this.hear({ kind: "fetch" });
    });
  }

  hear(answer: Answer): void {
    if (this.stage === "answered") return this.owner.heardLate(this, answer);
    if (answer.kind === "wait") {
      // It may be told so again, and waits no longer for that.
      if (this.stage === "waiting") return;
      this.stage = "waiting";
      return this.within(this.waitMs);
    }
    this.stage = "answered";
    this.cancel?.();
    this.owner.heard(this, answer);
  }

  /** Those whose clients are still there, and who wait no more. */
  takeWaiters(): Waiter[] {
    const taken = [...this.waiters].filter((waiter) => waiter.release());
    this.waiters.clear();
    return taken;
  }

  leave(waiter: Waiter): void {
    this.waiters.delete(waiter);
  }
}
