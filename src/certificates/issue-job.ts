/**
 * The certificate of one site, from the first order through all renewals: what it shows now, and when it does the next thing.
 *
 *   no certificate ──order──▶ shown ──time to renew──▶ order
 *                    │ ▲                                │
 *                    ▼ │ pause                          ▼ it failed: the old one goes on, a pause, again
 */
import { createHash } from "node:crypto";
import type { Log } from "../base/log.ts";
import { AcmeClient, AcmeProblem, type Authority } from "./acme-client.ts";
import type { LoadedPair } from "./files.ts";
import { makeCertificate, newKey } from "./make.ts";
import { type Challenge, type ChallengeKind, order, renewalId } from "./order.ts";
import { keyText, parseCertificates, parsePrivateKey } from "./pem.ts";
import { ASK_AGAIN_MS, type Attempt, isPressing, type Lifetime, pauseMs, renewAtMs } from "./policy.ts";
import type { Store } from "./store.ts";

/** What a site wants. */
export interface Wanted {
  /** Exact hosts and addresses. */
  readonly names: readonly string[];
  readonly kind: "auto" | "internal";
  /** How the names can be proved, the best first; of `auto`. */
  readonly challenges: readonly ChallengeKind[];
}

export interface IssuerOptions {
  readonly authority: Authority;
  readonly second: Authority | undefined;
  /** Where `authority` can be tried out. */
  readonly staging: Authority | undefined;
  readonly contact: readonly string[];
  readonly profile: string | undefined;
}

export interface IssuerContext {
  readonly log: Log;
  readonly store: Store;
  /** Resolves when the answer can be seen from outside. */
  readonly show: (challenge: Challenge) => Promise<() => void>;
  /** Another certificate is there. */
  readonly changed: () => void;
  readonly now?: () => number;
  readonly fetch?: ConstructorParameters<typeof AcmeClient>[3];
  readonly sleep?: (ms: number) => Promise<void>;
}

export interface IssueState {
  readonly source: "auto" | "internal" | "temporary";
  readonly pair: LoadedPair;
  /** Of the last order, when it failed. */
  readonly problem: string | undefined;
}

const DAY_MS = 86_400_000;
const TEMPORARY_MS = 7 * DAY_MS;
const INTERNAL_MS = 14 * DAY_MS;
/** Timers of longer than 24 days fire at once; and clocks are set: none of ours waits for longer. */
const WAIT_MS_MAX = 3_600_000;
/** How often a server that may not write looks whether there is something new, or the lock free. */
const FOLLOW_MS = 60_000;
/** A temporary certificate begins in the past, for clients whose clocks are late. */
export const SLACK_MS = 3_600_000;

/** What all jobs have in common. */
export interface JobHost {
  /** May this server order? Says once why not. */
  readonly mayWrite: boolean;
  readonly whyNot: string;
  attempt(failures: number): { readonly attempt: Attempt; readonly options: IssuerOptions };
  /** The authority of `internal`. */
  internalAuthority(): LoadedPair;
}

export class Job {
  private readonly id: string;
  private readonly wanted: Wanted;
  private readonly issuer: JobHost;
  private readonly context: IssuerContext;
  private readonly now: () => number;
  private pair: LoadedPair | undefined;
  private temporary: LoadedPair | undefined;
  private failures = 0;
  private problem: string | undefined;
  private timer: Timer | undefined;
  private isStopped = true;
  private isBusy = false;
  /** Of the authority (RFC 9773), and when it is asked again. */
  private window: Lifetime | undefined;
  private askAtMs = 0;

  constructor(id: string, wanted: Wanted, issuer: JobHost, context: IssuerContext) {
    this.id = id;
    this.wanted = wanted;
    this.issuer = issuer;
    this.context = context;
    this.now = context.now ?? Date.now;
    this.pair = this.stored();
  }

  private stored(): LoadedPair | undefined {
    const found = this.context.store.pair(this.id);
    return found !== undefined && lifetimeOf(found).toMs > this.now() ? found : undefined;
  }

  get state(): IssueState {
    const { pair, problem } = this;
    if (pair !== undefined) return { source: this.wanted.kind, pair, problem };
    this.temporary ??= this.makeTemporary();
    return { source: "temporary", pair: this.temporary, problem };
  }

  private makeTemporary(): LoadedPair {
    const { names } = this.wanted;
    const key = newKey();
    const now = this.now();
    const subject = `temporary certificate of ${names[0] ?? "a site"}`.slice(0, 64);
    const dates = { from: new Date(now - SLACK_MS), to: new Date(now + TEMPORARY_MS) };
    const cert = makeCertificate({ subject, names, key, ...dates });
    return { chain: parseCertificates(cert), cert, key: keyText(key) };
  }

  begin(): void {
    if (!this.isStopped) return;
    this.isStopped = false;
    if (this.pair === undefined) this.say("notice", "a temporary certificate is shown until there is one");
    this.wait(0);
  }

  stop(): void {
    this.isStopped = true;
    clearTimeout(this.timer);
  }

  private wait(ms: number): void {
    clearTimeout(this.timer);
    if (!this.isStopped) this.timer = setTimeout(() => void this.turn(), Math.min(ms, WAIT_MS_MAX));
  }

  /** Never rejects. */
  private async turn(): Promise<void> {
    if (this.isBusy) return;
    this.isBusy = true;
    try {
      this.wait(await this.step());
    } catch (error) {
      this.say("crit", `unexpected error: ${error instanceof Error ? error.stack : String(error)}`);
      this.wait(WAIT_MS_MAX);
    } finally {
      this.isBusy = false;
    }
  }

  /** How long there is nothing to do. */
  private async step(): Promise<number> {
    if (!this.issuer.mayWrite) return this.follow();
    this.takeStored();
    const dueMs = await this.dueMs();
    if (dueMs > this.now()) return dueMs - this.now();
    try {
      await (this.wanted.kind === "internal" ? this.sign() : this.order());
      this.failures = 0;
      this.problem = undefined;
      return 0;
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

  private takeStored(): void {
    const found = this.stored();
    if (found === undefined || found.cert === this.pair?.cert) return;
    this.pair = found;
    this.context.changed();
  }

  private async dueMs(): Promise<number> {
    if (this.pair === undefined) return 0;
    if (this.wanted.kind === "auto" && this.now() >= this.askAtMs) await this.askWindow(this.pair);
    return renewAtMs(lifetimeOf(this.pair), this.window, chanceOf(this.pair.cert));
  }

  /** An authority that has no opinion, or cannot be reached, is asked again later. */
  private async askWindow(pair: LoadedPair): Promise<void> {
    this.askAtMs = this.now() + ASK_AGAIN_MS;
    this.window = undefined;
    const { options } = this.issuer.attempt(0);
    const client = this.client(options, options.authority);
    const id = renewalId(pair.cert);
    try {
      const { renewalInfo } = await client.directory();
      if (renewalInfo === undefined || id === undefined) return;
      const { json, retryAfterMs } = await client.get(`${renewalInfo}/${id}`);
      const { start, end } = json["suggestedWindow"] as Record<string, string>;
      const found = { fromMs: Date.parse(start ?? ""), toMs: Date.parse(end ?? "") };
      if (found.fromMs <= found.toMs) this.window = found;
      if (retryAfterMs > 0) this.askAtMs = this.now() + Math.min(retryAfterMs, 24 * WAIT_MS_MAX);
    } catch (error) {
      if (!(error instanceof AcmeProblem) && !(error instanceof TypeError)) throw error;
    }
  }

  private client(options: IssuerOptions, authority: Authority): AcmeClient {
    const account = this.context.store.account(authority.directory);
    return new AcmeClient(authority, account, options.contact, this.context.fetch);
  }

  private async order(): Promise<void> {
    const { attempt, options } = this.issuer.attempt(this.failures);
    if (attempt.rehearsed && options.staging !== undefined) {
      this.say("info", `ordering at ${hostOf(options.staging)} first, to see whether it works now`);
      await this.orderAt(options.staging, options);
    }
    const authority = (attempt.authority === "second" ? options.second : undefined) ?? options.authority;
    this.say("notice", `ordering a certificate at ${hostOf(authority)}`);
    const { cert, key } = await this.orderAt(authority, options);
    this.context.store.keepPair(this.id, { cert, key });
    this.take({ chain: parseCertificates(cert), cert, key });
  }

  private async orderAt(authority: Authority, options: IssuerOptions): Promise<{ cert: string; key: string }> {
    const { store, show, sleep = Bun.sleep } = this.context;
    const client = this.client(options, authority);
    const isNew = client.account.kid === undefined;
    await client.register();
    if (isNew) store.keepAccount(authority.directory, client.account);
    const key = newKey();
    const cert = await order(client, {
      names: this.wanted.names,
      key,
      kinds: this.kinds(),
      show,
      profile: options.profile,
      replaces: this.pair === undefined ? undefined : renewalId(this.pair.cert),
      sleep,
    });
    return { cert, key: keyText(key) };
  }

  /** What did not work is not the first thing that is tried again. */
  private kinds(): readonly ChallengeKind[] {
    const { challenges } = this.wanted;
    const turn = challenges.length === 0 ? 0 : this.failures % challenges.length;
    return [...challenges.slice(turn), ...challenges.slice(0, turn)];
  }

  /** By the authority of our own. */
  private async sign(): Promise<void> {
    const authority = this.issuer.internalAuthority();
    const key = newKey();
    const now = this.now();
    const issuerKey = authority.chain[0];
    const subject = /CN=(.*)/.exec(issuerKey?.subject ?? "")?.[1] ?? "";
    const leaf = makeCertificate({
      subject: (this.wanted.names[0] ?? "").slice(0, 64),
      names: this.wanted.names,
      key,
      from: new Date(now - SLACK_MS),
      to: new Date(now + INTERNAL_MS),
      issuer: { subject, key: keyOf(authority) },
    });
    const cert = leaf + authority.cert;
    this.context.store.keepPair(this.id, { cert, key: keyText(key) });
    this.take({ chain: parseCertificates(cert), cert, key: keyText(key) });
  }

  private take(pair: LoadedPair): void {
    this.pair = pair;
    this.window = undefined;
    this.askAtMs = 0;
    const { toMs } = lifetimeOf(pair);
    this.say("notice", `shows a new certificate, valid until ${new Date(toMs).toISOString().slice(0, 16)}Z`);
    this.context.changed();
  }

  private failed(error: unknown): number {
    this.failures++;
    const { message, retryAfterMs = 0 } = error as AcmeProblem;
    const pause = pauseMs(this.failures, retryAfterMs, Math.random());
    const again = `tried again in ${Math.ceil(pause / 60_000)} min`;
    this.problem = `no certificate could be had: ${message}; ${again}`;
    const isBad = this.pair === undefined || isPressing(lifetimeOf(this.pair), this.now());
    this.say(isBad ? "error" : "warn", this.problem);
    if (this.pair !== undefined && lifetimeOf(this.pair).toMs <= this.now()) this.expire();
    return pause;
  }

  /** Browsers refuse both; of a temporary one it is at least plain why. */
  private expire(): void {
    this.pair = undefined;
    this.context.changed();
  }

  private say(level: "info" | "notice" | "warn" | "error" | "crit", text: string): void {
    this.context.log[level](`${this.wanted.names[0] ?? ""}: ${text}`);
  }
}

function keyOf({ key }: LoadedPair) {
  return parsePrivateKey(key, undefined);
}

function lifetimeOf({ chain }: LoadedPair): Lifetime {
  const [leaf] = chain;
  return { fromMs: leaf?.validFromDate.getTime() ?? 0, toMs: leaf?.validToDate.getTime() ?? 0 };
}

/** The same for the same certificate, also after a restart. */
function chanceOf(cert: string): number {
  return createHash("sha256").update(cert).digest().readUInt32BE(0) / 2 ** 32;
}

function hostOf({ directory }: Authority): string {
  return new URL(directory).host;
}
