/**
 * A configuration as a front serves it, with the exchanges that began under it. A front has one that new requests meet, and
 * older ones as long as replies of theirs are under way:
 *
 *     prepared ──▶ current ──▶ old, still in use ──▶ gone
 *         └──────────────────────────────────────────▲     it was not taken
 */
import type { Config } from "../config/config.ts";
import type { Tenancy } from "../exchange/exchange.ts";
import type { Upstream } from "../proxy/upstream.ts";
import type { Assembly } from "./assemble.ts";
import { Certificates, type SiteCertificates } from "./certificates.ts";
import type { Setup } from "./messages.ts";
import type { UpstreamRoute } from "./upstreams.ts";

/** Of a configuration, what the next one has no use for. */
export interface Left {
  readonly upstreams: readonly Upstream[];
  readonly routes: readonly UpstreamRoute[];
}

export class Serving implements Tenancy {
  users = 0;
  readonly config: Config;
  readonly setup: Setup;
  readonly assembly: Assembly;
  readonly certificates: Certificates;

  /** Throws what BoringSSL says of a certificate that it does not take. */
  constructor(setup: Setup, assembly: Assembly, before?: Serving) {
    this.setup = setup;
    this.config = setup.config;
    this.assembly = assembly;
    this.certificates = new Certificates(before?.certificates);
    this.certificates.update(setup.config, setup.certificates);
  }

  takeCertificates(certificates: SiteCertificates): void {
    this.certificates.update(this.config, certificates);
  }

  /** It is what new requests meet from now on. Returns what of the one before it has no use for. */
  begin(): Left {
    const { heirlooms, caches } = this.assembly;
    caches.begin();
    heirlooms.files.settle();
    heirlooms.fileHandlers.settle();
    return { upstreams: heirlooms.upstreams.settle(), routes: heirlooms.upstreamRoutes.settle() };
  }

  /** How long what is under way at that upstream goes on without it; see schema-upstream.ts. */
  drainTimeoutMs(upstream: string): number {
    return this.config.upstreams.find(({ name }) => name === upstream)?.drainTimeoutMs ?? 0;
  }

  /** Numbers of the pools of its apps. */
  get pools(): Set<number> {
    return new Set([...this.assembly.apps.values()].map(({ pool }) => pool));
  }
}
