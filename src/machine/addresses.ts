/** The addresses of this machine, and whether a name of the DNS leads to one of them. */
import { Resolver } from "node:dns/promises";
import { networkInterfaces } from "node:os";

export interface Addresses {
  /** That the world can reach, unless a firewall is in between. */
  readonly open: readonly string[];
  /** In private networks (RFC 1918, RFC 4193, RFC 6598): a router may forward to them. */
  readonly inside: readonly string[];
}

export function lookAtAddresses(interfaces = networkInterfaces()): Addresses {
  const all = Object.values(interfaces).flatMap((each) => each ?? []);
  const outward = all.filter(({ internal, address }) => !internal && reachOf(address) !== "host");
  const addresses = [...new Set(outward.map(({ address }) => address))];
  return {
    open: addresses.filter((address) => reachOf(address) === "world"),
    inside: addresses.filter((address) => reachOf(address) === "inside"),
  };
}

/** From how far an address can be reached: `host` is loopback and link-local. */
export function reachOf(address: string): "world" | "inside" | "host" {
  if (/^(127\.|169\.254\.|::1$|::$|0\.0\.0\.0$|fe[89ab])/i.test(address)) return "host";
  if (/^(10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|f[cd])/i.test(address)) return "inside";
  // RFC 6598: behind a carrier's translation.
  return /^100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7])\./.test(address) ? "inside" : "world";
}

/** Asks the DNS. All that can go wrong with a question is told apart from "there is no such name". */
export type LookUp = (name: string) => Promise<readonly string[] | "unknown-name" | "no-answer">;

/** A person waits for it, and a resolver that does not answer at once mostly never does. */
const LOOK_UP_MS = 3000;

export const lookUp: LookUp = async (name) => {
  const resolver = new Resolver({ timeout: LOOK_UP_MS, tries: 1 });
  const late = setTimeout(() => resolver.cancel(), LOOK_UP_MS);
  try {
    const answers = await Promise.allSettled([resolver.resolve4(name), resolver.resolve6(name)]);
    const addresses = answers.flatMap((answer) => (answer.status === "fulfilled" ? answer.value : []));
    if (addresses.length > 0) return addresses;
    const codes = answers.flatMap((a) => (a.status === "rejected" ? [(a.reason as { code?: string }).code] : []));
    return codes.every((code) => code === "ENOTFOUND" || code === "ENODATA") ? "unknown-name" : "no-answer";
  } finally {
    clearTimeout(late);
  }
};

export type NameVerdict =
  | { readonly kind: "here" | "elsewhere" | "hidden"; readonly addresses: readonly string[] }
  | { readonly kind: "unknown-name" | "no-answer" | "not-public" };

/** Names that no resolver of the world knows (RFC 6761, RFC 6762, RFC 8375). */
export function isPublicName(name: string): boolean {
  const isAddress = /^[0-9.]+$/.test(name) || name.includes(":");
  const isLocal = /(^|\.)(localhost|local|localdomain|internal|lan|test|example|invalid|home\.arpa)$/i.test(name);
  return !isAddress && !isLocal && name.includes(".");
}

/** `hidden`: this machine has no address of its own that the world can reach, so nothing can be said. */
export async function judgeName(name: string, own: Addresses, ask: LookUp = lookUp): Promise<NameVerdict> {
  if (!isPublicName(name)) return { kind: "not-public" };
  const answer = await ask(name);
  if (typeof answer === "string") return { kind: answer };
  const mine = [...own.open, ...own.inside].map((address) => address.toLowerCase());
  if (answer.some((address) => mine.includes(address.toLowerCase()))) return { kind: "here", addresses: answer };
  return { kind: own.open.length === 0 ? "hidden" : "elsewhere", addresses: answer };
}
