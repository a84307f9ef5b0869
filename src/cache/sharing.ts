/**
 * How the caches of one route in several fronts fetch a reply once: before a front fetches, it asks the front where the key is at
 * home, which may be itself. The home gives what it keeps, or a lease for the fetch, and lets others wait for that (leases.ts); what
 * was fetched is kept there, too. What is kept at hand is given without a question.
 */
import { Asking, type AskingOwner, type AskingParts } from "./asking.ts";
import { type CacheEntry, freshnessAt } from "./entry.ts";
import type { Fill, FillNames } from "./fill.ts";
import { KeyMemory } from "./key-memory.ts";
import { type Asked, Leases, type LeasesOwner } from "./leases.ts";
import { HOME_ANSWER_MS, PASS_MS } from "./options.ts";
import type { Answer, Outcome, Question } from "./question.ts";
import type { Fields } from "../protocol/http/fields.ts";
import type { LeaseOver, SharedCache, Siblings } from "./siblings.ts";

export interface SharingOptions {
  readonly siblings: Siblings;
  /** The same in all fronts, for a cache that is made of the same. */
  readonly id: string;
}

/** The cache. */
export interface SharingOwner {
  now(): number;
  nameOf(key: string, fields: Fields): string;
  /** In memory, whether it is still good or not. */
  find(key: string, fields: Fields): CacheEntry | undefined;
  /** Keys whose replies may not be kept. */
  readonly passes: KeyMemory;
  /** False: it is not on disk, or cannot be read now. Else `done` is called when it was read into memory, or was not there. */
  readFor(question: Question, done: () => void): boolean;
  /** Another front has fetched it. */
  take(key: string, place: string, entry: CacheEntry): void;
  /** Its successors may not be kept. */
  drop(key: string, entry: CacheEntry): void;
  /** What was asked for is fetched here. */
  fetchFor(asking: Asking, stale: CacheEntry | undefined, lease: number | undefined): void;
  /** …is here now. */
  giveTo(asking: Asking, entry: CacheEntry): void;
  /** …goes past the cache. */
  passBy(asking: Asking): void;
}

export class Sharing implements AskingOwner, LeasesOwner, SharedCache {
  readonly after: AskingOwner["after"];
  private readonly siblings: Siblings;
  private readonly id: string;
  private readonly owner: SharingOwner;
  private readonly waitMs: number;
  private readonly leases: Leases;
  /** Keys that each front asks for itself. */
  private readonly alone: KeyMemory;

  constructor({ siblings, id }: SharingOptions, owner: SharingOwner, waitMs: number) {
    this.siblings = siblings;
    this.id = id;
    this.owner = owner;
    this.waitMs = waitMs;
    this.after = siblings.after;
    this.leases = new Leases(this, waitMs);
    this.alone = new KeyMemory(() => owner.now());
  }

  now(): number {
    return this.owner.now();
  }

  // ── asking ────────────────────────────────────────────────────────────────────────────────────────────────────

  /** False: each front asks for itself, for now. */
  mayAsk(key: string): boolean {
    return !this.alone.has(key);
  }

  /** False: nobody else can be expected to keep it. */
  mayLook(key: string): boolean {
    return this.mayAsk(key) && !this.isHome(key);
  }

  private isHome(key: string): boolean {
    return this.siblings.homeOf(key) === this.siblings.front;
  }

  /** A question that is not asked yet. */
  prepare(parts: AskingParts, mayWait: boolean): Asking {
    return new Asking(this, parts, mayWait ? this.waitMs : 0);
  }

  /** Calls back on the owner, perhaps at once. `fields`: of the request. */
  ask(asking: Asking, fields: Fields): void {
    const { names, wants, stale, waitMs } = asking;
    const question = { key: names.key, place: names.place, fields, wants, hasStale: stale !== undefined, waitMs };
    const hear = (answer: Answer) => asking.hear(answer);
    if (this.isHome(names.key)) return this.leases.ask({ question, asker: this.siblings.front, answer: hear });
    const giveUp = this.siblings.ask(this.id, question, hear);
    if (giveUp === undefined) return asking.hear({ kind: "fetch" });
    asking.expect(HOME_ANSWER_MS, giveUp);
  }

  heard(asking: Asking, answer: Answer): void {
    const { owner } = this;
    const { key, place } = asking.names;
    switch (answer.kind) {
      case "entry":
        if (asking.outdated) return owner.fetchFor(asking, asking.stale, undefined);
        owner.take(key, place, answer.entry);
        return owner.giveTo(asking, answer.entry);
      case "fetch":
        if (asking.wants === "kept") return owner.passBy(asking);
        return owner.fetchFor(asking, asking.stale ?? (asking.outdated ? undefined : answer.stale), answer.lease);
      case "alone":
        this.alone.add(key, answer.forMs);
        return owner.fetchFor(asking, asking.stale, undefined);
      case "pass":
        owner.passes.add(key, answer.forMs);
        return owner.passBy(asking);
      case "none":
        return owner.passBy(asking);
      case "wait":
    }
  }

  heardLate({ names }: Asking, answer: Answer): void {
    if (answer.kind === "fetch") this.giveBack(names, answer.lease);
  }

  /** A fetch is over. What is kept and must be asked about each time is each front's own. */
  over({ key, place, lease, entry, outdated, status }: Fill, how: "kept" | "refused" | "failed"): void {
    if (lease === undefined) return;
    const outcome = this.outcomeOf(how, outdated, entry, status < 500);
    if (outcome.how === "alone") this.alone.add(key, PASS_MS);
    this.release({ key, place, lease }, outcome);
  }

  private outcomeOf(
    how: "kept" | "refused" | "failed",
    outdated: boolean,
    entry: CacheEntry | undefined,
    isGone: boolean,
  ): Outcome {
    if (how === "failed" || outdated) return { how: "failed" };
    if (how === "refused") return { how: "refused", isGone };
    if (entry === undefined || freshnessAt(entry, this.now()) === "stale") return { how: "alone" };
    return { how: "kept", entry };
  }

  /** Nothing comes of this lease any more. */
  giveBack({ key, place }: FillNames, lease: number | undefined): void {
    if (lease !== undefined) this.release({ key, place, lease }, { how: "failed" });
  }

  private release(of: LeaseOver, outcome: Outcome): void {
    if (!this.isHome(of.key)) return this.siblings.over(this.id, of, outcome);
    this.leaseOver(of.lease, of.key, this.siblings.front, outcome);
  }

  // ── the home ──────────────────────────────────────────────────────────────────────────────────────────────────

  asked(asked: Asked): void {
    const { key, fields } = asked.question;
    if (this.owner.find(key, fields) !== undefined) return this.leases.ask(asked);
    if (this.owner.readFor(asked.question, () => this.leases.ask(asked))) return asked.answer({ kind: "wait" });
    this.leases.ask(asked);
  }

  leaseOver(id: number, key: string, holder: number, outcome: Outcome): void {
    const lease = this.leases.over(id, key, holder);
    if (lease === undefined) return;
    const { question, outdated } = lease;
    const entry = outcome.how === "kept" && !outdated ? outcome.entry : undefined;
    if (entry !== undefined && holder !== this.siblings.front) this.owner.take(key, question.place, entry);
    if (outcome.how === "alone") this.alone.add(key, PASS_MS);
    if (outcome.how === "refused" && holder !== this.siblings.front) this.refused(question, outcome.isGone);
    this.leases.goOn(lease, entry);
  }

  private refused({ key, fields }: Question, isGone: boolean): void {
    this.owner.passes.add(key, PASS_MS);
    const entry = isGone ? this.owner.find(key, fields) : undefined;
    if (entry !== undefined) this.owner.drop(key, entry);
  }

  known({ key, fields, wants, hasStale }: Question): Answer | undefined {
    const { passes } = this.owner;
    const entry = this.owner.find(key, fields);
    const freshness = entry === undefined ? "stale" : freshnessAt(entry, this.now());
    if (entry !== undefined && (freshness === "fresh" || (freshness === "revalidate-behind" && wants !== "fresh")))
      return { kind: "entry", entry };
    if (passes.has(key) && !hasStale) return { kind: "pass", forMs: passes.leftMs(key) };
    if (wants === "kept") return { kind: "none" };
    return this.alone.has(key) ? { kind: "alone", forMs: this.alone.leftMs(key) } : undefined;
  }

  staleFor({ key, fields }: Question): CacheEntry | undefined {
    return this.owner.find(key, fields);
  }

  nameOf(key: string, fields: Fields): string {
    return this.owner.nameOf(key, fields);
  }

  lost(front: number): void {
    this.leases.lost(front);
  }

  outdate(isMeant: (place: string) => boolean): void {
    this.leases.outdate(isMeant);
  }

  tick(nowMs: number): void {
    this.leases.tick(nowMs);
  }
}
