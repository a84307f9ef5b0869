/**
 * At the home of a key: who fetches it, and who waits until that is over. Whoever asks first gets the lease, its own front or
 * another; it is for one fetch.
 *
 *   ask ──▶ known already ──▶ answered
 *       ──▶ nobody fetches ──▶ a lease ──over──▶ kept: those who wait are given it
 *       ──▶ somebody does ───▶ waits                └── else: the first of them gets the next lease
 *
 * A lease that lasts too long, or whose URL was changed, is no reason to wait any more: the next one who asks gets another (nginx:
 * proxy_cache_lock_age). It goes on to be known until it is over: what comes of a URL that was changed meanwhile is not kept.
 */
import type { Fields } from "../protocol/http/fields.ts";
import { answers, type CacheEntry } from "./entry.ts";
import { LEASE_MS_MIN, LEASES_MAX, QUESTIONS_MAX } from "./options.ts";
import type { Answer, Question } from "./question.ts";

export interface Asked {
  readonly question: Question;
  /** The number of the front. */
  readonly asker: number;
  answer(answer: Answer): void;
}

export interface LeasesOwner {
  now(): number;
  /** What can be answered at once. */
  known(question: Question): Answer | undefined;
  /** Something that can be asked about. */
  staleFor(question: Question): CacheEntry | undefined;
  /** Of those who will get the same reply. */
  nameOf(key: string, fields: Fields): string;
}

interface Waiting {
  readonly asked: Asked;
  readonly untilMs: number;
}

export interface Lease {
  readonly id: number;
  readonly name: string;
  readonly question: Question;
  /** The front that fetches. */
  readonly holder: number;
  readonly untilMs: number;
  /** The URL was changed meanwhile. */
  outdated: boolean;
  waiting: Waiting[];
}

export class Leases {
  private readonly owner: LeasesOwner;
  private readonly leaseMs: number;
  private readonly leases = new Map<number, Lease>();
  /** Those for which others wait. */
  private readonly byName = new Map<string, Lease>();
  /** Not those of another thread that was this front before. */
  private lastId = Math.floor(Math.random() * 2 ** 32);
  private waitingCount = 0;

  constructor(owner: LeasesOwner, waitMs: number) {
    this.owner = owner;
    this.leaseMs = Math.max(LEASE_MS_MIN, waitMs);
  }

  ask(asked: Asked, untilMs = this.owner.now() + asked.question.waitMs): void {
    const { owner } = this;
    const { question } = asked;
    const known = owner.known(question);
    if (known !== undefined) return asked.answer(known);
    const nowMs = owner.now();
    const name = owner.nameOf(question.key, question.fields);
    const lease = this.byName.get(name);
    if (lease === undefined || nowMs >= lease.untilMs) return asked.answer(this.grant(asked, name, nowMs));
    if (nowMs >= untilMs || this.waitingCount >= QUESTIONS_MAX) return asked.answer({ kind: "fetch" });
    lease.waiting.push({ asked, untilMs });
    this.waitingCount++;
    asked.answer({ kind: "wait" });
  }

  private grant({ question, asker }: Asked, name: string, nowMs: number): Answer {
    const stale = question.hasStale ? undefined : this.owner.staleFor(question);
    if (this.leases.size >= LEASES_MAX) this.dropOldest(nowMs);
    if (this.leases.size >= LEASES_MAX) return { kind: "fetch", stale };
    const id = ++this.lastId;
    // Of one that lasts too long those who wait go on with the new one.
    const waiting = this.byName.get(name)?.waiting.splice(0) ?? [];
    const lease = { id, name, question, holder: asker, untilMs: nowMs + this.leaseMs, outdated: false, waiting };
    this.leases.set(id, lease);
    this.byName.set(name, lease);
    return { kind: "fetch", lease: id, stale };
  }

  private dropOldest(nowMs: number): void {
    const [oldest] = this.leases.values();
    if (oldest !== undefined && (nowMs >= oldest.untilMs || oldest.outdated)) this.end(oldest);
  }

  /** `holder` says so. Undefined: there is no such lease any more. Those who wait are for `goOn`. */
  over(id: number, key: string, holder: number): Lease | undefined {
    const lease = this.leases.get(id);
    if (lease === undefined || lease.question.key !== key || lease.holder !== holder) return undefined;
    this.leases.delete(id);
    if (this.byName.get(lease.name) === lease) this.byName.delete(lease.name);
    return lease;
  }

  /** Whoever waits is given what came of it, or asks anew. */
  goOn(lease: Lease, entry?: CacheEntry): void {
    const waiting = lease.waiting.splice(0);
    this.waitingCount -= waiting.length;
    const nowMs = this.owner.now();
    for (const { asked, untilMs } of waiting) {
      if (entry !== undefined && answers(entry, asked.question.fields)) asked.answer({ kind: "entry", entry });
      // Those whose time is over have gone on without an answer.
      else if (nowMs < untilMs) this.ask(asked, untilMs);
    }
  }

  private end(lease: Lease): void {
    const ended = this.over(lease.id, lease.question.key, lease.holder);
    if (ended !== undefined) this.goOn(ended);
  }

  /** A front died: it fetches nothing any more, and waits for nothing. */
  lost(front: number): void {
    const held = [...this.leases.values()].filter(({ holder }) => holder === front);
    for (const lease of this.leases.values()) this.keepWaiting(lease, ({ asked }) => asked.asker !== front);
    for (const lease of held) this.end(lease);
  }

  /** What is fetched now must not be kept, and nobody is to wait for it. */
  outdate(isMeant: (place: string) => boolean): void {
    // Those that are given because of it are new ones.
    const meant = [...this.leases.values()].filter(({ outdated, question }) => !outdated && isMeant(question.place));
    for (const lease of meant) {
      lease.outdated = true;
      this.release(lease);
    }
  }

  /** Compares deadlines with the clock. */
  tick(nowMs: number): void {
    for (const lease of this.byName.values()) this.keepWaiting(lease, ({ untilMs }) => nowMs < untilMs);
    const late = [...this.byName.values()].filter(({ untilMs }) => nowMs >= untilMs);
    for (const lease of late) this.release(lease);
  }

  /** It goes on, and nobody waits for it. */
  private release(lease: Lease): void {
    if (this.byName.get(lease.name) === lease) this.byName.delete(lease.name);
    this.goOn(lease);
  }

  private keepWaiting(lease: Lease, stays: (waiting: Waiting) => boolean): void {
    const kept = lease.waiting.filter(stays);
    this.waitingCount -= lease.waiting.length - kept.length;
    lease.waiting = kept;
  }
}
