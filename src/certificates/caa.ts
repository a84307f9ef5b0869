/**
 * May an authority sign for a name? What the zone says (RFC 8659, RFC 8657): the records of the name or of the nearest name
 * above it that has any. None: everybody may.
 */
import type { CaaRecord } from "./resolver.ts";

export interface CaaSource {
  caa(host: string): Promise<readonly CaaRecord[]>;
}

/** Where the records that count are. */
export interface CaaSet {
  readonly at: string;
  readonly records: readonly CaaRecord[];
}

/** Section 3. Throws what the source throws: an authority does not sign then either. */
export async function relevantCaa(source: CaaSource, name: string): Promise<CaaSet | undefined> {
  for (let at = name.replace(/^\*\./, ""); at !== ""; at = at.includes(".") ? at.slice(at.indexOf(".") + 1) : "") {
    const records = await source.caa(at);
    if (records.length > 0) return { at, records };
  }
  return undefined;
}

/** Undefined: it may; else why not. `identities`: of the authority (`meta.caaIdentities`); `kinds`: how the name is proved. */
export function caaRefusal(
  { at, records }: CaaSet,
  name: string,
  identities: readonly string[],
  kinds: readonly string[],
): string | undefined {
  const wild = records.filter(({ tag }) => tag === "issuewild");
  const isWild = name.startsWith("*.") && wild.length > 0;
  const issue = isWild ? wild : records.filter(({ tag }) => tag === "issue");
  if (issue.length === 0) return undefined;
  const allowed = issue.map(({ value }) => parseIssue(value));
  const mine = allowed.filter(({ issuer }) => identities.includes(issuer));
  const tag = isWild ? "issuewild" : "issue";
  if (mine.length === 0) {
    const others = allowed.map(({ issuer }) => issuer).filter((issuer) => issuer !== "");
    const who = others.length === 0 ? "nobody" : others.join(", ");
    return `the CAA records of ${at} let ${who} sign (${tag}), and not ${identities.join(", ")}`;
  }
  const methods = mine.flatMap(({ methods: given }) => given ?? kinds);
  if (kinds.some((kind) => methods.includes(kind))) return undefined;
  return `the CAA records of ${at} allow proof by ${methods.join(", ")} only, and not by ${kinds.join(", ")}`;
}

/** `ca.example; validationmethods=dns-01,http-01` */
function parseIssue(value: string): { issuer: string; methods: readonly string[] | undefined } {
  const [issuer = "", ...parameters] = value.split(";").map((part) => part.trim());
  const methods = parameters.find((parameter) => parameter.startsWith("validationmethods="))?.slice(18);
  return { issuer: issuer.toLowerCase(), methods: methods?.split(",").map((method) => method.trim()) };
}
