/**
 * The addresses of a name, as the system resolves it (/etc/hosts too). Both families, each address once. A literal address
 * is its own answer and lasts for ever.
 *
 *   by the TTL   c-ares, which waits for name servers beside everything else, tells the TTL, and keeps an answer for as long
 *   afresh       getaddrinfo(3), which keeps nothing and tells no TTL. It holds a thread of the runtime's pool until it is done: ten
 *                seconds where a name server is silent (resolv.conf: two attempts of five seconds). The pool has one thread for
 *                each core and two at least, and passwords and files of the cache need it, too: see proxy/lookup-turns.ts.
 */
import { isIP } from "node:net";

export interface Resolved {
  readonly addresses: readonly string[];
  /** 0 when the resolver tells none. */
  readonly ttlMs: number;
}

/** Rejects with a reason for the log: `ENOTFOUND`. `afresh`: nothing that was heard before. */
export async function resolveName(host: string, afresh = false): Promise<Resolved> {
  if (isIP(host) !== 0) return { addresses: [host], ttlMs: Infinity };
  const options = { family: 0, backend: afresh ? "libc" : "c-ares" } as const;
  const found = await Bun.dns.lookup(host, options).catch((error: Error & { code?: string }) => {
    throw new Error((error.code ?? error.message).replace(/^DNS_/, ""));
  });
  const seconds = found.map(({ ttl }) => ttl).filter((ttl) => ttl > 0);
  const addresses = [...new Set(found.map(({ address }) => address))].toSorted();
  return { addresses, ttlMs: seconds.length === 0 ? 0 : Math.min(...seconds) * 1000 };
}
