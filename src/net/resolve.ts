/**
 * The addresses of a name, as the system resolves it (/etc/hosts too). Both families, each address once. A literal address
 * is its own answer and lasts for ever.
 */
import { isIP } from "node:net";

export interface Resolved {
  readonly addresses: readonly string[];
  /** 0 when the resolver tells none. */
  readonly ttlMs: number;
}

/** Rejects with a reason for the log: `ENOTFOUND`. */
export async function resolveName(host: string): Promise<Resolved> {
  if (isIP(host) !== 0) return { addresses: [host], ttlMs: Infinity };
  const found = await Bun.dns.lookup(host, { family: 0 }).catch((error: Error & { code?: string }) => {
    throw new Error((error.code ?? error.message).replace(/^DNS_/, ""));
  });
  const seconds = found.map(({ ttl }) => ttl).filter((ttl) => ttl > 0);
  const addresses = [...new Set(found.map(({ address }) => address))].toSorted();
  return { addresses, ttlMs: seconds.length === 0 ? 0 : Math.min(...seconds) * 1000 };
}
