/**
 * What the domain name system says: the few questions that certificates raise. An answer that there is nothing is an empty
 * list; that nobody answers is thrown, with words for people. `servers` are asked in place of the system's.
 */
import { Resolver as Asker } from "node:dns/promises";
import { isIP } from "node:net";

export interface CaaRecord {
  /** `issue`, `issuewild`, `iodef`, lower case. */
  readonly tag: string;
  readonly value: string;
}

export interface Resolver {
  addresses(host: string): Promise<readonly string[]>;
  caa(host: string): Promise<readonly CaaRecord[]>;
  txt(host: string): Promise<readonly string[]>;
  cname(host: string): Promise<string | undefined>;
  /** Of a zone; none when `host` is the top of none. */
  nameServers(host: string): Promise<readonly string[]>;
}

/** One try of a question, and how many there are. */
const TIMEOUT_MS = 3_000;
const TRIES = 2;

/** c-ares says in these ways that there is nothing. ENOTIMP: a server that knows no such type. */
const NOTHING = new Set(["ENOTFOUND", "ENODATA", "ENONAME", "ENOTIMP"]);

/** `servers`: `192.0.2.1`, `192.0.2.1:5353`, `[2001:db8::1]:53`; none: the system's. */
export function makeResolver(servers: readonly string[]): Resolver {
  const asker = new Asker({ timeout: TIMEOUT_MS, tries: TRIES });
  if (servers.length > 0) asker.setServers(servers);
  return {
    addresses: async (host) => {
      if (isIP(host) !== 0) return [host];
      const [four, six] = await Promise.all([
        asked(`A of ${host}`, asker.resolve4(host)),
        asked(`AAAA of ${host}`, asker.resolve6(host)),
      ]);
      return [...four, ...six];
    },
    caa: async (host) => (await asked(`CAA of ${host}`, asker.resolveCaa(host))).flatMap(caaRecords),
    txt: async (host) => (await asked(`TXT of ${host}`, asker.resolveTxt(host))).map((parts) => parts.join("")),
    cname: async (host) => (await asked(`CNAME of ${host}`, asker.resolveCname(host)))[0],
    nameServers: (host) => asked(`NS of ${host}`, asker.resolveNs(host)),
  };
}

async function asked<T>(what: string, question: Promise<readonly T[]>): Promise<readonly T[]> {
  try {
    return await question;
  } catch (error) {
    const { code = "" } = error as { code?: string };
    if (NOTHING.has(code)) return [];
    throw new Error(`${what} cannot be asked: ${code === "" ? (error as Error).message : explain(code)}`);
  }
}

function explain(code: string): string {
  if (code === "ESERVFAIL") return "the name server fails (SERVFAIL: broken DNSSEC, or a zone that is not there)";
  if (code === "ETIMEOUT" || code === "ECONNREFUSED") return "no name server answers";
  return code;
}

/** `{ critical: 0, issue: "letsencrypt.org" }` */
function caaRecords(record: object): CaaRecord[] {
  return Object.entries(record).flatMap(([tag, value]) =>
    tag !== "critical" && tag !== "type" && typeof value === "string" ? [{ tag: tag.toLowerCase(), value }] : [],
  );
}
