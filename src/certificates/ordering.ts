/**
 * One certificate for a site from one authority: with the account that we have there, or a new one, and the challenges that
 * the site can answer. Whom to ask, and when, is issue-job.ts.
 */
import type { KeyObject } from "node:crypto";
import { AcmeClient, AcmeProblem, type Authority } from "./acme-client.ts";
import { type DnsHookOptions, presentRecord } from "./dns-hook.ts";
import type { LoadedPair } from "./files.ts";
import { pairOf } from "./local.ts";
import { newKey } from "./make.ts";
import { type Challenge, type ChallengeKind, order, type Show } from "./order.ts";
import { keyText } from "./pem.ts";
import type { Store } from "./store.ts";

export interface OrderingContext {
  readonly store: Store;
  /** Resolves when the answer can be seen from outside; those of dns-01 are the hook's. */
  readonly show: Show;
  readonly say: (level: "info" | "warn", text: string) => void;
  readonly fetch: ConstructorParameters<typeof AcmeClient>[3];
  readonly sleep: (ms: number) => Promise<void>;
}

export interface Ordered {
  readonly authority: Authority;
  readonly names: readonly string[];
  readonly kinds: readonly ChallengeKind[];
  readonly contact: readonly string[];
  readonly profile: string | undefined;
  readonly dnsHook: DnsHookOptions | undefined;
  /** See OrderOptions. */
  readonly replaces: string | undefined;
}

/** Throws AcmeProblem. */
export async function orderAt(wanted: Ordered, context: OrderingContext): Promise<LoadedPair> {
  const client = makeClient(wanted, context);
  try {
    return await orderOf(client, wanted, context);
  } catch (error) {
    const lost = error instanceof AcmeProblem ? await whyLost(client, error) : undefined;
    if (lost === undefined) throw error;
    context.say("info", `${hostOf(wanted.authority)} ${lost.says}; another is made`);
    context.store.replaceAccount(wanted.authority.directory, client.account, lost.isClosed);
    return orderOf(makeClient(wanted, context), wanted, context);
  }
}

/** Is the account none any more? Either the authority has forgotten us, as a new one under the old address has; or somebody has
 *  closed it, and it is nothing but refused from then on (RFC 8555 section 7.3.6), as is another one with its key. */
async function whyLost(client: AcmeClient, { kind }: AcmeProblem) {
  if (kind === "accountDoesNotExist") return { isClosed: false, says: "does not know the account any more" };
  const { kid } = client.account;
  if (kind !== "unauthorized" || kid === undefined) return undefined;
  const asked: unknown = await client.post(kid).catch((error: unknown) => error);
  const isClosed = asked instanceof AcmeProblem && asked.kind === "unauthorized";
  return isClosed ? { isClosed, says: "has closed the account" } : undefined;
}

export function makeClient(
  { authority, contact }: Pick<Ordered, "authority" | "contact">,
  { store, fetch }: Pick<OrderingContext, "store" | "fetch">,
): AcmeClient {
  return new AcmeClient(authority, store.account(authority.directory), contact, fetch);
}

async function orderOf(client: AcmeClient, wanted: Ordered, context: OrderingContext): Promise<LoadedPair> {
  await register(client, wanted, context);
  const { names, kinds, profile, replaces } = wanted;
  const key = newKey();
  const show = showing(wanted, context);
  const cert = await order(client, { names, key, kinds, profile, replaces, show, sleep: context.sleep });
  return checked(cert, key);
}

/** An authority is not believed to have sent what we asked for. */
function checked(cert: string, key: KeyObject): LoadedPair {
  try {
    const pair = pairOf(cert, keyText(key));
    if (pair.chain[0]?.checkPrivateKey(key) === true) return pair;
  } catch {
    // as below
  }
  throw new AcmeProblem("badCertificate", "the authority sent something that is no certificate of our key");
}

/** Sites that begin together have one account: authorities give few to an address (Let's Encrypt: 10 in three hours). */
async function register(client: AcmeClient, wanted: Ordered, context: OrderingContext): Promise<void> {
  const { account } = client;
  if (account.kid !== undefined) return;
  account.signingUp ??= signUp(client, wanted, context).finally(() => (account.signingUp = undefined));
  await account.signingUp;
}

/** An account that cannot be kept is good for as long as this server lives. */
async function signUp(client: AcmeClient, { authority }: Ordered, { store, say }: OrderingContext): Promise<void> {
  await client.register();
  try {
    store.keepAccount(authority.directory, client.account);
  } catch (error) {
    say("warn", `the account at ${hostOf(authority)} cannot be kept: ${(error as Error).message}`);
  }
}

function showing({ dnsHook }: Ordered, { show, sleep, say }: OrderingContext): Show {
  return (challenge: Challenge) =>
    challenge.kind === "dns-01" && dnsHook !== undefined
      ? presentRecord(dnsHook, challenge, { sleep, say: (text) => say("warn", text) })
      : show(challenge);
}

export function hostOf({ directory }: Pick<Authority, "directory">): string {
  return new URL(directory).host;
}
