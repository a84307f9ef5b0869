/**
 * Certificates that come by themselves: for each site one, taken from the store, ordered when it is missing, renewed before
 * it ends. It lives as long as the server; a reload tells it what is wanted from now on. Until an authority has answered,
 * the site shows a temporary certificate that signs itself. Nothing here decides when (policy.ts) or speaks a protocol
 * (order.ts).
 */
import { networkInterfaces } from "node:os";
import type { LockFile } from "../os/lock-file.ts";
import { AcmeProblem, type Authority } from "./acme-client.ts";
import type { LoadedPair } from "./files.ts";
import {
  type IssuerContext,
  type IssuerOptions,
  type IssueState,
  Job,
  type JobHost,
  type Wanted,
} from "./issue-job.ts";
import { INTERNAL_MS, newAuthority } from "./local.ts";
import { makeClient } from "./ordering.ts";
import { type Check, preflight } from "./preflight.ts";
import { makeResolver } from "./resolver.ts";

export class Issuer implements JobHost {
  options: IssuerOptions;
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

  /** See Job. */
  renew(wanted: Wanted): Promise<string | undefined> {
    return this.job(wanted).renew();
  }

  /** Undefined: there is nowhere to rehearse. Throws AcmeProblem. */
  async rehearse(wanted: Wanted): Promise<LoadedPair | undefined> {
    const { staging } = this.options;
    if (!this.mayWrite) throw new AcmeProblem("locked", this.whyNot);
    return staging === undefined ? undefined : this.job(wanted).rehearse(staging);
  }

  /** `nameServers`: none for the system's. */
  preflight({ names, challenges: kinds }: Wanted, nameServers: readonly string[]): AsyncGenerator<Check> {
    const { authority, second, contact, profile } = this.options;
    const { show, store, fetch } = this.context;
    const asked = (each: Authority) => {
      const client = makeClient({ authority: each, contact }, { store, fetch });
      return { authority: each, directory: () => client.directory() };
    };
    return preflight({
      ...asked(authority),
      second: second === undefined ? undefined : asked(second),
      names,
      kinds,
      profile,
      show,
      resolver: makeResolver(nameServers),
      addresses: Object.values(networkInterfaces()).flatMap((all) => (all ?? []).map(({ address }) => address)),
    });
  }

  private job(wanted: Wanted): Job {
    const key = keyOf(wanted);
    const known = this.jobs.get(key) ?? new Job(wanted, this, this.context);
    this.jobs.set(key, known);
    return known;
  }

  /** From now on these are wanted, and no others. */
  start(all: readonly Wanted[], options: IssuerOptions): void {
    this.options = options;
    const kept = new Map(all.map((wanted) => [keyOf(wanted), this.job(wanted)]));
    for (const [key, job] of this.jobs) if (!kept.has(key)) job.stop();
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
    if ("release" in lock) {
      this.held = lock;
      return true;
    }
    const { why, isHeld } = lock;
    // A successor meets its predecessor for a while: nothing is wrong then.
    const level = isHeld ? "notice" : "error";
    if (why !== this.saidWhy) this.context.log[level](`${why}; no certificates are ordered here`);
    this.saidWhy = why;
    return false;
  }

  get whyNot(): string {
    return this.saidWhy;
  }

  /** The authority of `internal`, made when it is first asked for, and when the one there is is not good for what it would sign: at
   *  its end, or because the clock was wrong when it was made. Throws what the file system throws. */
  internalAuthority(): LoadedPair {
    const known = this.context.store.authority();
    if (known !== undefined && isGood(known, this.now())) return known;
    const made = newAuthority(this.now());
    this.context.store.keepAuthority(made);
    if (known !== undefined)
      this.context.log.warn(
        "the local authority is over, or not valid yet: another is made (server cert trust --install)",
      );
    return made;
  }
}

/** The order of names says nothing. */
function keyOf({ names, ...rest }: Wanted): string {
  return JSON.stringify([names.toSorted(), rest]);
}

function isGood({ chain }: LoadedPair, nowMs: number): boolean {
  const [root] = chain;
  if (root === undefined) return false;
  return root.validFromDate.getTime() <= nowMs && nowMs + INTERNAL_MS < root.validToDate.getTime();
}
