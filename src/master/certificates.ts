/**
 * The certificates of the sites, kept for the fronts: read from their files, read again when those change. A new file that
 * cannot be used changes nothing: the old certificate stays, and the log says why.
 */
import type { Log } from "../base/log.ts";
import { type CertificateFacts, describePair } from "../certificates/describe.ts";
import { type LoadedPair, loadPair, type PairFiles } from "../certificates/files.ts";
import type { IssueState, Wanted } from "../certificates/issue-job.ts";
import type { Issuer } from "../certificates/issuer.ts";
import { judge } from "../certificates/judge.ts";
import { knownAuthorities } from "../certificates/files.ts";
import type { Config, SiteConfig } from "../config/config.ts";
import type { SiteCertificates } from "../front/certificates.ts";
import { snapshotFiles } from "./snapshot.ts";
import { Watch } from "./watch.ts";

export interface CertificateStatus extends CertificateFacts {
  /** The site that shows it. */
  readonly site: string;
  /** `temporary` until an authority has answered. */
  readonly source: "files" | IssueState["source"];
  /** When the next order is due, milliseconds since the epoch; none of files, and where another server orders. */
  readonly nextAt: number | null;
  /** Orders that failed since the last one that did not; of files there are none. */
  readonly failures: number | null;
  /** What clients will not like, or why a newer one was not taken. */
  readonly problems: readonly string[];
}

/** A certificate with all that may be seen of it. */
export interface CertificateDetail extends CertificateStatus {
  /** With its chain. */
  readonly pem: string;
}

interface Held {
  readonly site: SiteConfig;
  pairs: readonly LoadedPair[];
  /** Of the last try to take up new files. */
  problem: string | undefined;
}

export class Certificates {
  private readonly held: readonly (Held | undefined)[];
  private readonly config: Config;
  private readonly issuer: Issuer;
  private readonly log: Log;
  private readonly watch: Watch | undefined;
  private readonly changed: (certificates: SiteCertificates) => void;

  /** Throws when a file cannot be used any more, though it could when the configuration was checked. */
  constructor(config: Config, issuer: Issuer, changed: (certificates: SiteCertificates) => void, log: Log) {
    this.log = log;
    this.config = config;
    this.issuer = issuer;
    this.changed = changed;
    this.held = config.sites.map((site) => {
      const files = filesOf(site);
      return files.length === 0 ? undefined : { site, pairs: files.map(loadPair), problem: undefined };
    });
    const paths = config.sites.flatMap((site) => filesOf(site).flatMap(({ cert, key }) => [cert, key]));
    if (paths.length > 0)
      this.watch = new Watch({ look: () => snapshotFiles(paths), changed: async () => this.reread() });
  }

  start(): void {
    this.watch?.start();
    this.issuer.start(
      this.config.sites.flatMap((site) => wantedBy(site) ?? []),
      this.config.acme,
    );
  }

  /** The issuer has another one for a site. */
  issued(): void {
    this.changed(this.forFronts());
  }

  stop(): void {
    this.watch?.stop();
  }

  forFronts(): SiteCertificates {
    return this.held.map((held, i) => {
      const wanted = wantedBy(this.config.sites[i]);
      const pairs = wanted === undefined ? held?.pairs : [this.issuer.state(wanted).pair];
      return pairs?.map(({ cert, key }) => ({ cert, key }));
    });
  }

  /** Something changed; of most it is none of theirs. */
  private reread(): void {
    const isNew = this.held.map((held) => held !== undefined && this.rereadOf(held));
    if (isNew.includes(true)) this.changed(this.forFronts());
  }

  private rereadOf(held: Held): boolean {
    const { site } = held;
    try {
      const pairs = filesOf(site).map(loadPair);
      const wasWrong = held.problem !== undefined;
      held.problem = undefined;
      if (pairs.every((pair, i) => pair.cert === held.pairs[i]?.cert && pair.key === held.pairs[i]?.key)) {
        if (wasWrong) this.log.notice(`site ${site.label}: the files hold the certificate that is shown again`);
        return false;
      }
      const worse = worsening(held, pairs);
      if (worse !== undefined) throw new Error(worse);
      held.pairs = pairs;
      this.log.notice(`site ${site.label}: shows the new certificate, valid until ${untilOf(pairs)}`);
      for (const problem of problemsOf(site, pairs)) this.log.warn(`site ${site.label}: ${problem}`);
      return true;
    } catch (error) {
      held.problem = `the new files are not taken: ${(error as Error).message}`;
      this.log.error(
        `site ${site.label}: ${held.problem}; the old certificate stays, valid until ${untilOf(held.pairs)}`,
      );
      return false;
    }
  }

  status(): CertificateStatus[] {
    return this.shown().map(({ status }) => status);
  }

  details(): CertificateDetail[] {
    return this.shown().map(({ status, pair }) => ({ ...status, pem: pair.cert }));
  }

  private shown(): Shown[] {
    return this.config.sites.flatMap((site, i) => {
      const held = this.held[i];
      const wanted = wantedBy(site);
      if (wanted !== undefined) return [describeIssued(site, this.issuer.state(wanted))];
      return held === undefined ? [] : held.pairs.map((pair) => describe(held, pair));
    });
  }
}

interface Shown {
  readonly status: CertificateStatus;
  readonly pair: LoadedPair;
}

export function wantedBy(site: SiteConfig | undefined): Wanted | undefined {
  const source = site?.tls?.source;
  return source === undefined || source.kind === "files" ? undefined : source;
}

function filesOf({ tls }: SiteConfig): readonly PairFiles[] {
  return tls?.source.kind === "files" ? tls.source.pairs : [];
}

/** A certificate that has ended does not take the place of one that has not. */
function worsening(held: Held, pairs: readonly LoadedPair[]): string | undefined {
  const nowMs = Date.now();
  const isOver = (each: readonly LoadedPair[]) => each.some(({ chain }) => endOf(chain) < nowMs);
  return isOver(pairs) && !isOver(held.pairs) ? `the certificate expired on ${untilOf(pairs)}` : undefined;
}

function endOf(chain: LoadedPair["chain"]): number {
  return chain[0]?.validToDate.getTime() ?? 0;
}

function untilOf(pairs: readonly LoadedPair[]): string {
  return new Date(Math.min(...pairs.map(({ chain }) => endOf(chain)))).toISOString().slice(0, 10);
}

function problemsOf({ names }: SiteConfig, pairs: readonly LoadedPair[]): string[] {
  return pairs.flatMap(({ chain }) => {
    const found = judge({ chain, names, nowMs: Date.now(), authorities: knownAuthorities });
    return found.map(({ what, should }) => `the certificate ${what}; it ${should}`);
  });
}

function describeIssued({ label: site }: SiteConfig, state: IssueState): Shown {
  const { source, pair, problem, nextMs = null, failures, standsIn } = state;
  const waiting = source === "temporary" ? ["browsers refuse it: it is shown until there is one of an authority"] : [];
  const problems = [...waiting, ...[standsIn, problem].filter((text) => text !== undefined)];
  return { pair, status: { site, source, ...describePair(pair), nextAt: nextMs, failures, problems } };
}

function describe({ site, problem }: Held, pair: LoadedPair): Shown {
  const problems = [...(problem === undefined ? [] : [problem]), ...problemsOf(site, [pair])];
  const orders = { nextAt: null, failures: null };
  return { pair, status: { site: site.label, source: "files", ...describePair(pair), ...orders, problems } };
}
