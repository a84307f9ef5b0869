/**
 * When a worker has had its time: so many requests, so long a life, so much memory. Pure; the supervisor samples. A
 * worker is never stopped for it before its replacement is ready, so these are marks to act on, not bounds; the one
 * that is a bound is `killRssBytes`.
 */

export interface RecycleOptions {
  /** Undefined: no matter how many. So for all of them. */
  readonly maxRequests?: number | undefined;
  readonly maxLifetimeMs?: number | undefined;
  readonly maxRssBytes?: number | undefined;
  /** Above, the worker is killed at once, whatever it does. */
  readonly killRssBytes?: number | undefined;
}

/** Workers start together and are asked alike; so that they do not all have had their time together, each has up to this
 *  part more of it. */
const JITTER = 0.1;

export interface VitalSigns {
  readonly nowMs: number;
  readonly handled: number;
  readonly isIdle: boolean;
  /** Undefined: it cannot be read. */
  readonly rssBytes: number | undefined;
}

export type Verdict =
  | { readonly kind: "fit" }
  /** To be replaced. */
  | { readonly kind: "outworn"; readonly why: string }
  | { readonly kind: "kill"; readonly why: string };

const FIT: Verdict = { kind: "fit" };

/** Of one worker, from its first ready moment on. */
export class Constitution {
  private readonly requestsMax: number;
  private readonly endMs: number;
  private readonly maxRssBytes: number;
  private readonly killRssBytes: number;
  /** `handled` when the memory was first seen to be too much; undefined while it is not. */
  private heavySince: number | undefined;

  /** `random`: from 0 to 1. */
  constructor(options: RecycleOptions, bornMs: number, random: () => number) {
    const jittered = (value: number | undefined) => (value ?? Number.POSITIVE_INFINITY) * (1 + JITTER * random());
    this.requestsMax = jittered(options.maxRequests);
    this.endMs = bornMs + jittered(options.maxLifetimeMs);
    this.maxRssBytes = options.maxRssBytes ?? Number.POSITIVE_INFINITY;
    this.killRssBytes = options.killRssBytes ?? Number.POSITIVE_INFINITY;
  }

  judge(signs: VitalSigns): Verdict {
    const { rssBytes = 0 } = signs;
    if (rssBytes > this.killRssBytes) return { kind: "kill", why: `kill_rss: it holds ${mebibytes(rssBytes)}` };
    if (signs.handled >= this.requestsMax) return outworn(`max_requests: it has answered ${signs.handled}`);
    if (signs.nowMs >= this.endMs) return outworn("max_lifetime");
    return this.isHeavy(signs, rssBytes) ? outworn(`max_rss: it holds ${mebibytes(rssBytes)}`) : FIT;
  }

  /** What a request needs while it runs is not held against the worker: what is left when one has ended is. */
  private isHeavy({ handled, isIdle }: VitalSigns, rssBytes: number): boolean {
    if (rssBytes <= this.maxRssBytes) {
      this.heavySince = undefined;
      return false;
    }
    this.heavySince ??= handled;
    // What the import alone needs, its successor will need as well.
    return handled > (isIdle ? 0 : this.heavySince);
  }
}

function outworn(why: string): Verdict {
  return { kind: "outworn", why };
}

function mebibytes(bytes: number): string {
  return `${Math.round(bytes / 1024 ** 2)} MiB`;
}

/** Is there anything to look at? */
export function recycles(options: RecycleOptions): boolean {
  const { maxRequests, maxLifetimeMs, maxRssBytes, killRssBytes } = options;
  return [maxRequests, maxLifetimeMs, maxRssBytes, killRssBytes].some((limit) => limit !== undefined);
}
