/**
 * The control socket's commands for certificates, docs/control.md: all of them, an order at once, and a rehearsal of one with
 * everything that an authority will look at.
 */
import type { Issuer } from "../certificates/issuer.ts";
import type { Wanted } from "../certificates/issue-job.ts";
import type { Check } from "../certificates/preflight.ts";
import type { Config, SiteConfig } from "../config/config.ts";
import { type Certificates, wantedBy } from "./certificates.ts";
import { checkParameters, ControlError } from "./control-protocol.ts";
import type { ControlCommands } from "./control-session.ts";
import type { ServerState } from "./status.ts";

export interface CertificateSources {
  readonly issuer: Pick<Issuer, "renew" | "rehearse" | "preflight">;
  /** In force: a reload brings others. */
  readonly holdings: () => { readonly config: Config; readonly certificates: Pick<Certificates, "details"> };
  readonly state: () => ServerState;
}

/** What is told while it goes on. */
export type CertificateProgress =
  | { readonly state: "ordering"; readonly site: string; readonly at?: string }
  | ({ readonly state: "checked"; readonly site: string } & Check)
  | ({ readonly state: "done" } & CertificateOutcome);

export interface CertificateOutcome {
  readonly site: string;
  readonly ok: boolean;
  /** Why it failed; or, of a rehearsal, why there was none. */
  readonly why?: string;
}

export function certificateCommands(sources: CertificateSources): ControlCommands {
  return {
    certificates: (parameters) => {
      checkParameters(parameters, []);
      return { certificates: sources.holdings().certificates.details() };
    },
    "certificate-renew": async (parameters, tell) => {
      checkParameters(parameters, ["site"]);
      const sites = chosen(sources, parameters["site"]);
      const outcomes = await Promise.all(sites.map((site) => renew(sources, site, tell)));
      return { ok: outcomes.every(({ ok }) => ok), sites: outcomes };
    },
    "certificate-test": async (parameters, tell) => {
      checkParameters(parameters, ["site"]);
      const outcomes: CertificateOutcome[] = [];
      // One after the other, so that what is said of each stands together.
      for (const site of chosen(sources, parameters["site"])) outcomes.push(await rehearse(sources, site, tell));
      return { ok: outcomes.every(({ ok }) => ok), sites: outcomes };
    },
  };
}

interface Chosen {
  readonly site: SiteConfig;
  readonly wanted: Wanted;
}

/** Those whose certificates come by themselves: all, or the one that has this name. */
function chosen({ holdings, state }: CertificateSources, name: unknown): Chosen[] {
  if (state() !== "serving") throw new ControlError("unavailable", `the server is ${state()}`);
  const { sites } = holdings().config;
  const all = sites.flatMap((site) => {
    const wanted = wantedBy(site);
    return wanted === undefined ? [] : [{ site, wanted }];
  });
  if (name === undefined) {
    if (all.length > 0) return all;
    throw new ControlError(
      "bad-argument",
      'no site has a certificate that comes by itself: tls = "auto" or "internal"',
    );
  }
  const isMeant = ({ label, names }: SiteConfig) => label === name || names.includes(String(name));
  const found = all.filter(({ site }) => isMeant(site));
  if (found.length > 0) return found;
  const known = all.map(({ site }) => site.label).join(", ") || "none";
  throw new ControlError("bad-argument", whyNone(String(name), sites.filter(isMeant), known));
}

/** `meant`: the sites that have the name. */
function whyNone(name: string, meant: readonly SiteConfig[], known: string): string {
  const quoted = JSON.stringify(name);
  if (meant.length === 0) return `no site ${quoted} whose certificate comes by itself; known: ${known}`;
  if (meant.some(({ tls }) => tls !== undefined))
    return `the certificate of ${quoted} comes from files: it is taken up when they change`;
  return `${quoted} is served without TLS and has no certificate; tls = "auto" in its [[site]] and a reload would order one`;
}

type Tell = (progress: CertificateProgress) => void;

async function renew(
  { issuer }: CertificateSources,
  { site, wanted }: Chosen,
  tell: Tell,
): Promise<CertificateOutcome> {
  tell({ state: "ordering", site: site.label });
  const outcome = outcomeOf(site, await issuer.renew(wanted));
  tell({ state: "done", ...outcome });
  return outcome;
}

function outcomeOf({ label }: SiteConfig, why: string | undefined): CertificateOutcome {
  return { site: label, ok: why === undefined, ...(why === undefined ? {} : { why }) };
}

async function rehearse(
  { issuer, holdings }: CertificateSources,
  { site, wanted }: Chosen,
  tell: Tell,
): Promise<CertificateOutcome> {
  const { acme } = holdings().config;
  const { label } = site;
  if (wanted.kind === "internal") return { site: label, ok: true, why: "it is signed by this server itself" };
  let bad = 0;
  for await (const check of issuer.preflight(wanted, acme.nameServers)) {
    if (check.verdict === "bad") bad++;
    tell({ state: "checked", site: label, ...check });
  }
  if (acme.staging === undefined) {
    const why = "no order is tried, since its authority has no staging one ([acme] staging)";
    return { site: label, ok: bad === 0, why: bad === 0 ? why : `an order would meet the above; ${why}` };
  }
  tell({ state: "ordering", site: label, at: new URL(acme.staging.directory).host });
  const failure = await issuer.rehearse(wanted).then(
    () => undefined,
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  );
  // An authority that has seen proof of late does not look again.
  const inTheWay =
    bad === 0 ? undefined : "the order went well, but what is BAD above may be in the way of another one";
  const outcome = outcomeOf(site, failure ?? inTheWay);
  tell({ state: "done", ...outcome });
  return outcome;
}
