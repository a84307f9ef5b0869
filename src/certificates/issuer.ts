/**
 * Certificates that come by themselves: for each site one, taken from the store, ordered when it is missing, renewed before
 * it ends. It lives as long as the server; a reload tells it what is wanted from now on. Until an authority has answered,
 * the site shows a temporary certificate that signs itself. Nothing here decides when (policy.ts) or speaks a protocol
 * (order.ts).
 */
import type { LockFile } from "../os/lock-file.ts";
import type { LoadedPair } from "./files.ts";
import {
  type IssuerContext,
  type IssuerOptions,
  type IssueState,
  Job,
  type JobHost,
  SLACK_MS,
  type Wanted,
} from "./issue-job.ts";
import { makeCertificate, newKey } from "./make.ts";
import { keyText, parseCertificates } from "./pem.ts";
import { type Attempt, nextAttempt } from "./policy.ts";
import { pairId } from "./store.ts";

const DAY_MS = 86_400_000;
const AUTHORITY_MS = 3650 * DAY_MS;

export class Issuer implements JobHost {
  private options: IssuerOptions;
  private readonly context: IssuerContext;
  private readonly now: () => number;
  private jobs = new Map<string, Job>();
  private held: LockFile | undefined;
  private saidWhy = "";

  constructor(options: IssuerOptions, context: IssuerContext) {
    this.options = options;
    this.context = context;
    this.now = context.now ?? Date.now;
  }

  /** What there is for these names, made if need be; orders begin with `start`. */
  state(wanted: Wanted): IssueState {
    return this.job(wanted).state;
  }

  private job(wanted: Wanted): Job {
    const id = pairId(wanted.names);
    const known = this.jobs.get(id) ?? new Job(id, wanted, this, this.context);
    this.jobs.set(id, known);
    return known;
  }

  /** From now on these are wanted, and no others. */
  start(all: readonly Wanted[], options: IssuerOptions): void {
    this.options = options;
    const kept = new Map(all.map((wanted) => [pairId(wanted.names), this.job(wanted)]));
    for (const [id, job] of this.jobs) if (!kept.has(id)) job.stop();
    this.jobs = kept;
    for (const job of kept.values()) job.begin();
  }

  stop(): void {
    for (const job of this.jobs.values()) job.stop();
    this.held?.release();
    this.held = undefined;
  }

  /** May this server order? Says once why not. */
  get mayWrite(): boolean {
    if (this.held !== undefined) return true;
    const lock = this.context.store.lock();
    if (typeof lock !== "string") {
      this.held = lock;
      return true;
    }
    if (lock !== this.saidWhy) this.context.log.error(`${lock}; no certificates are ordered here`);
    this.saidWhy = lock;
    return false;
  }

  get whyNot(): string {
    return this.saidWhy;
  }

  attempt(failures: number): { readonly attempt: Attempt; readonly options: IssuerOptions } {
    const { second, staging } = this.options;
    const attempt = nextAttempt(failures, { hasSecond: second !== undefined, hasStaging: staging !== undefined });
    return { attempt, options: this.options };
  }

  /** The authority of `internal`, made when it is first asked for. Throws what the file system throws. */
  internalAuthority(): LoadedPair {
    const known = this.context.store.authority();
    if (known !== undefined) return known;
    const key = newKey();
    const now = this.now();
    const made = makeCertificate({
      subject: `server local authority ${new Date(now).getUTCFullYear()}`,
      names: [],
      key,
      from: new Date(now - SLACK_MS),
      to: new Date(now + AUTHORITY_MS),
    });
    const pair = { chain: parseCertificates(made), cert: made, key: keyText(key) };
    this.context.store.keepAuthority(pair);
    return pair;
  }
}
