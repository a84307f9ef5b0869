/**
 * Several fronts in random order: requests, replies, messages one by one, changes, clients that leave, fronts that die, time that
 * goes by. Whatever happens: everybody is answered in the end, nobody gets what was changed before he asked the same front, and
 * nothing is kept that was changed.
 */
import { expect, test } from "bun:test";
import type { Exchange } from "../../src/exchange/exchange.ts";
import { Fields } from "../../src/protocol/http/fields.ts";
import type { FakeExchange } from "../support/exchange.ts";
import { mulberry32 } from "../support/http1.ts";
import { FrontsStage } from "./fronts-stage.ts";
import { FRESH, type Pairs } from "./stage.ts";

const FRONTS = 3;
const PATHS = 3;
const STEPS = 400;
const ROUNDS = 150;

interface Asker {
  readonly made: FakeExchange;
  readonly front: number;
  readonly stage: FrontsStage["fronts"][number];
  /** The oldest that it may be given. */
  readonly atLeast: number;
  left: boolean;
}

class Rehearsal {
  readonly fronts = new FrontsStage(FRONTS);
  readonly versions = Array<number>(PATHS).fill(1);
  /** By front and path: what it has changed itself. */
  readonly known = new Map<string, number>();
  readonly askers: Asker[] = [];
  /** What the upstream works at, and what it will say. */
  readonly work: { readonly exchange: Exchange; readonly text: string; readonly fields: Pairs }[] = [];
  private readonly seen = new Set<Exchange>();
  readonly paths: string[] = [];
  private readonly random: () => number;
  dead: number | undefined;

  constructor(random: () => number) {
    this.random = random;
    for (let path = 0; path < PATHS; path++) this.paths.push(this.fronts.pathAt(path % FRONTS, path));
  }

  below(count: number): number {
    return Math.floor(this.random() * count);
  }

  step(): void {
    const { fronts } = this;
    const kind = this.below(100);
    if (kind < 25) this.request(this.below(FRONTS), this.below(PATHS));
    else if (kind < 65) this.one(fronts.ways)?.();
    else if (kind < 82) this.answer(this.below(this.work.length));
    else if (kind < 88) this.change(this.below(FRONTS), this.below(PATHS));
    else if (kind < 92) this.leave();
    else if (kind < 98) fronts.advance([1, 100, 251, 3000][this.below(4)] ?? 1);
    else this.dieOrCome();
    this.lookAtWork();
  }

  private one<T>(all: readonly T[]): T | undefined {
    return all[this.below(all.length)];
  }

  private request(front: number, path: number): void {
    if (front === this.dead) return;
    const atLeast = this.known.get(`${front} ${path}`) ?? 0;
    const stage = this.fronts.of(front);
    this.askers.push({ made: stage.request({ path: this.paths[path] ?? "" }), front, stage, atLeast, left: false });
  }

  /** It says what is so when it is asked. */
  private lookAtWork(): void {
    for (const { asked } of this.fronts.fronts) {
      for (const exchange of asked) {
        if (this.seen.has(exchange)) continue;
        this.seen.add(exchange);
        const path = this.paths.indexOf(exchange.head.path);
        const kind = this.below(10);
        const fields = kind < 7 ? FRESH : kind < 8 ? [] : ([["Cache-Control", "max-age=0, stale-if-error=9"]] as const);
        this.work.push({ exchange, text: String(this.versions[path]), fields });
      }
    }
  }

  private answer(nth: number): void {
    const [{ exchange, text, fields } = {}] = this.work.splice(nth, 1);
    if (exchange?.reply.state !== "waiting") return;
    const head = { status: 200, reason: undefined, fields: Fields.of(fields ?? []), length: text?.length ?? 0 };
    exchange.reply.whole(head, Buffer.from(text ?? ""));
  }

  private change(front: number, path: number): void {
    if (front === this.dead) return;
    const version = (this.versions[path] ?? 0) + 1;
    this.versions[path] = version;
    this.known.set(`${front} ${path}`, version);
    this.fronts.forget(front, `localhost${this.paths[path]}`);
  }

  private leave(): void {
    const waiting = this.askers.filter(({ made }) => made.reply.state === "waiting");
    const asker = this.one(waiting);
    if (asker === undefined) return;
    asker.left = true;
    asker.made.reply.leave();
    // As a session does.
    Object.assign(asker.made.reply, { whole: () => {}, start: () => {} });
  }

  private dieOrCome(): void {
    if (this.dead === undefined) {
      this.dead = this.below(FRONTS);
      for (const asker of this.askers) if (asker.front === this.dead) asker.left = true;
      this.fronts.kill(this.dead);
      return;
    }
    this.fronts.replace(this.dead);
    for (let path = 0; path < PATHS; path++) this.known.delete(`${this.dead} ${path}`);
    this.dead = undefined;
  }

  /** Everything comes to its end. */
  settle(): void {
    if (this.dead !== undefined) this.dieOrCome();
    for (let round = 0; round < 20; round++) {
      this.fronts.deliver();
      this.lookAtWork();
      while (this.work.length > 0) {
        this.answer(0);
        this.fronts.deliver();
        this.lookAtWork();
      }
      this.fronts.advance(3000);
    }
  }
}

test("everybody is answered, with nothing that is older than what his front knew", () => {
  let shared = 0;
  for (let seed = 1; seed <= ROUNDS; seed++) {
    const rehearsal = new Rehearsal(mulberry32(seed));
    for (let step = 0; step < STEPS; step++) rehearsal.step();
    rehearsal.settle();
    for (const { made, atLeast, left, stage } of rehearsal.askers) {
      if (left) continue;
      expect([seed, made.reply.state]).toEqual([seed, "finished"]);
      expect(Number(made.reply.text), `seed ${seed}: ${stage.show(made)}`).toBeGreaterThanOrEqual(atLeast);
      if (made.exchange.cacheStatus === "HIT") shared++;
    }
    expect([seed, rehearsal.fronts.isQuiet]).toEqual([seed, true]);
    for (let path = 0; path < PATHS; path++) {
      for (const stage of rehearsal.fronts.fronts) {
        const kept = stage.cache.find(`http://localhost${rehearsal.paths[path]}  `, new Fields());
        if (kept !== undefined) expect([seed, kept.body.toString()]).toEqual([seed, String(rehearsal.versions[path])]);
      }
    }
  }
  expect(shared).toBeGreaterThan(1000);
});
