/** [acme] as it was written → whom certificates are ordered from. */
import { readFileSync } from "node:fs";
import type { Authority } from "../certificates/acme-client.ts";
import type { DnsHookOptions } from "../certificates/dns-hook.ts";
import type { IssuerOptions } from "../certificates/issue-job.ts";
import type { ChallengeKind } from "../certificates/order.ts";
import { parseCertificates } from "../certificates/pem.ts";
import { absolute, type Context } from "./context.ts";
import type { Section, Values } from "./keys.ts";
import { failureOf } from "./paths.ts";
import type { Place } from "./place.ts";
import { findProgram } from "./programs.ts";
import { type ACME, DIRECTORIES } from "./schema-acme.ts";

export interface AcmeConfig extends IssuerOptions {
  /** Undefined: what the addresses allow. */
  readonly challenges: readonly ChallengeKind[] | undefined;
  /** Asked by `server cert test`; none: the system's. */
  readonly nameServers: readonly string[];
}

type AuthorityValues = Pick<Values<typeof ACME>, "directory" | "ca" | "eab_kid" | "eab_key">;

export function resolveAcme({ place, values }: Section<typeof ACME>, context: Context): AcmeConfig {
  const { contact, profile, staging, challenges, fallback } = values;
  const authority = resolveAuthority(place, values, context);
  const dnsHook = resolveDnsHook(place, values, context);
  return {
    authority,
    second: fallback === undefined ? undefined : resolveFallback(fallback, authority, context),
    staging: resolveStaging(staging, authority),
    contact: contact.map(({ value }) => value),
    profile,
    challenges: resolveChallenges(place, challenges),
    dnsHook,
    nameServers: values.dns_servers.map(({ value }) => value),
  };
}

type Fallback = NonNullable<Values<typeof ACME>["fallback"]>;

function resolveFallback({ place, values }: Fallback, first: Authority, context: Context): Authority {
  const second = resolveAuthority(place, values, context);
  if (second.directory === first.directory)
    place.wrong({ what: "is the authority that was asked first", should: "should have the directory of another one" });
  return second;
}

function resolveChallenges(
  place: Place,
  written: Values<typeof ACME>["challenges"],
): readonly ChallengeKind[] | undefined {
  const kinds = written?.map(({ value }) => value);
  // One that cannot be found is told of elsewhere.
  const hasHook = place.has("dns_hook");
  if (kinds?.includes("dns-01") === true && !hasHook)
    place.into("challenges").wrongKey({ what: "has dns-01, and there is no dns_hook", should: "needs one beside it" });
  if (kinds !== undefined && hasHook && !kinds.includes("dns-01"))
    place.into("dns_hook").wrongKey({ what: "is not used by these challenges", should: "needs dns-01 among them" });
  return kinds ?? (hasHook ? ["dns-01"] : undefined);
}

/** Checked when it is read: an order may be months away. */
function resolveDnsHook(place: Place, values: Values<typeof ACME>, context: Context): DnsHookOptions | undefined {
  const { dns_hook: command, dns_wait: waitMs, dns_servers: servers } = values;
  if (command === undefined) {
    if (place.has("dns_wait"))
      place.into("dns_wait").wrongKey({ what: "has no meaning here", should: "belongs to dns_hook" });
    return undefined;
  }
  const [word = "", ...rest] = command;
  const program = findProgram(place.into("dns_hook"), word, context.folder, context.environment["PATH"]);
  if (program === undefined) return undefined;
  return { command: [program, ...rest], waitMs, servers: servers.map(({ value }) => value) };
}

function resolveStaging(written: string | undefined, authority: Authority): Authority | undefined {
  const isLetsEncrypt = authority.directory === DIRECTORIES["letsencrypt"];
  const directory = written ?? (isLetsEncrypt ? DIRECTORIES["letsencrypt-staging"] : undefined);
  return directory === undefined || directory === "off" ? undefined : { ...authority, directory, binding: undefined };
}

function resolveAuthority(place: Place, values: AuthorityValues, context: Context): Authority {
  const { directory, eab_kid: kid, eab_key: key } = values;
  for (const [one, other] of [
    ["eab_kid", "eab_key"],
    ["eab_key", "eab_kid"],
  ] as const) {
    if (place.has(one) && !place.has(other))
      place.into(one).wrongKey({ what: `has no ${other}`, should: `needs ${other} beside it` });
  }
  if (directory === DIRECTORIES["zerossl"] && !place.has("eab_kid") && !place.has("eab_key"))
    place.into("directory").wrong({
      what: "is that of ZeroSSL, which knows its customers only",
      should: "needs eab_kid and eab_key beside it, which are made in their account",
    });
  const binding = kid === undefined || key === undefined ? undefined : { kid, key };
  return { directory, ca: readCa(place.into("ca"), values.ca, context), binding };
}

function readCa(place: Place, written: string | undefined, context: Context): string | undefined {
  if (written === undefined) return undefined;
  const path = absolute(context, written);
  try {
    const text = readFileSync(path, "latin1");
    parseCertificates(text);
    return text;
  } catch (error) {
    const what = error instanceof Error && "code" in error ? failureOf(error) : (error as Error).message;
    return void place.wrong({ what: `names ${path}, ${what}`, should: "should be a file in PEM" });
  }
}
