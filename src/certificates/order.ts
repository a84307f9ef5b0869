/**
 * One order of a certificate, from the names to the chain (RFC 8555 section 7.1.6):
 *
 *   order ──▶ for each name: an authorization, of which one challenge is shown ──▶ each is announced and awaited
 *         ──▶ the request ──▶ chain
 *
 * All are shown before the first is announced: a name and its wildcard have their records at one place of the zone, and what an
 * authority has seen there it does not look up again for a while.
 */
import { type KeyObject, X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import { AcmeProblem, type AcmeClient, type Answer } from "./acme-client.ts";
import { makeRequest } from "./make.ts";

export const CHALLENGES = ["http-01", "tls-alpn-01", "dns-01"] as const;
export type ChallengeKind = (typeof CHALLENGES)[number];

export interface Challenge {
  readonly kind: ChallengeKind;
  /** The host or address that is to be proved; of a wildcard what is below `*.`. */
  readonly name: string;
  readonly token: string;
  readonly keyAuthorization: string;
}

export type Show = (challenge: Challenge) => Promise<() => void | Promise<void>>;

export interface OrderOptions {
  readonly names: readonly string[];
  /** Of the certificate. */
  readonly key: KeyObject;
  /** The first that the authority offers for a name is used. */
  readonly kinds: readonly ChallengeKind[];
  /** Resolves when the answer can be seen from outside; the function takes it away. */
  readonly show: Show;
  readonly profile: string | undefined;
  /** The certificate that it takes the place of (RFC 9773 section 5), undefined for none. */
  readonly replaces: string | undefined;
  readonly sleep: (ms: number) => Promise<void>;
}

/** Authorities look from several places, and take their time. */
const POLL_MS = 1_000;
const POLL_MS_MAX = 30_000;
const POLLS_MAX = 60;

/** The chain in PEM. Throws AcmeProblem. */
export async function order(client: AcmeClient, options: OrderOptions): Promise<string> {
  await client.register();
  const { names, key, sleep } = options;
  const made = await newOrder(client, options);
  const authorizations = made.json["authorizations"] as readonly string[];
  await authorizeAll(client, authorizations, options);
  const ready = await settled(client, made.url, sleep, ["ready", "valid"]);
  if (ready["status"] === "ready")
    await client.post(String(ready["finalize"]), { csr: makeRequest(names, key).toString("base64url") });
  const { certificate } = await settled(client, made.url, sleep, ["valid"]);
  return (await client.post(String(certificate))).text;
}

async function newOrder(client: AcmeClient, { names, profile, replaces }: OrderOptions): Promise<Answer> {
  const { newOrder: url, renewalInfo } = await client.directory();
  const identifiers = names.map((name) => {
    const value = name.replace(/^\[|\]$/g, "");
    return { type: isIP(value) === 0 ? "dns" : "ip", value };
  });
  const more = { ...(profile && { profile }), ...(replaces && renewalInfo && { replaces }) };
  try {
    return await client.post(url, { identifiers, ...more });
  } catch (error) {
    // Somebody replaced it already, or it was another authority's: a new one is as good.
    if (replaces === undefined || !(error instanceof AcmeProblem) || error.kind === "rateLimited") throw error;
    return client.post(url, { identifiers, ...(profile && { profile }) });
  }
}

interface Offered {
  readonly type: string;
  readonly url: string;
  readonly token: string;
}

interface Shown {
  readonly authorization: string;
  readonly challenge: string;
  /** `a.test (http-01)` */
  readonly label: string;
  readonly remove: () => void | Promise<void>;
}

async function authorizeAll(client: AcmeClient, urls: readonly string[], options: OrderOptions): Promise<void> {
  const shown: Shown[] = [];
  try {
    for (const url of urls) {
      const one = await prepare(client, url, options);
      if (one !== undefined) shown.push(one);
    }
    for (const { authorization, challenge, label } of shown) {
      await client.post(challenge, {});
      await settled(client, authorization, options.sleep, ["valid"], (problem) => `${label}: ${problem}`);
    }
  } finally {
    for (const { remove } of shown) await remove();
  }
}

/** Undefined: it was proved before. */
async function prepare(client: AcmeClient, url: string, { kinds, show }: OrderOptions): Promise<Shown | undefined> {
  const { json } = await client.post(url);
  if (json["status"] === "valid") return undefined;
  const name = String((json["identifier"] as { readonly value: string }).value);
  const offered = json["challenges"] as readonly Offered[];
  const kind = kinds.find((each) => offered.some(({ type }) => type === each));
  const found = offered.find(({ type }) => type === kind);
  if (kind === undefined || found === undefined) {
    const types = offered.map(({ type }) => type).join(", ");
    throw new AcmeProblem("unsupported", `${name}: the authority offers ${types}, which this site cannot answer`);
  }
  const { token } = found;
  const remove = await show({ kind, name, token, keyAuthorization: client.keyAuthorization(token) });
  return { authorization: url, challenge: found.url, label: `${name} (${kind})`, remove };
}

/** Asks until the state is one of these; `invalid` and the like are thrown with what the authority says. */
async function settled(
  client: AcmeClient,
  url: string,
  sleep: OrderOptions["sleep"],
  wanted: readonly string[],
  describe = (problem: string) => problem,
): Promise<Answer["json"]> {
  for (let poll = 0; poll < POLLS_MAX; poll++) {
    const { json, retryAfterMs } = await client.post(url);
    const status = String(json["status"]);
    if (wanted.includes(status)) return json;
    if (status !== "pending" && status !== "processing" && status !== "ready")
      throw new AcmeProblem(status, describe(detailOf(json) ?? `the state is ${status}`));
    await sleep(Math.min(POLL_MS_MAX, Math.max(POLL_MS, retryAfterMs)));
  }
  throw new AcmeProblem("timeout", describe("the authority did not decide"));
}

function detailOf(json: Answer["json"]): string | undefined {
  const challenges = (json["challenges"] as readonly { readonly error?: { readonly detail?: string } }[]) ?? [];
  const errors = [json["error"] as { readonly detail?: string } | undefined, ...challenges.map(({ error }) => error)];
  return errors.find((error) => error?.detail !== undefined)?.detail;
}

/** RFC 9773 section 4.1: names a certificate to its authority; undefined when it does not say who signed it. */
export function renewalId(pem: string): string | undefined {
  const { raw, serialNumber } = new X509Certificate(pem);
  const keyId = authorityKeyId(raw);
  if (keyId === undefined) return undefined;
  const serial = Buffer.from(serialNumber.padStart(serialNumber.length + (serialNumber.length % 2), "0"), "hex");
  const positive = (serial[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.from([0]), serial]) : serial;
  return `${keyId.toString("base64url")}.${positive.toString("base64url")}`;
}

/** The extension's identifier 2.5.29.35, then its value: SEQUENCE { [0] keyIdentifier … }. */
function authorityKeyId(certificate: Buffer): Buffer | undefined {
  const at = certificate.indexOf(Buffer.from("0603551d2304", "hex"));
  // identifier (5), OCTET STRING, SEQUENCE, [0]: two bytes each, all of them short
  const length = at === -1 || certificate[at + 9] !== 0x80 ? 0 : (certificate[at + 10] ?? 0);
  return length === 0 ? undefined : certificate.subarray(at + 11, at + 11 + length);
}
