/**
 * One fetch for the cache: the reply sink of a request that is made on behalf of all who ask for the same (request.ts). It
 * gives what comes to the client that asked first, keeps a copy if that may be, and then lets the others go on.
 *
 *   waiting ──head──▶ keeping ──end──▶ over: stored      the client is fed from what is kept, at its own pace
 *      │                 └── too large ──▶ passing
 *      ├──▶ passing: may not be kept; the others make requests of their own
 *      └──▶ discarding: a 304 that renews what is kept, or an error for which something stale stands in
 *
 * A client that leaves ends the fetch only while nobody else waits for it and nothing is kept of it yet.
 */
import { answer } from "../exchange/canned.ts";
import type { ErrorAnswers, Exchange } from "../exchange/exchange.ts";
import type { Producer, Reply, ReplyState } from "../exchange/reply.ts";
import { Fields } from "../protocol/http/fields.ts";
import { LENGTH_UNKNOWN, type ReplyHead } from "../protocol/http/message.ts";
import { ClientFeed, type FeedOwner } from "./client-feed.ts";
import { type CacheEntry, give, servesOnError } from "./entry.ts";
import type { Lifetime } from "./lifetime.ts";
import type { WaitedFor, Waiter } from "./waiter.ts";

/** The cache, as a fetch sees it. */
export interface FillOwner {
  readonly entryBytesMax: number;
  now(): number;
  /** Undefined: the reply is not kept. */
  judge(fill: Fill, head: ReplyHead): Lifetime | undefined;
  /** A share of the memory for what is under way; false when there is none left. */
  reserve(bytes: number): boolean;
  store(fill: Fill, head: ReplyHead, body: Buffer, lifetime: Lifetime): CacheEntry;
  /** `entry` was asked about and is still good, and what is kept from now on. */
  renew(fill: Fill, entry: CacheEntry, head: ReplyHead): CacheEntry;
  /** Nothing more will come of it for others. `refused`: the reply may not be kept. */
  over(fill: Fill, how: "kept" | "refused" | "failed"): void;
}

export interface FillNames {
  /** Of the reply. */
  readonly key: string;
  /** Of those who will get the same. */
  readonly name: string;
  /** Host and target. */
  readonly place: string;
}

/** For whom, and why. */
export interface FillCause {
  /** Undefined: it is made behind the client's back (stale-while-revalidate). */
  readonly exchange: Exchange | undefined;
  /** What it is to take the place of. */
  readonly stale: CacheEntry | undefined;
  readonly lease?: number | undefined;
}

type Stage = "waiting" | "keeping" | "passing" | "discarding" | "over" | "cancelled";

/** Statuses for which something stale may stand in (RFC 5861 section 4). */
const ERRORS: ReadonlySet<number> = new Set([500, 502, 503, 504]);

export class Fill implements Reply, ErrorAnswers, FeedOwner, WaitedFor {
  readonly intercepts = false;
  producer: Producer | undefined = undefined;
  readonly key: string;
  readonly name: string;
  readonly place: string;
  /** The request that is made. */
  request: Exchange | undefined = undefined;
  readonly startedMs: number;
  /** The URL was changed while the reply was on its way: it is not kept. */
  outdated = false;
  readonly waiters = new Set<Waiter>();
  /** What the home of the key gave for it. */
  readonly lease: number | undefined;
  /** What is kept of it. */
  entry: CacheEntry | undefined = undefined;
  private readonly owner: FillOwner;
  private readonly exchange: Exchange | undefined;
  private readonly feed: ClientFeed | undefined;
  readonly stale: CacheEntry | undefined;
  private stage: Stage = "waiting";
  private head: ReplyHead | undefined = undefined;
  private lifetime: Lifetime | undefined = undefined;
  private kept: Buffer[] = [];
  private keptBytes = 0;
  status = 0;

  constructor(owner: FillOwner, names: FillNames, { exchange, stale, lease }: FillCause) {
    this.owner = owner;
    this.key = names.key;
    this.name = names.name;
    this.place = names.place;
    this.exchange = exchange;
    this.stale = stale;
    this.lease = lease;
    this.startedMs = owner.now();
    this.feed = exchange === undefined ? undefined : new ClientFeed(exchange.reply, this);
  }

  get state(): ReplyState {
    switch (this.stage) {
      case "waiting":
        return "waiting";
      case "passing":
        return this.feed?.reply.state ?? "started";
      case "keeping":
      case "discarding":
        return "started";
      case "over":
        return "finished";
      case "cancelled":
        return "gone";
    }
  }

  // ── Reply ─────────────────────────────────────────────────────────────────────────────────────────────────────

  whole(head: ReplyHead, content: Uint8Array): void {
    if (this.stage !== "waiting" || this.standsIn(head)) return this.finish("over");
    const lifetime = content.length > this.owner.entryBytesMax ? undefined : this.judge(head);
    this.status = head.status;
    if (lifetime === undefined) {
      this.finish("over");
      this.feed?.reply.whole(outgoing(head), content);
      return this.owner.over(this, "refused");
    }
    const length = head.length === LENGTH_UNKNOWN ? content.length : Math.min(head.length, content.length);
    const body = Buffer.allocUnsafeSlow(length);
    body.set(content.subarray(0, length));
    const entry = this.owner.store(this, head, body, lifetime);
    this.finish("over");
    // Others know of it before its client does: what that one asks next, of whatever front, finds it.
    this.owner.over(this, "kept");
    // What its maker sends to this client alone goes to it.
    if (head.fields.has("set-cookie")) this.feed?.reply.whole(outgoing(head), body);
    else this.giveTo(entry);
  }

  start(head: ReplyHead): void {
    if (this.stage !== "waiting") return;
    if (this.standsIn(head)) {
      this.stage = "discarding";
      return;
    }
    this.status = head.status;
    this.head = head;
    this.lifetime = head.length > this.owner.entryBytesMax ? undefined : this.judge(head);
    this.stage = this.lifetime === undefined ? "passing" : "keeping";
    this.feed?.start(outgoing(head));
    if (this.stage === "passing") this.owner.over(this, "refused");
  }

  data(bytes: Uint8Array): boolean {
    if (this.stage === "passing") return this.feed?.give(bytes) ?? true;
    if (this.stage !== "keeping") return true;
    const copy = Buffer.from(bytes);
    if (this.keptBytes + copy.length > this.owner.entryBytesMax || !this.owner.reserve(copy.length)) {
      this.stopKeeping();
      return this.feed?.give(copy) ?? true;
    }
    this.kept.push(copy);
    this.keptBytes += copy.length;
    this.feed?.give(copy);
    return true;
  }

  /** It has turned out to be too large. */
  private stopKeeping(): void {
    this.stage = "passing";
    this.forgetKept();
    this.owner.over(this, "refused");
  }

  private forgetKept(): void {
    this.owner.reserve(-this.keptBytes);
    this.kept = [];
    this.keptBytes = 0;
  }

  end(trailers?: Fields): void {
    const { stage } = this;
    this.finish("over");
    if (stage === "keeping") this.keepWhole();
    if (stage === "passing" || stage === "keeping") this.feed?.end(trailers);
  }

  private keepWhole(): void {
    const { head, lifetime } = this;
    if (head === undefined || lifetime === undefined) return;
    const body = Buffer.concat(this.kept);
    this.forgetKept();
    // Shorter than it said: the client's session ends it visibly.
    const complete = head.length === LENGTH_UNKNOWN || head.length === body.length;
    if (complete) this.owner.store(this, head, body, lifetime);
    this.owner.over(this, complete ? "kept" : "failed");
  }

  abort(why: string): void {
    const { stage, request } = this;
    if (stage === "waiting" && request !== undefined) return void this.answer(request, 502, undefined);
    if (stage === "keeping") this.forgetKept();
    this.finish("cancelled");
    if (stage === "keeping" || stage === "passing") this.feed?.reply.abort(why);
    if (stage === "keeping") this.owner.over(this, "failed");
  }

  interim(head: ReplyHead): void {
    if (this.stage === "waiting") this.exchange?.reply.interim(head);
  }

  // ── decisions ─────────────────────────────────────────────────────────────────────────────────────────────────

  private judge(head: ReplyHead): Lifetime | undefined {
    return this.outdated ? undefined : this.owner.judge(this, head);
  }

  /** What is kept is renewed, or stands in for an error. */
  private standsIn(head: ReplyHead): boolean {
    const { stale, owner } = this;
    if (stale === undefined || this.stage !== "waiting") return false;
    if (head.status === 304) return this.answerFrom(owner.renew(this, stale, head));
    return ERRORS.has(head.status) && servesOnError(stale, owner.now()) && this.answerFrom(stale);
  }

  private answerFrom(entry: CacheEntry): true {
    this.stage = "discarding";
    const renewed = entry !== this.stale;
    if (this.exchange !== undefined) this.exchange.cacheStatus = renewed ? "REVALIDATED" : "STALE";
    this.giveTo(entry);
    for (const waiter of this.takeWaiters()) waiter.give(entry, renewed ? "HIT" : "STALE");
    this.owner.over(this, "kept");
    return true;
  }

  private giveTo(entry: CacheEntry): void {
    if (this.exchange?.reply.state === "waiting") give(entry, this.exchange, this.owner.now());
  }

  /** ErrorAnswers: the request failed inside this server, and everybody who waits is told. */
  answer(_: Exchange, status: number, extra: Fields | undefined): boolean {
    const { stale, owner, exchange } = this;
    if (this.stage !== "waiting") return true;
    if (stale !== undefined && ERRORS.has(status) && servesOnError(stale, owner.now())) {
      this.answerFrom(stale);
      this.finish("over");
      return true;
    }
    this.finish("over");
    if (exchange?.reply.state === "waiting") answer(exchange, status, extra);
    for (const waiter of this.takeWaiters()) waiter.answer(status, extra);
    this.owner.over(this, "failed");
    return true;
  }

  takeWaiters(): Waiter[] {
    const taken = [...this.waiters];
    this.waiters.clear();
    return taken;
  }

  private finish(stage: "over" | "cancelled"): void {
    this.stage = stage;
  }

  // ── the client ────────────────────────────────────────────────────────────────────────────────────────────────

  fed(): void {
    if (this.stage === "passing") this.producer?.drained();
  }

  clientGone(): void {
    if (this.stage === "keeping" || this.stage === "discarding") return;
    if (this.stage === "waiting" && this.waiters.size > 0) return;
    this.cancel();
  }

  /** Somebody who waited has left. */
  leave(waiter: Waiter): void {
    this.waiters.delete(waiter);
    if (this.waiters.size === 0 && this.stage === "waiting" && this.exchange?.reply.state === "gone") this.cancel();
  }

  private cancel(): void {
    const { stage } = this;
    if (stage === "over" || stage === "cancelled") return;
    this.stage = "cancelled";
    this.producer?.gone();
    if (stage === "waiting") this.owner.over(this, "failed");
  }
}

/** Words of the maker to its gateway stay here. */
function outgoing(head: ReplyHead): ReplyHead {
  if (!head.fields.has("x-accel-expires")) return head;
  const { status, reason, fields, length } = head;
  return { status, reason, fields: Fields.of(fields.pairs()).remove("x-accel-expires"), length };
}
