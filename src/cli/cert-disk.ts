/** The certificates of a configuration as they lie on disk, for when no server runs that could tell. */
import { describePair } from "../certificates/describe.ts";
import { type LoadedPair, loadPair, knownAuthorities } from "../certificates/files.ts";
import { judge } from "../certificates/judge.ts";
import { pairId, Store } from "../certificates/store.ts";
import type { Config, SiteConfig } from "../config/config.ts";
import type { CertificateDetail } from "../master/certificates.ts";

/** Those that can be read; a site whose certificate is still to come has none. */
export function certificatesOnDisk({ sites, server }: Config): CertificateDetail[] {
  const store = new Store(server.stateDirectory);
  return sites.flatMap((site) => {
    const source = site.tls?.source;
    if (source === undefined) return [];
    if (source.kind === "files") return source.pairs.map((files) => detail(site, "files", loadPair(files)));
    const pair = store.pair(pairId(source.names, source.directory));
    return pair === undefined ? [] : [detail(site, source.kind, pair)];
  });
}

function detail(
  { label, names }: SiteConfig,
  source: CertificateDetail["source"],
  pair: LoadedPair,
): CertificateDetail {
  const found = judge({ chain: pair.chain, names, nowMs: Date.now(), authorities: knownAuthorities });
  const problems = source === "files" ? found.map(({ what, should }) => `the certificate ${what}; it ${should}`) : [];
  return { site: label, source, ...describePair(pair), nextAt: null, failures: null, problems, pem: pair.cert };
}
