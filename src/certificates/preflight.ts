/**
 * Would an order for these names go well? What an authority will look at is looked at from here first, and each finding says
 * what is to be done. Reachability from here is not that from outside: a finding about it is a hint where the address is not
 * one of this machine.
 */
import { connect, isIP } from "node:net";
import { type Authority, type Directory, WHO } from "./acme-client.ts";
import { caaRefusal, relevantCaa } from "./caa.ts";
import type { ChallengeKind, Show } from "./order.ts";
import type { Resolver } from "./resolver.ts";

export interface Check {
  /** What it is about: a name, or the authority. */
  readonly subject: string;
  readonly verdict: "good" | "warning" | "bad";
  readonly text: string;
}

export interface PreflightOptions {
  readonly names: readonly string[];
  readonly kinds: readonly ChallengeKind[];
  readonly profile: string | undefined;
  readonly authority: Authority;
  readonly directory: () => Promise<Directory>;
  /** Asked when the first one fails. */
  readonly second?: Pick<PreflightOptions, "authority" | "directory"> | undefined;
  readonly resolver: Resolver;
  /** Of this machine. */
  readonly addresses: readonly string[];
  /** Resolves when the answer can be seen from outside. */
  readonly show: Show;
  /** Where an authority looks; others in tests. */
  readonly ports?: { readonly http: number; readonly tls: number };
}

const REACH_MS_MAX = 5_000;
/** Of a name; a test has no hour for the others. */
const ADDRESSES_MAX = 4;
const CHALLENGE_PATH = "/.well-known/acme-challenge/";
const BODY_CHARS_SHOWN = 60;

const good = (subject: string, text: string): Check => ({ subject, verdict: "good", text });
const warning = (subject: string, text: string): Check => ({ subject, verdict: "warning", text });
const bad = (subject: string, text: string): Check => ({ subject, verdict: "bad", text });

export async function* preflight(options: PreflightOptions): AsyncGenerator<Check> {
  const directory = await readDirectory(options);
  if ("verdict" in directory) yield directory;
  else yield* checkAuthority(options, directory);
  if (options.second !== undefined) yield* checkSecond(options.second);
  const identities = ("verdict" in directory ? undefined : directory.meta?.caaIdentities) ?? [];
  for (const name of options.names) {
    yield* isIP(bare(name)) === 0 ? checkHost(options, name, identities) : checkReach(options, name, [bare(name)]);
  }
}

function bare(name: string): string {
  return name.replace(/^\[|\]$/g, "");
}

function hostOf({ directory }: Authority): string {
  return new URL(directory).host;
}

async function readDirectory({
  authority,
  directory,
}: Pick<PreflightOptions, "authority" | "directory">): Promise<Directory | Check> {
  try {
    return await directory();
  } catch (error) {
    const host = hostOf(authority);
    const why = (error as Error).message.replace(`${host} `, "");
    return bad(host, `${why}; is there a way out to it (firewall, proxy, DNS)?`);
  }
}

function* checkAuthority(
  { authority, profile }: Pick<PreflightOptions, "authority" | "profile">,
  { meta = {} }: Directory,
): Generator<Check> {
  const host = hostOf(authority);
  yield good(host, "answers");
  if (meta.externalAccountRequired === true && authority.binding === undefined)
    yield bad(host, "wants customers only: [acme] eab_kid and eab_key are missing");
  const profiles = Object.keys(meta.profiles ?? {});
  if (profile !== undefined && !profiles.includes(profile))
    yield bad(host, `has no profile ${JSON.stringify(profile)}, but ${profiles.join(", ") || "none at all"}`);
}

/** It is needed on a bad day only: then it is too late to see that it does not work. */
async function* checkSecond(second: NonNullable<PreflightOptions["second"]>): AsyncGenerator<Check> {
  const directory = await readDirectory(second);
  if ("verdict" in directory) yield directory;
  else yield* checkAuthority({ authority: second.authority, profile: undefined }, directory);
}

async function* checkHost(
  options: PreflightOptions,
  name: string,
  identities: readonly string[],
): AsyncGenerator<Check> {
  const host = name.replace(/^\*\./, "");
  yield* checkCaa(options, name, identities);
  if (name !== host || options.kinds.every((kind) => kind === "dns-01")) {
    yield good(name, "is proved in the zone (dns-01), which the order tries");
    return;
  }
  const addresses = await lookUp(options, host);
  if (!Array.isArray(addresses)) return yield addresses as Check;
  const foreign = addresses.filter((address) => !options.addresses.includes(address));
  yield good(name, `leads to ${addresses.join(", ")}`);
  if (foreign.length > 0)
    yield warning(
      name,
      `${foreign.join(", ")} ${foreign.length === 1 ? "is" : "are"} not of this machine: right behind NAT or a balancer, else the zone is to be changed`,
    );
  yield* checkReach(options, name, addresses.slice(0, ADDRESSES_MAX));
}

async function lookUp({ resolver }: PreflightOptions, host: string): Promise<readonly string[] | Check> {
  try {
    const addresses = await resolver.addresses(host);
    if (addresses.length > 0) return addresses;
    return bad(host, "has no address: an A or AAAA record with this machine's is missing in the zone");
  } catch (error) {
    return bad(host, (error as Error).message);
  }
}

async function* checkCaa(
  { resolver, kinds, authority }: PreflightOptions,
  name: string,
  identities: readonly string[],
): AsyncGenerator<Check> {
  try {
    const found = await relevantCaa(resolver, name);
    if (found === undefined) return yield good(name, "has no CAA record: every authority may sign");
    if (identities.length === 0)
      return yield warning(
        name,
        `${found.at} has CAA records, and ${hostOf(authority)} does not say its name for them`,
      );
    const refusal = caaRefusal(found, name, identities, kinds);
    yield refusal === undefined ? good(name, `the CAA records of ${found.at} allow it`) : bad(name, refusal);
  } catch (error) {
    yield bad(name, `${(error as Error).message}; an authority does not sign then`);
  }
}

/** One way of proof that is open is enough. */
async function* checkReach(
  options: PreflightOptions,
  name: string,
  addresses: readonly string[],
): AsyncGenerator<Check> {
  const found: Check[] = [];
  for (const address of addresses) {
    if (options.kinds.includes("http-01")) found.push(await checkHttp(options, name, address));
    if (options.kinds.includes("tls-alpn-01")) found.push(await checkTls(options, name, address));
  }
  const isOpen = found.some(({ verdict }) => verdict === "good");
  for (const each of found) yield isOpen && each.verdict === "bad" ? { ...each, verdict: "warning" } : each;
}

async function checkHttp({ show, ports, addresses }: PreflightOptions, name: string, address: string): Promise<Check> {
  const port = ports?.http ?? 80;
  const [token, answer] = [crypto.randomUUID(), crypto.randomUUID()];
  const remove = await show({ kind: "http-01", name, token, keyAuthorization: answer });
  const at = `port ${port} of ${address}`;
  try {
    const response = await fetch(`http://${inUrl(address)}:${port}${CHALLENGE_PATH}${token}`, {
      headers: { ...WHO, Host: name },
      redirect: "manual",
      signal: AbortSignal.timeout(REACH_MS_MAX),
    });
    const text = (await response.text()).slice(0, BODY_CHARS_SHOWN);
    if (text === answer) return good(name, `${at} gives this server's answer (http-01)`);
    const by = response.headers.get("server") ?? "something";
    return bad(name, `${at} is answered by another server: ${by} says ${response.status}`);
  } catch (error) {
    return bad(name, `${at} ${unreachable(error, addresses.includes(address))}`);
  } finally {
    await remove();
  }
}

async function checkTls({ ports, addresses }: PreflightOptions, name: string, address: string): Promise<Check> {
  const port = ports?.tls ?? 443;
  const at = `port ${port} of ${address}`;
  try {
    await reach(address, port);
    return good(name, `${at} takes connections (tls-alpn-01)`);
  } catch (error) {
    return bad(name, `${at} ${unreachable(error, addresses.includes(address))}`);
  }
}

function reach(host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port }, () => {
      socket.destroy();
      resolve();
    });
    socket.setTimeout(REACH_MS_MAX, () => socket.destroy(Object.assign(new Error("timeout"), { code: "ETIMEDOUT" })));
    socket.on("error", reject);
  });
}

function inUrl(address: string): string {
  return address.includes(":") ? `[${address}]` : address;
}

function unreachable(error: unknown, isOwn: boolean): string {
  const { code = "", name } = error as { code?: string; name: string };
  const isSilent = name === "TimeoutError" || code === "ETIMEDOUT";
  if (isSilent) {
    return isOwn
      ? "does not answer: a firewall drops it?"
      : "does not answer from here: a firewall, or a router that does not let its own clients in from outside";
  }
  if (/ECONNREFUSED|ConnectionRefused/i.test(code))
    return "refuses connections: nothing listens there; does a site have it in `listen`, or NAT lead to it?";
  return `cannot be reached: ${code || (error as Error).message}`;
}
