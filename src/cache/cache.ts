/**
 * The response cache of one route in one front: a shared cache as in RFC 9111, around whatever handler the route has.
 *
 *   request ──▶ bypass ──────────────────────────────────────────────▶ handler
 *           ──▶ unsafe ──▶ handler; what is kept of the URL is forgotten
 *           ──▶ lookup ──▶ fresh ──▶ answered
 *                      ──▶ stale, may be renewed behind the client's back ──▶ answered, one fetch
 *                      ──▶ else: one fetch for all who ask (fill.ts), the others wait for it, bounded
 *
 * Each front has its own; before it fetches it asks another one, at which the key is at home (sharing.ts). `changed` tells the
 * siblings what to forget.
 */
import { monotonicMs, wallMs } from "../base/clock.ts";
import type { Exchange, Handler } from "../exchange/exchange.ts";
import { NO_BODY, onBehalfOf } from "../exchange/internal.ts";
import type { Fields } from "../protocol/http/fields.ts";
import type { ReplyHead } from "../protocol/http/message.ts";
import { ChangingReply } from "./changing-reply.ts";
import type { DiskTier } from "./disk.ts";
import type { DiskRecord } from "./disk-index.ts";
import { DiskReads, type ReadOwner } from "./disk-reads.ts";
import { answers, type CacheEntry, freshnessAt, give, makeEntry, refreshedHead } from "./entry.ts";
import type { Asking } from "./asking.ts";
import { Fill, type FillCause, type FillNames, type FillOwner } from "./fill.ts";
import { KeyMemory } from "./key-memory.ts";
import { type Lifetime, lifetimeOf } from "./lifetime.ts";
import { type CacheOptions, DISK_FLUSH_MS, HOME_ANSWER_MS, PASS_MS } from "./options.ts";
import type { Question } from "./question.ts";
import { asksForPart, fetchHead, isAuthorized, keyOf, kindOf, placeOf, varyingValue } from "./request.ts";
import { Sharing, type SharingOptions, type SharingOwner } from "./sharing.ts";
import { Store } from "./store.ts";
import { type WaitedFor, Waiter } from "./waiter.ts";

/** What a cache has done and holds, for people. */
export interface CacheUsage {
  readonly name: string;
  /** Requests that were answered from it, that made it ask, and that went past it. */
  readonly hits: number;
  readonly misses: number;
  readonly bypassed: number;
  readonly entries: number;
  readonly bytes: number;
  readonly diskEntries: number;
  readonly diskBytes: number;
}

export interface CacheContext {
  /** Of its route, for people. */
  readonly name: string;
  readonly options: CacheOptions;
  readonly next: Handler;
  /** What the other fronts are to forget, too. */
  readonly changed: (places: readonly string[]) => void;
  /** The second tier; undefined: what gives way in memory is gone. */
  readonly disk?: DiskTier | undefined;
  /** Undefined: there is one front. */
  readonly shared?: SharingOptions | undefined;
  readonly now?: () => number;
}

export class ResponseCache implements FillOwner, ReadOwner, SharingOwner {
  readonly entryBytesMax: number;
  readonly now: () => number;
  private readonly name: string;
  private hits = 0;
  private misses = 0;
  private bypassed = 0;
  private readonly options: CacheOptions;
  private next: Handler;
  private readonly changed: CacheContext["changed"];
  private readonly store_: Store;
  private readonly disk: DiskTier | undefined;
  private readonly reads: DiskReads | undefined;
  /** Fetches, and questions to the home of the key before them. */
  private readonly fills = new Map<string, WaitedFor>();
  readonly passes: KeyMemory;
  /** As other fronts ask it; undefined: there are none. */
  readonly sharing: Sharing | undefined;

  constructor({ name, options, next, changed, disk, shared, now = monotonicMs }: CacheContext) {
    this.name = name;
    this.options = options;
    this.next = next;
    this.changed = changed;
    this.now = now;
    this.entryBytesMax = options.entryBytesMax;
    this.disk = disk;
    this.reads = disk === undefined ? undefined : new DiskReads(disk, this);
    const half = options.memoryBytesMax / 2;
    const reservedMax = disk === undefined ? half : Math.max(half, options.entryBytesMax);
    this.passes = new KeyMemory(now);
    this.sharing = shared === undefined ? undefined : new Sharing(shared, this, options.waitMs);
    this.store_ = new Store(options.memoryBytesMax, reservedMax, (key, place, entry) => disk?.save(key, place, entry));
  }

  /** Replies that are kept. */
  get count(): number {
    return this.store_.count;
  }

  usage(): CacheUsage {
    const { name, hits, misses, bypassed, store_, disk } = this;
    const onDisk = { diskEntries: disk?.count ?? 0, diskBytes: disk?.bytes ?? 0 };
    return { name, hits, misses, bypassed, entries: store_.count, bytes: store_.bytes, ...onDisk };
  }

  readonly handler: Handler = (exchange) => {
    switch (kindOf(exchange, this.options)) {
      case "lookup":
        return this.lookup(exchange, true);
      case "bypass":
        return this.pass(exchange);
      case "unsafe":
        exchange.reply = new ChangingReply(exchange, (places) => this.change(places));
        return this.pass(exchange);
    }
  };

  /** What is asked from now on; what is kept stays. */
  goOnWith(next: Handler): void {
    this.next = next;
  }

  private pass(exchange: Exchange): void {
    this.bypassed++;
    exchange.cacheStatus = "BYPASS";
    this.next(exchange);
  }

  private lookup(exchange: Exchange, mayWait: boolean): void {
    const nowMs = this.now();
    const key = keyOf(exchange, this.options);
    const found = this.store_.find(key, exchange.head.fields);
    if (found === undefined && this.begunToRead(key, exchange, nowMs)) return;
    this.decide(found, key, exchange, mayWait, nowMs);
  }

  private begunToRead(key: string, exchange: Exchange, nowMs: number): boolean {
    const record = this.disk?.find(key, exchange.head.fields);
    return record !== undefined && this.reads?.begin(record, exchange, nowMs + this.options.waitMs) === true;
  }

  /** ReadOwner. What was stored while it was read is younger. */
  wasRead({ key, place }: DiskRecord, entry: CacheEntry | undefined, exchanges: readonly Exchange[]): void {
    const nowMs = this.now();
    const isNew = entry !== undefined && !this.store_.has(key, entry.vary);
    if (isNew && entry.bytes <= this.options.memoryBytesMax) this.store_.put(key, place, entry);
    for (const exchange of exchanges) {
      const found = this.store_.find(key, exchange.head.fields) ?? (isNew ? entry : undefined);
      this.decide(found, key, exchange, true, nowMs);
    }
  }

  private decide(
    found: CacheEntry | undefined,
    key: string,
    exchange: Exchange,
    mayWait: boolean,
    nowMs: number,
  ): void {
    const isAllowed = !isAuthorized(exchange) || found?.lifetime.forAuthorized === true;
    const isComplete = found !== undefined && found.head.status === 200 && freshnessAt(found, nowMs) !== "stale";
    if (!isComplete && asksForPart(exchange)) return this.look(exchange, key, mayWait);
    if (found !== undefined && isAllowed) return this.answerFrom(found, key, exchange, mayWait, nowMs);
    if (!isAllowed || this.passes.has(key)) return this.pass(exchange);
    if (exchange.head.method === "HEAD") return this.look(exchange, key, mayWait);
    this.fetch(exchange, key, undefined, mayWait);
  }

  private answerFrom(found: CacheEntry, key: string, exchange: Exchange, mayWait: boolean, nowMs: number): void {
    const freshness = freshnessAt(found, nowMs);
    if (freshness === "stale") {
      if (isAuthorized(exchange)) return this.pass(exchange);
      if (exchange.head.method === "HEAD") return this.look(exchange, key, mayWait);
      return this.fetch(exchange, key, found, mayWait);
    }
    this.hits++;
    exchange.cacheStatus = freshness === "fresh" ? "HIT" : "STALE";
    give(found, exchange, nowMs);
    if (freshness === "revalidate-behind" && !isAuthorized(exchange)) this.renewBehind(exchange, key, found);
  }

  // ── fetching ──────────────────────────────────────────────────────────────────────────────────────────────────

  private fetch(exchange: Exchange, key: string, stale: CacheEntry | undefined, mayWait: boolean): void {
    const name = this.nameOf(key, exchange.head.fields);
    const known = this.fills.get(name);
    if (known !== undefined) return this.join(known, exchange, mayWait);
    const names = { key, name, place: placeOf(exchange) };
    if (this.sharing?.mayAsk(key) !== true) return this.begin(names, { exchange, stale }, exchange);
    this.askHome(this.sharing, this.sharing.prepare({ names, wants: "any", stale }, mayWait), exchange);
  }

  private join(known: WaitedFor, exchange: Exchange, mayWait: boolean): void {
    if (!mayWait) return this.pass(exchange);
    void new Waiter(exchange, known, this.now() + this.options.waitMs, this.now);
  }

  private renewBehind(exchange: Exchange, key: string, stale: CacheEntry): void {
    const name = this.nameOf(key, exchange.head.fields);
    if (this.fills.has(name)) return;
    const names = { key, name, place: placeOf(exchange) };
    const { sharing } = this;
    if (sharing?.mayAsk(key) !== true) return this.begin(names, { exchange: undefined, stale }, exchange);
    const asking = sharing.prepare({ names, wants: "fresh", stale, behind: exchange }, true);
    this.fills.set(name, asking);
    sharing.ask(asking, exchange.head.fields);
  }

  /** For what is not fetched on behalf of all, and may be kept at the home of its key. */
  private look(exchange: Exchange, key: string, mayWait: boolean): void {
    const { sharing } = this;
    if (!mayWait || isAuthorized(exchange) || this.passes.has(key) || sharing?.mayLook(key) !== true)
      return this.pass(exchange);
    const name = `${this.nameOf(key, exchange.head.fields)}\n?`;
    const known = this.fills.get(name);
    if (known !== undefined) return this.join(known, exchange, mayWait);
    const names = { key, name, place: placeOf(exchange) };
    this.askHome(sharing, sharing.prepare({ names, wants: "kept", stale: undefined }, false), exchange);
  }

  private askHome(sharing: Sharing, asking: Asking, exchange: Exchange): void {
    this.fills.set(asking.names.name, asking);
    const untilMs = this.now() + Math.max(asking.waitMs, HOME_ANSWER_MS);
    void new Waiter(exchange, asking, untilMs, this.now);
    sharing.ask(asking, exchange.head.fields);
  }

  /** `asker`: the request on whose behalf it is made. */
  private begin(names: FillNames, cause: FillCause, asker: Exchange, others: readonly Waiter[] = []): void {
    const { exchange, stale } = cause;
    if (exchange !== undefined) {
      this.misses++;
      exchange.cacheStatus = stale === undefined ? "MISS" : "EXPIRED";
    }
    const fill = new Fill(this, names, cause);
    for (const { exchange: other, untilMs } of others) void new Waiter(other, fill, untilMs, this.now);
    this.fills.set(fill.name, fill);
    const request = onBehalfOf(asker, fetchHead(asker, this.options, stale), NO_BODY, fill);
    request.errorPages = fill;
    fill.request = request;
    this.next(request);
  }

  /** Those who will get the same reply, as far as is known before it comes. */
  nameOf(key: string, fields: Fields): string {
    const vary = this.store_.varyOf(key);
    return vary.length === 0 ? key : `${key}\n${vary.map((lower) => varyingValue(fields, lower)).join("\n")}`;
  }

  // ── SharingOwner ──────────────────────────────────────────────────────────────────────────────────────────────

  find(key: string, fields: Fields): CacheEntry | undefined {
    return this.store_.find(key, fields);
  }

  readFor({ key, fields }: Question, done: () => void): boolean {
    const record = this.disk?.find(key, fields);
    return record !== undefined && this.reads?.beginFor(record, done) === true;
  }

  take(key: string, place: string, entry: CacheEntry): void {
    this.disk?.supersede(key, entry.vary);
    this.store_.put(key, place, entry);
  }

  drop(key: string, entry: CacheEntry): void {
    this.store_.remove(key, entry);
    this.disk?.supersede(key, entry.vary);
  }

  private answered(asking: Asking): Waiter[] {
    const { name } = asking.names;
    if (this.fills.get(name) === asking) this.fills.delete(name);
    return asking.takeWaiters();
  }

  fetchFor(asking: Asking, stale: CacheEntry | undefined, lease: number | undefined): void {
    const { names, behind } = asking;
    const [first, ...others] = this.answered(asking);
    const asker = first?.exchange ?? behind;
    if (asker === undefined) return this.sharing?.giveBack(names, lease);
    this.begin(names, { exchange: first?.exchange, stale, lease }, asker, others);
  }

  giveTo(asking: Asking, entry: CacheEntry): void {
    const { key } = asking.names;
    for (const { exchange } of this.answered(asking)) {
      const { fields } = exchange.head;
      const found = this.store_.find(key, fields) ?? (answers(entry, fields) ? entry : undefined);
      this.decide(found, key, exchange, false, this.now());
    }
  }

  passBy(asking: Asking): void {
    for (const { exchange } of this.answered(asking)) this.pass(exchange);
  }

  // ── FillOwner ─────────────────────────────────────────────────────────────────────────────────────────────────

  judge(fill: Fill, head: ReplyHead): Lifetime | undefined {
    const { options } = this;
    const accelExpires = fill.request?.accelExpires;
    const sawCookies = options.bypassCookies.length === 0 && fill.request?.head.fields.has("cookie") === true;
    const delayMs = this.now() - fill.startedMs;
    return lifetimeOf(head, { accelExpires, sawCookies, wallMs: wallMs(), delayMs }, options);
  }

  reserve(bytes: number): boolean {
    return this.store_.reserve(bytes);
  }

  store(fill: Fill, head: ReplyHead, body: Buffer, lifetime: Lifetime): CacheEntry {
    const request = fill.request?.head.fields ?? head.fields;
    const entry = makeEntry(head, body, lifetime, request, this.now());
    this.disk?.supersede(fill.key, entry.vary);
    if (!fill.outdated) this.store_.put(fill.key, fill.place, entry);
    fill.entry = entry;
    return entry;
  }

  renew(fill: Fill, entry: CacheEntry, head: ReplyHead): CacheEntry {
    const refreshed = refreshedHead(entry, head);
    const lifetime = this.judge(fill, refreshed) ?? { ...entry.lifetime, freshMs: 0, ageMs: 0 };
    return this.store(fill, refreshed, entry.body, lifetime);
  }

  over(fill: Fill, how: "kept" | "refused" | "failed"): void {
    if (this.fills.get(fill.name) === fill) this.fills.delete(fill.name);
    if (how === "refused" && !fill.outdated) this.refused(fill);
    this.sharing?.over(fill, how);
    for (const waiter of fill.takeWaiters()) {
      if (!waiter.release()) continue;
      if (how === "kept") this.lookup(waiter.exchange, false);
      else this.pass(waiter.exchange);
    }
  }

  /** What was kept until now is gone with it, unless the server only has its troubles: nobody is to wait for replies that may
   *  not be kept because something stale still lies there. */
  private refused({ key, stale, status }: Fill): void {
    this.passes.add(key, PASS_MS);
    if (stale !== undefined && status < 500) this.drop(key, stale);
  }

  /** Compares deadlines with the clock; the front calls it about twice a second. */
  tick(nowMs: number): void {
    this.reads?.tick(nowMs);
    this.sharing?.tick(nowMs);
    for (const fill of this.fills.values()) {
      for (const waiter of fill.waiters) {
        if (nowMs < waiter.untilMs) continue;
        fill.waiters.delete(waiter);
        if (waiter.release()) this.pass(waiter.exchange);
      }
    }
  }

  /** Writes what is in memory to the disk, if there is one: the server stops. */
  async flush(): Promise<void> {
    const { disk } = this;
    if (disk === undefined) return;
    this.store_.each((key, place, entry) => disk.save(key, place, entry, true));
    await disk.flush(DISK_FLUSH_MS);
  }

  // ── forgetting ────────────────────────────────────────────────────────────────────────────────────────────────

  private change(places: readonly string[]): void {
    for (const place of places) this.forget(place);
    this.changed(places);
  }

  /** What is kept of a host and target, and what is on its way. With `*` at its end: of all that begin like this; `*` alone
   *  is everything. Returns how many replies. */
  forget(place: string): number {
    const prefix = place.endsWith("*") ? place.slice(0, -1) : undefined;
    const isMeant = (other: string) => (prefix === undefined ? other === place : other.startsWith(prefix));
    for (const fill of this.fills.values()) if (isMeant(fill.place)) fill.outdated = true;
    const inMemory = prefix === undefined ? this.store_.forget(place) : this.store_.forgetBelow(prefix);
    const count = inMemory + (this.disk?.forget(isMeant) ?? 0);
    this.sharing?.outdate(isMeant);
    return count;
  }
}
