/**
 * The certificate of one site, from the first order through all renewals: what it shows now, and when it does the next thing.
 *
 *   no certificate ──order──▶ shown ──time to renew──▶ order
 *                    │ ▲                                │
 *                    ▼ │ pause                          ▼ it failed: the old one goes on, a pause, again
 */
import { liveMs } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import { AcmeProblem, type Authority } from "./acme-client.ts";
import type { DnsHookOptions } from "./dns-hook.ts";
import { type LoadedPair, lifetimeOf } from "./files.ts";
import { internalPair, temporaryPair } from "./local.ts";
import { type ChallengeKind, renewalId, type Show } from "./order.ts";
import { hostOf, makeClient, orderAt, type OrderingContext } from "./ordering.ts";
import { type Attempt, chanceOf, isPressing, type Lifetime, nextAttempt, pauseMs, renewAtMs } from "./policy.ts";
import { askRenewalInfo } from "./renewal-info.ts";
import { type StandIn, standInFor } from "./stand-in.ts";
import { pairId, type Store } from "./store.ts";

/** What a site wants. */
export interface Wanted {
  /** Hosts and addresses; `*.example.org` only where dns-01 is among the challenges. */
  readonly names: readonly string[];
  readonly kind: "auto" | "internal";
  /** How the names can be proved, the best first; of `auto`. */
  readonly challenges: readonly ChallengeKind[];
  /** URL: of the authority that is asked first; "" of `internal`. */
  readonly directory: string;
}

export interface IssuerOptions {
  readonly authority: Authority;
  readonly second: Authority | undefined;
  /** Where `authority` can be tried out. */
  readonly staging: Authority | undefined;
  readonly contact: readonly string[];
  readonly profile: string | undefined;
  /** Of dns-01. */
  readonly dnsHook: DnsHookOptions | undefined;
}

export interface IssuerContext {
  readonly log: Log;
  readonly store: Store;
  /** Resolves when the answer can be seen from outside. */
  readonly show: Show;
  /** Another certificate is there. */
  readonly changed: () => void;
  readonly now?: () => number;
  /** Nobody sets it: pauses are measured by it. */
  readonly ticks?: () => number;
  readonly fetch?: OrderingContext["fetch"];
  readonly sleep?: (ms: number) => Promise<void>;
}

export interface IssueState {
  readonly source: "auto" | "internal" | "temporary";
  readonly pair: LoadedPair;
  /** Of the last order, when it failed; or of what it gave, when that cannot be kept. */
  readonly problem: string | undefined;
  /** Why it is not the one that is wanted; undefined when it is, or temporary. */
  readonly standsIn: string | undefined;
  /** When the next order is due, milliseconds since the epoch; undefined: another server orders. */
  readonly nextMs: number | undefined;
  /** Orders that failed since the last one that did not. */
  readonly failures: number;
}

/** Clocks are set, and machines sleep: none of our timers waits for longer before it looks at the clock again. */
const WAIT_MS_MAX = 60_000;
const BUG_PAUSE_MS = 3_600_000;
/** How often a server that may not write looks whether there is something new, or the lock free. */
const FOLLOW_MS = 10_000;
/** A rehearsal that fails so says nothing of the site. */
const NOT_OURS = /^(?:unreachable|rateLimited|serverInternal|timeout|status 5\d\d)$/;

/** What all jobs have in common. */
export interface JobHost {
  /** May this server order? Says once why not. */
  readonly mayWrite: boolean;
  readonly whyNot: string;
  readonly options: IssuerOptions;
  /** The authority of `internal`. */
  internalAuthority(): LoadedPair;
}

export class Job {
  private readonly id: string;
  private readonly wanted: Wanted;
  private readonly issuer: JobHost;
  private readonly context: IssuerContext;
  private readonly now: () => number;
  private readonly ticks: () => number;
  private pair: LoadedPair | undefined;
  /** Without `pair`: shown in its place; else a temporary one is made. */
  private standIn: StandIn | undefined;
  private temporary: LoadedPair | undefined;
  private failures = 0;
  private problem: string | undefined;
  private timer: Timer | undefined;
  private isStopped = true;
  private busy: Promise<void> | undefined;
  private isForced = false;
  private nextMs: number | undefined = undefined;
  /** Of the authority (RFC 9773), and when it is asked again, by `ticks`. */
  private window: Lifetime | undefined;
  private askAtMs = 0;
  private renewal: Promise<string | undefined> | undefined;
  /** After a failure, by `ticks`. */
  private pausedUntil = 0;
  /** Until when an authority, by its directory, does not want to see us; by `ticks`. */
  private readonly barredUntil = new Map<string, number>();

  constructor(wanted: Wanted, issuer: JobHost, context: IssuerContext) {
    this.id = pairId(wanted.names, wanted.directory);
    this.wanted = wanted;
    this.issuer = issuer;
    this.context = context;
    this.now = context.now ?? Date.now;
    this.ticks = context.ticks ?? liveMs;
    this.pair = this.stored();
    if (this.pair === undefined) this.standIn = standInFor(wanted.names, context.store.pairs(), this.now());
  }

  private stored(): LoadedPair | undefined {
    const found = this.context.store.pair(this.id);
    return found !== undefined && lifetimeOf(found).toMs > this.now() ? found : undefined;
  }

  get state(): IssueState {
    const { problem, nextMs, failures, standIn } = this;
    const pair = this.pair ?? standIn?.pair;
    const rest = { problem, nextMs, failures, standsIn: this.pair === undefined ? standIn?.why : undefined };
    if (pair !== undefined) return { source: this.wanted.kind, pair, ...rest };
    this.temporary ??= temporaryPair(this.wanted.names, this.now());
    return { source: "temporary", pair: this.temporary, ...rest };
  }

  begin(): void {
    if (!this.isStopped) return;
    this.isStopped = false;
    if (this.pair === undefined && this.wanted.kind === "auto")
      this.say("notice", this.standIn?.why ?? "a temporary certificate is shown until there is one");
    this.wait(0);
  }

  stop(): void {
    this.isStopped = true;
    clearTimeout(this.timer);
  }

  /** An order now, due or not; who asks while one that was asked for is under way gets that. Undefined: it went well; else why
   *  not. */
  renew(): Promise<string | undefined> {
    this.renewal ??= this.renewNow().finally(() => (this.renewal = undefined));
    return this.renewal;
  }

  private async renewNow(): Promise<string | undefined> {
    await this.busy;
    if (!this.issuer.mayWrite) return this.issuer.whyNot;
    this.isForced = true;
    await this.turn();
    return this.problem;
  }

  /** An order where it costs nothing, whose certificate is not shown. Throws AcmeProblem. */
  async rehearse(staging: Authority): Promise<LoadedPair> {
    await this.busy;
    return this.rehearseAt(staging);
  }

  private wait(ms: number): void {
    clearTimeout(this.timer);
    if (!this.isStopped) this.timer = setTimeout(() => void this.turn(), Math.min(ms, WAIT_MS_MAX));
  }

  /** Never rejects. */
  private turn(): Promise<void> {
    this.busy ??= this.takeTurn().finally(() => (this.busy = undefined));
    return this.busy;
  }

  private async takeTurn(): Promise<void> {
    try {
      const waitMs = await this.step();
      this.nextMs = this.issuer.mayWrite ? Math.round(this.now() + waitMs) : undefined;
      this.wait(waitMs);
    } catch (error) {
      this.say("crit", `unexpected error: ${error instanceof Error ? error.stack : String(error)}`);
      this.pausedUntil = this.ticks() + BUG_PAUSE_MS;
      this.wait(WAIT_MS_MAX);
    }
  }

  /** How long there is nothing to do. */
  private async step(): Promise<number> {
    if (!this.issuer.mayWrite) return this.follow();
    if (this.problem === this.issuer.whyNot) this.problem = undefined;
    this.takeStored();
    const isForced = this.isForced;
    this.isForced = false;
    this.dropExpired();
    const pausedMs = this.pausedUntil - this.ticks();
    if (!isForced && pausedMs > 0) return Math.max(pausedMs, this.untilDueMs);
    const dueMs = await this.dueMs();
    if (!isForced && dueMs > this.now()) return dueMs - this.now();
    try {
      this.take(await (this.wanted.kind === "internal" ? this.sign() : this.order()));
      const nextMs = (await this.dueMs()) - this.now();
      if (nextMs <= 0) throw new AcmeProblem("clock", OVER_AT_ONCE);
      this.failures = 0;
      this.pausedUntil = 0;
      return nextMs;
    } catch (error) {
      return this.failed(error);
    }
  }

  /** Another server orders: what it has is shown here as well. */
  private follow(): number {
    this.problem = this.issuer.whyNot;
    this.takeStored();
    return FOLLOW_MS;
  }

  /** Not one that is older than what could not be kept. */
  private takeStored(): void {
    const found = this.stored();
    if (found === undefined) return;
    const { fromMs = Number.POSITIVE_INFINITY, toMs = 0 } = this.pair === undefined ? {} : lifetimeOf(this.pair);
    if (found.cert === this.pair?.cert || (fromMs <= this.now() && lifetimeOf(found).toMs <= toMs)) return;
    this.shows(found);
  }

  private async dueMs(): Promise<number> {
    if (this.pair !== undefined && this.wanted.kind === "auto" && this.ticks() >= this.askAtMs)
      await this.askWindow(this.pair);
    return this.now() + this.untilDueMs;
  }

  /** By what is known of its window. */
  private get untilDueMs(): number {
    if (this.pair === undefined) return 0;
    // Signed by a clock of ours that was ahead. An authority's clock is better than ours.
    if (this.wanted.kind === "internal" && lifetimeOf(this.pair).fromMs > this.now()) return 0;
    return renewAtMs(lifetimeOf(this.pair), this.window, chanceOf(this.pair.cert)) - this.now();
  }

  private async askWindow({ cert }: LoadedPair): Promise<void> {
    const { authority, second, contact } = this.issuer.options;
    const { store, fetch } = this.context;
    const clients = [authority, second].flatMap((each) =>
      each === undefined ? [] : [makeClient({ authority: each, contact }, { store, fetch })],
    );
    const { window, explanation, askAgainMs } = await askRenewalInfo(clients, cert);
    if (window !== undefined && explanation !== "" && window.fromMs !== this.window?.fromMs)
      this.say("notice", `why the authority wants it renewed from ${minuteOf(window.fromMs)} on: ${explanation}`);
    // That it cannot be reached now takes back nothing.
    this.window = window ?? this.window;
    this.askAtMs = this.ticks() + askAgainMs;
  }

  private async order(): Promise<LoadedPair> {
    const { attempt, authority, staging } = this.attempt();
    if (attempt.rehearsed && staging !== undefined) {
      this.say("info", `ordering at ${hostOf(staging)} first, to see whether it works now`);
      await this.rehearseFirst(staging);
    }
    this.say("notice", `ordering a certificate at ${hostOf(authority)}`);
    try {
      const before = this.pair ?? this.standIn?.pair;
      const pair = await this.orderAt(authority, before === undefined ? undefined : renewalId(before.cert));
      this.barredUntil.delete(authority.directory);
      return pair;
    } catch (error) {
      // That it is busy for a minute takes back nothing of the hours that it said before.
      if (error instanceof AcmeProblem)
        this.barredUntil.set(
          authority.directory,
          this.ticks() + Math.max(this.barredMs(authority), error.retryAfterMs),
        );
      throw error;
    }
  }

  private attempt() {
    const { authority, second, staging } = this.issuer.options;
    const isBarred = (each: Authority | undefined) => each !== undefined && this.barredMs(each) > 0;
    const attempt: Attempt = nextAttempt(this.failures, {
      hasSecond: second !== undefined,
      hasStaging: staging !== undefined,
      isFirstBarred: isBarred(authority),
      isSecondBarred: isBarred(second),
    });
    return { attempt, authority: (attempt.authority === "second" ? second : undefined) ?? authority, staging };
  }

  private barredMs({ directory }: Authority): number {
    return Math.max(0, (this.barredUntil.get(directory) ?? 0) - this.ticks());
  }

  private async rehearseFirst(staging: Authority): Promise<void> {
    try {
      await this.rehearseAt(staging);
    } catch (error) {
      if (!(error instanceof AcmeProblem) || !NOT_OURS.test(error.kind)) throw error;
      this.say("info", `it does not show: ${error.message}`);
    }
  }

  /** It takes the place of nothing. */
  private rehearseAt(staging: Authority): Promise<LoadedPair> {
    return this.orderAt(staging, undefined);
  }

  private orderAt(authority: Authority, replaces: string | undefined): Promise<LoadedPair> {
    const { contact, profile, dnsHook } = this.issuer.options;
    const { store, show, fetch, sleep = Bun.sleep } = this.context;
    const wanted = { authority, names: this.wanted.names, kinds: this.kinds(), contact, profile, dnsHook, replaces };
    return orderAt(wanted, { store, show, fetch, sleep, say: (level, text) => this.say(level, text) });
  }

  /** What did not work is not the first thing that is tried again. */
  private kinds(): readonly ChallengeKind[] {
    const { challenges } = this.wanted;
    const turn = challenges.length === 0 ? 0 : this.failures % challenges.length;
    return [...challenges.slice(turn), ...challenges.slice(0, turn)];
  }

  /** By the authority of our own. */
  private async sign(): Promise<LoadedPair> {
    return internalPair(this.wanted.names, this.issuer.internalAuthority(), this.now());
  }

  /** It is shown even when it cannot be kept: the next order may have to wait for a week. */
  private take(pair: LoadedPair): void {
    this.problem = undefined;
    try {
      this.context.store.keepPair(this.id, pair);
    } catch (error) {
      this.problem = `the certificate cannot be kept, and is lost with a restart: ${(error as Error).message}`;
      this.say("error", this.problem);
    }
    this.window = undefined;
    this.askAtMs = 0;
    const { toMs } = lifetimeOf(pair);
    this.say("notice", `shows a new certificate, valid until ${minuteOf(toMs)}`);
    this.shows(pair);
  }

  private shows(pair: LoadedPair): void {
    this.pair = pair;
    this.standIn = undefined;
    this.context.changed();
  }

  private failed(error: unknown): number {
    this.failures++;
    const { authority, second } = this.issuer.options;
    const barred = [authority, second].flatMap((each) => (each === undefined ? [] : [this.barredMs(each)]));
    const pause = pauseMs(this.failures, this.wanted.kind === "auto" ? barred : [], Math.random());
    this.pausedUntil = this.ticks() + pause;
    const waitMs = Math.max(pause, this.untilDueMs);
    const again =
      waitMs === pause
        ? `tried again in ${Math.ceil(pause / 60_000)} min`
        : `tried again when it is due, ${minuteOf(this.now() + waitMs)}`;
    const what = (this.pair ?? this.standIn) === undefined ? "no certificate" : "no new certificate";
    this.problem = `${what} could be had: ${(error as Error).message}; ${again}`;
    const isBad = this.pair === undefined || isPressing(lifetimeOf(this.pair), this.now());
    this.say(isBad ? "error" : "warn", this.problem);
    this.dropExpired();
    return waitMs;
  }

  /** Browsers refuse both; of a temporary one it is at least plain why. It is made anew when it is over itself. */
  private dropExpired(): void {
    const shown = this.pair ?? this.standIn?.pair ?? this.temporary;
    if (shown === undefined || lifetimeOf(shown).toMs > this.now()) return;
    this.pair = undefined;
    this.standIn = undefined;
    this.temporary = undefined;
    this.context.changed();
  }

  private say(level: "info" | "notice" | "warn" | "error" | "crit", text: string): void {
    this.context.log[level](`${this.wanted.names[0] ?? ""}: ${text}`);
  }
}

const OVER_AT_ONCE =
  "the new certificate is to be renewed at once by this machine's clock, or by its authority's word: is the clock right?";

function minuteOf(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 16)}Z`;
}
