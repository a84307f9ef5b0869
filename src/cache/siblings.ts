/**
 * The other fronts, as the caches of one see them. Every key is at home in one front, which all others ask before they fetch.
 * What is at hand here is answered here: nothing is asked for that.
 *
 *   asker                          home
 *     ask ───────────────────────▶ sharing.ts: what it keeps, or a lease (leases.ts)
 *     ◀─────────────────── answer
 *     over, with what is kept ───▶
 *
 * A home that is gone, hangs or does not know this cache (it has another configuration) holds nobody up.
 */
import type { After } from "./asking.ts";
import type { Asked } from "./leases.ts";
import { HOME_SILENCE_MS } from "./options.ts";
import type { Answer, Outcome, Question } from "./question.ts";
import {
  type Content,
  packAnswer,
  packOutcome,
  packQuestion,
  type SiblingMessage,
  unpackAnswer,
  unpackOutcome,
  unpackQuestion,
} from "./sibling-messages.ts";

export interface SiblingsOptions {
  readonly front: number;
  readonly fronts: number;
  /** To another front: what `receive` takes there. */
  readonly post: (to: number, text: string, body: Content | undefined) => void;
  readonly now: () => number;
  readonly after?: After;
}

/** A cache, as other fronts ask it. */
export interface SharedCache {
  asked(asked: Asked): void;
  /** A fetch of that front is over. */
  leaseOver(lease: number, key: string, holder: number, outcome: Outcome): void;
  lost(front: number): void;
}

/** A lease of the home of this key. */
export interface LeaseOver {
  readonly key: string;
  readonly place: string;
  readonly lease: number;
}

interface Pending {
  readonly home: number;
  readonly key: string;
  hear(answer: Answer): void;
}

const afterReally: After = (delayMs, done) => {
  const timer = setTimeout(done, delayMs);
  return () => clearTimeout(timer);
};

export class Siblings {
  readonly front: number;
  readonly after: After;
  private readonly fronts: number;
  private readonly post_: SiblingsOptions["post"];
  private readonly now: () => number;
  private caches: ReadonlyMap<string, SharedCache> = new Map();
  private readonly pending = new Map<number, Pending>();
  /** Until when that front is not asked. */
  private readonly silentUntil = new Map<number, number>();
  /** Not those of another thread that was this front before. */
  private lastId = Math.floor(Math.random() * 2 ** 32);

  constructor({ front, fronts, post, now, after = afterReally }: SiblingsOptions) {
    this.front = front;
    this.fronts = fronts;
    this.post_ = post;
    this.now = now;
    this.after = after;
  }

  /** There are none: nothing is shared. */
  get alone(): boolean {
    return this.fronts < 2;
  }

  /** The number of the front that knows who fetches it. */
  homeOf(key: string): number {
    return Bun.hash.crc32(key) % this.fronts;
  }

  private post(to: number, message: SiblingMessage, body?: Content): void {
    this.post_(to, JSON.stringify(message), body);
  }

  /** Whom other fronts may ask from now on. */
  serve(caches: ReadonlyMap<string, SharedCache>): void {
    this.caches = caches;
  }

  /** `hear` is called for each answer, until nobody listens any more; what is returned says so. Undefined: the home of the key
   *  cannot be asked. */
  ask(cache: string, question: Question, hear: Pending["hear"]): ((heard: boolean) => void) | undefined {
    const home = this.homeOf(question.key);
    if (this.now() < (this.silentUntil.get(home) ?? 0)) return undefined;
    const id = ++this.lastId;
    this.pending.set(id, { home, key: question.key, hear });
    this.post(home, { kind: "ask", id, cache, question: packQuestion(question) });
    return (heard) => {
      this.pending.delete(id);
      if (!heard) this.silentUntil.set(home, this.now() + HOME_SILENCE_MS);
    };
  }

  /** A fetch for which there was a lease of the key's home is over. */
  over(cache: string, { key, place, lease }: LeaseOver, outcome: Outcome): void {
    const { message, body } = packOutcome(outcome, key, place, this.now());
    this.post(this.homeOf(key), { kind: "over", cache, key, lease, outcome: message }, body);
  }

  receive(from: number, text: string, body: Content | undefined): void {
    // As `post` made it.
    const message = JSON.parse(text) as SiblingMessage;
    switch (message.kind) {
      case "ask":
        return this.asked(from, message);
      case "answer":
        return this.answered(message, body);
      case "over": {
        const { cache, lease, key, outcome } = message;
        const unpacked = unpackOutcome({ message: outcome, body }, this.now());
        return this.caches.get(cache)?.leaseOver(lease, key, from, unpacked);
      }
    }
  }

  private asked(from: number, { id, cache, question: copy }: Extract<SiblingMessage, { kind: "ask" }>): void {
    const question = unpackQuestion(copy);
    const { key } = question;
    const answer = (given: Answer) => {
      const { message, body } = packAnswer(given, question, this.now());
      this.post(from, { kind: "answer", id, cache, key, answer: message }, body);
    };
    const asked = this.caches.get(cache);
    if (asked === undefined) answer({ kind: "fetch" });
    else asked.asked({ question, asker: from, answer });
  }

  private answered(
    { id, cache, key, answer: message }: Extract<SiblingMessage, { kind: "answer" }>,
    body: Content | undefined,
  ): void {
    const pending = this.pending.get(id);
    if (message.kind !== "wait" && pending?.key === key) this.pending.delete(id);
    const answer = unpackAnswer({ message, body }, this.now());
    // It may have been asked by another thread that was this front before.
    if (pending?.key === key) return pending.hear(answer);
    if (answer.kind !== "fetch" || answer.lease === undefined) return;
    // Nobody has waited for it so long.
    this.over(cache, { key, place: "", lease: answer.lease }, { how: "failed" });
  }

  /** It died: it answers nothing, and fetches nothing. */
  lost(front: number): void {
    for (const cache of this.caches.values()) cache.lost(front);
    for (const [id, { home, hear }] of this.pending) {
      if (home !== front) continue;
      this.pending.delete(id);
      hear({ kind: "fetch" });
    }
  }
}
