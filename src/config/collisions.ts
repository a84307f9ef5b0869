/**
 * What two parts of a configuration cannot both have: an address in two ways, a host name or the default place on one
 * address. Works on resolved addresses, so that `80`, `":80"` and `"0.0.0.0:80"` are seen to be one.
 */
import type { AppConfig, ListenAddress, SiteConfig } from "./config.ts";
import type { Placed } from "./kinds.ts";
import { listenKey } from "./listen.ts";
import { EVERY_IPV4, EVERY_IPV6 } from "./listening.ts";
import type { Place } from "./place.ts";

export interface ResolvedSite {
  readonly place: Place;
  readonly config: SiteConfig;
  readonly names: readonly Placed<string>[];
  readonly listens: readonly Placed<ListenAddress>[];
}

export interface ResolvedSockets {
  readonly app: AppConfig["name"];
  readonly sockets: readonly Placed<ListenAddress>[];
}

interface Claim {
  readonly place: Place;
  readonly address: ListenAddress;
  /** Sites may share an address with each other, an app shares with nobody. */
  readonly owner: string;
  readonly shares: boolean;
}

export function checkCollisions(sites: readonly ResolvedSite[], apps: readonly ResolvedSockets[]): void {
  const claims = [...sites.flatMap(siteClaims), ...apps.flatMap(appClaims)];
  checkAddresses(claims);
  checkNames(sites);
  checkPolicies(sites);
  for (const { sockets } of apps) warnExposed(sockets);
  for (const { listens } of sites) warnExposed(listens.filter(({ value }) => value.uwsgi === true));
}

function siteClaims(site: ResolvedSite, index: number): Claim[] {
  return site.listens.map(({ place, value }) => ({ place, address: value, owner: `site ${index}`, shares: true }));
}

function appClaims({ app, sockets }: ResolvedSockets): Claim[] {
  return sockets.map(({ place, value }) => ({ place, address: value, owner: `app ${app}`, shares: false }));
}

/** Each later claim against each earlier one; one message for each place. There are few. */
function checkAddresses(claims: readonly Claim[]): void {
  const told = new Set<Place>();
  claims.forEach((claim, i) => {
    for (const earlier of claims.slice(0, i)) {
      const what = told.has(claim.place) ? undefined : conflict(earlier, claim);
      if (what === undefined) continue;
      told.add(claim.place);
      claim.place.wrong({ what });
    }
  });
}

function conflict(earlier: Claim, claim: Claim): string | undefined {
  const key = listenKey(claim.address);
  if (listenKey(earlier.address) !== key) return overlap(earlier, claim);
  if (earlier.owner === claim.owner) return `is a second listen on ${key}; the first is on ${earlier.place.line}`;
  if (!earlier.shares || !claim.shares)
    return `is ${key}, which ${earlier.shares ? "a site" : earlier.owner} has on ${earlier.place.line}`;
  if (earlier.address.proxyProtocol !== claim.address.proxyProtocol)
    return `gives ${key} another proxy_protocol than ${earlier.place.line}`;
  if (earlier.address.uwsgi !== claim.address.uwsgi) return `gives ${key} another protocol than ${earlier.place.line}`;
  if (earlier.address.tls !== claim.address.tls) return `gives ${key} another tls than ${earlier.place.line}`;
  if (earlier.address.kind !== "unix" || claim.address.kind !== "unix") return undefined;
  if (earlier.address.mode !== claim.address.mode) return `gives ${key} another mode than ${earlier.place.line}`;
  const [one, other] = [earlier.address.owner, claim.address.owner];
  return one?.uid === other?.uid && one?.gid === other?.gid
    ? undefined
    : `gives ${key} to another owner than ${earlier.place.line}`;
}

/** The kernel refuses a port on one address while another socket listens on it everywhere. */
function overlap(earlier: Claim, claim: Claim): string | undefined {
  const [a, b] = [earlier.address, claim.address];
  if (a.kind !== "tcp" || b.kind !== "tcp" || a.port !== b.port || family(a.host) !== family(b.host)) return undefined;
  if (!isEvery(a.host) && !isEvery(b.host)) return undefined;
  return `is ${listenKey(b)}, which overlaps ${listenKey(a)} on ${earlier.place.line}; should be the same on both`;
}

function family(host: string): 4 | 6 {
  return host.includes(":") ? 6 : 4;
}

function isEvery(host: string): boolean {
  return host === EVERY_IPV4 || host === EVERY_IPV6;
}

/** A host name, or the place of the default site, twice on one address. */
function checkNames(sites: readonly ResolvedSite[]): void {
  const taken = new Map<string, Place>();
  const told = new Set<Place>();
  for (const site of sites) {
    for (const { place, name } of claimedNames(site)) {
      for (const address of new Set(site.config.listen.map(listenKey))) {
        const key = `${address} ${name}`;
        const before = taken.get(key);
        if (before === undefined) taken.set(key, place);
        else if (!told.has(place) && told.add(place)) refuseName(place, name, address, before);
      }
    }
  }
}

/** Protocol versions are settled before a client says which site it means. */
function checkPolicies(sites: readonly ResolvedSite[]): void {
  const first = new Map<string, ResolvedSite>();
  for (const site of sites) {
    const { listen, tls } = site.config;
    if (tls === undefined) continue;
    for (const key of listen.filter((address) => address.tls === true).map(listenKey)) {
      const before = first.get(key) ?? site;
      first.set(key, before);
      if (before.config.tls?.policy === tls.policy) continue;
      const what = `has the policy ${tls.policy} on ${key}, where the site on ${before.place.line} has another`;
      site.place.into("tls").wrong({ what, should: "should be the same for all sites of an address" });
      break;
    }
  }
}

function claimedNames(site: ResolvedSite): { place: Place; name: string }[] {
  const names = site.names.flatMap(({ place, value }) =>
    value.startsWith(".") ? [value.slice(1), `*${value}`].map((name) => ({ place, name })) : [{ place, name: value }],
  );
  const isChosen = site.config.isDefault;
  if (names.length > 0) return isChosen ? [...names, { place: site.place.into("default"), name: "" }] : names;
  // Names that were all refused are no claim to be the default.
  const written = site.place.into("names").value;
  const isDefault = written === undefined || (Array.isArray(written) && written.length === 0);
  return isDefault ? [{ place: site.place, name: "" }] : [];
}

function refuseName(place: Place, name: string, address: string, before: Place): void {
  const where = `on ${address}; the first is on ${before.line}`;
  if (name !== "") return place.wrong({ what: `is a second ${JSON.stringify(name)} ${where}` });
  const should = place.path.at(-1) === "default" ? "only one of them should be" : "should have names";
  place.wrong({ what: `is a second default site ${where}`, should });
}

/** Whoever reaches a uwsgi socket may claim any client address and scheme. */
function warnExposed(sockets: readonly Placed<ListenAddress>[]): void {
  const told = new Set<Place>();
  for (const { place, value } of sockets) {
    if (value.kind === "unix" || !isEvery(value.host) || told.has(place)) continue;
    told.add(place);
    const what = `is ${listenKey(value)}: reachable from every network, though whoever connects is trusted`;
    place.warn({ what, should: 'should be "unix:/path" or a private address such as "127.0.0.1:8997"' });
  }
}
