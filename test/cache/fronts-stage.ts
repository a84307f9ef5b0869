/**
 * Fronts with a cache each, whose clock and messages are the test's. What they say goes through the master as in the server: a
 * queue to it and one from it for each front, of which the test takes the next whenever it likes.
 */
import type { CacheOptions } from "../../src/cache/options.ts";
import type { DiskTier } from "../../src/cache/disk.ts";
import { keyOf } from "../../src/cache/request.ts";
import type { Content } from "../../src/cache/sibling-messages.ts";
import { type SharedCache, Siblings } from "../../src/cache/siblings.ts";
import { fakeExchange } from "../support/exchange.ts";
import { CacheStage, OPTIONS } from "./stage.ts";

type Mail =
  | {
      readonly kind: "said";
      readonly from: number;
      readonly to: number;
      readonly text: string;
      readonly body: Content | undefined;
    }
  | { readonly kind: "forget"; readonly from: number; readonly place: string }
  | { readonly kind: "lost"; readonly front: number };

/** Clocks of threads differ. */
const CLOCK_OFFSET_MS = 10_000;

export class FrontsStage {
  readonly fronts: CacheStage[] = [];
  /** Messages that were sent. */
  sent = 0;
  private readonly siblings: Siblings[] = [];
  private readonly inbound: Mail[][] = [];
  private readonly outbound: Mail[][] = [];
  private readonly gone = new Set<number>();
  private nowMs = 0;
  private readonly timers = new Set<{ readonly atMs: number; readonly done: () => void }>();
  private readonly options: Partial<CacheOptions>;

  constructor(count: number, options: Partial<CacheOptions> = {}, disks: readonly DiskTier[] = []) {
    this.options = options;
    for (let front = 0; front < count; front++) this.make(front, count, disks[front]);
  }

  private make(front: number, count: number, disk?: DiskTier): void {
    const siblings: Siblings = new Siblings({
      front,
      fronts: count,
      now: () => this.of(front).nowMs,
      post: (to, text, body) => {
        if (this.siblings[front] !== siblings || this.gone.has(front)) return;
        this.sent++;
        this.inbound[front]?.push({ kind: "said", from: front, to, text, body });
      },
      after: (delayMs, done) => {
        const timer = { atMs: this.nowMs + delayMs, done };
        this.timers.add(timer);
        return () => this.timers.delete(timer);
      },
    });
    this.inbound[front] = [];
    this.outbound[front] = [];
    this.siblings[front] = siblings;
    const stage = new CacheStage(this.options, disk, { siblings, id: "c" });
    stage.nowMs = this.nowMs + front * CLOCK_OFFSET_MS;
    this.fronts[front] = stage;
    this.serve(front);
  }

  serve(front: number, id = "c"): void {
    const { sharing } = this.of(front).cache;
    const caches: [string, SharedCache][] = sharing === undefined ? [] : [[id, sharing]];
    this.siblings[front]?.serve(new Map(caches));
  }

  get isQuiet(): boolean {
    return this.ways.length === 0 && this.timers.size === 0;
  }

  of(front: number): CacheStage {
    const stage = this.fronts[front];
    if (stage === undefined) throw new Error(`there is no front ${front}`);
    return stage;
  }

  /** A path whose key is at home there. */
  pathAt(front: number, nth = 0): string {
    for (let i = 0, found = 0; ; i++) {
      const key = keyOf(fakeExchange({ path: `/${i}` }).exchange, { ...OPTIONS });
      if (this.siblings[0]?.homeOf(key) === front && found++ === nth) return `/${i}`;
    }
  }

  /** Requests that came through, of all fronts. */
  get asked(): number {
    return this.fronts.reduce((sum, { asked }) => sum + asked.length, 0);
  }

  /** Places in which a message can be delivered. */
  get ways(): (() => void)[] {
    const ways: (() => void)[] = [];
    this.inbound.forEach((queue) => {
      if (queue.length > 0) ways.push(() => this.relay(queue.shift() as Mail));
    });
    this.outbound.forEach((queue, front) => {
      if (queue.length > 0) ways.push(() => this.receive(front, queue.shift() as Mail));
    });
    return ways;
  }

  /** Until nobody says anything any more. */
  deliver(): void {
    for (let [next] = this.ways; next !== undefined; [next] = this.ways) next();
  }

  private relay(mail: Mail): void {
    if (mail.kind === "said") return void this.send(mail.to, mail);
    this.fronts.forEach((_, front) => {
      if (!("from" in mail && mail.from === front)) this.send(front, mail);
    });
  }

  private send(front: number, mail: Mail): void {
    if (!this.gone.has(front)) this.outbound[front]?.push(mail);
  }

  private receive(front: number, mail: Mail): void {
    if (mail.kind === "said") this.siblings[front]?.receive(mail.from, mail.text, mail.body);
    else if (mail.kind === "lost") this.siblings[front]?.lost(mail.front);
    else this.of(front).cache.forget(mail.place);
  }

  advance(ms: number): void {
    this.nowMs += ms;
    for (const stage of this.fronts) stage.nowMs += ms;
    for (const timer of [...this.timers].toSorted((a, b) => a.atMs - b.atMs)) {
      if (timer.atMs <= this.nowMs && this.timers.delete(timer)) timer.done();
    }
    for (const stage of this.fronts) stage.cache.tick(stage.nowMs);
  }

  /** What a front has forgotten, the others are to forget. */
  forget(front: number, place: string): void {
    this.of(front).cache.forget(place);
    this.inbound[front]?.push({ kind: "forget", from: front, place });
  }

  /** It died, and is not replaced yet. What it said last may still be on its way. */
  kill(front: number): void {
    this.gone.add(front);
    this.outbound[front] = [];
    this.relay({ kind: "lost", front });
  }

  replace(front: number): void {
    this.gone.delete(front);
    const said = this.inbound[front] ?? [];
    this.make(front, this.fronts.length);
    this.inbound[front] = said;
  }
}
