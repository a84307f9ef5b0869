/** Names of sites: does the DNS lead them here? A certificate that orders itself depends on it. */
import type { SiteConfig } from "../config/config.ts";
import { judgeName, lookAtAddresses } from "../machine/addresses.ts";
import { type Finding, notice, ok, problem, unknown } from "./finding.ts";
import type { Check } from "./patient.ts";

export const NAMES: Check = {
  name: "names",
  run: async ({ config, ground }) => {
    const own = lookAtAddresses();
    const names = config.sites.flatMap((site) => exactNames(site).map((name) => ({ name, site })));
    const found = names.map(async ({ name, site }) => {
      const verdict = await judgeName(name, own, ground.lookUp);
      return finding(name, site, verdict, own.open);
    });
    return (await Promise.all(found)).filter((each) => each !== undefined);
  },
};

/** `.example.org` is also the name itself. */
function exactNames({ names }: SiteConfig): string[] {
  return names.map((name) => name.replace(/^\./, "")).filter((name) => !/[*~]/.test(name));
}

function finding(
  name: string,
  { tls }: SiteConfig,
  verdict: Awaited<ReturnType<typeof judgeName>>,
  open: readonly string[],
): Finding | undefined {
  const subject = `name ${name}`;
  const { source } = tls ?? {};
  // With dns-01 a name is proved by its zone, wherever it leads.
  const orders = source?.kind === "auto" && source.challenges.some((kind) => kind !== "dns-01");
  const say = orders ? problem : notice;
  const certificate = orders ? ", so no certificate can be ordered for it" : "";
  const record = `an A record with ${open[0] ?? "the address of this machine"} (AAAA for IPv6) at whoever hosts the domain`;
  switch (verdict.kind) {
    case "here":
      return ok(subject, `leads here (${verdict.addresses.join(", ")})`);
    case "elsewhere":
      return say(
        subject,
        `leads to ${verdict.addresses.join(", ")}, none of which is of this machine${certificate}`,
        `${record}; if it is a proxy in front of this machine, trusted_proxies names it`,
      );
    case "unknown-name":
      return say(subject, `is not in the DNS${certificate}`, record);
    case "hidden":
      return unknown(
        subject,
        `leads to ${verdict.addresses.join(", ")}; this machine has no public address of its own to compare`,
      );
    case "no-answer":
      return unknown(subject, "the resolver does not answer");
    case "not-public":
      return undefined;
  }
}
