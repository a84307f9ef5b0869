/** The response caches of a front: one around each route that asks for it, which other fronts may ask. A new configuration goes on with the caches of the
 *  one before it where they would be the same, and otherwise with their files where those are in the same place. */
import { monotonicMs, wallMs } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import { type CacheUsage, ResponseCache } from "../cache/cache.ts";
import { diskPlace, removeUnused } from "../cache/disk-places.ts";
import { DiskTier } from "../cache/disk.ts";
import type { Siblings } from "../cache/siblings.ts";
import type { ResponseCacheConfig } from "../config/config.ts";
import type { Handler } from "../exchange/exchange.ts";
import type { Scope } from "../exchange/scope.ts";
import { makeTemplate } from "./templates.ts";

export interface CachesOptions {
  /** The configuration file. */
  readonly server: string;
  readonly front: number;
  readonly fronts: number;
  /** What is on disk is used: no front was there that may have missed what was to be forgotten. */
  readonly keepsDisk: boolean;
  /** What one cache has learnt of a URL: the others, of this front too, are to forget it. */
  readonly changed: (places: readonly string[]) => void;
  /** The other fronts. */
  readonly siblings: Siblings;
  readonly log: Log;
  /** Of the configuration that is served until now. */
  readonly before: Caches | undefined;
}

interface Kept {
  readonly cache: ResponseCache;
  /** Everything that it is made of. */
  readonly from: string;
}

export class Caches {
  private readonly caches: ResponseCache[] = [];
  /** By the name of the route; those of one name are numbered. */
  private readonly kept = new Map<string, Kept>();
  /** By their directories. */
  private readonly tiers = new Map<string, DiskTier>();
  private readonly options: CachesOptions;
  private before: Caches | undefined;
  /** What is done when this configuration is served. */
  private readonly beginnings: (() => void)[] = [];

  constructor(options: CachesOptions) {
    this.options = options;
    this.before = options.before;
  }

  /** `name`: of the route, for people and for its place on disk. `scope` is made of `scopeFrom`. */
  around(name: string, config: ResponseCacheConfig, scope: Scope, scopeFrom: unknown, next: Handler): Handler {
    const own = this.unused(name);
    const from = JSON.stringify([config, scopeFrom]);
    const known = this.before?.kept.get(own);
    const cache = known?.from === from ? known.cache : this.make(own, from, config, scope, next);
    this.beginnings.push(() => cache.goOnWith(next));
    if (known?.from === from) this.keepTier(own, config);
    this.kept.set(own, { cache, from });
    this.caches.push(cache);
    return cache.handler;
  }

  private unused(name: string): string {
    let own = name;
    for (let nth = 2; this.kept.has(own); nth++) own = `${name} ${nth}`;
    return own;
  }

  private make(name: string, from: string, config: ResponseCacheConfig, scope: Scope, next: Handler): ResponseCache {
    const memoryBytesMax = Math.floor(config.memoryBytesMax / this.options.fronts);
    const key = config.key === undefined ? undefined : makeTemplate(config.key, scope);
    const options = { ...config, key, memoryBytesMax };
    const { changed, siblings } = this.options;
    const shared = siblings.alone ? undefined : { siblings, id: sharedId(name, from) };
    return new ResponseCache({ name, options, next, changed, shared, disk: this.makeTier(name, config) });
  }

  private keepTier(name: string, { disk }: ResponseCacheConfig): void {
    const directory = disk === undefined ? undefined : diskPlace(disk.directory, this.options, name);
    const tier = directory === undefined ? undefined : this.before?.tiers.get(directory);
    if (directory !== undefined && tier !== undefined) this.tiers.set(directory, tier);
  }

  private makeTier(name: string, { disk }: ResponseCacheConfig): DiskTier | undefined {
    if (disk === undefined) return undefined;
    const { fronts, keepsDisk, log } = this.options;
    const directory = diskPlace(disk.directory, this.options, name);
    const bytesMax = Math.floor(disk.bytesMax / fronts);
    const known = this.before?.tiers.get(directory);
    const tier = known ?? new DiskTier({ directory, bytesMax, keeps: keepsDisk }, log, monotonicMs, wallMs);
    this.beginnings.push(() => tier.resize(bytesMax));
    this.tiers.set(directory, tier);
    return tier;
  }

  /** Of all routes there are: they are served from now on. What others left on disk is removed. */
  begin(): void {
    for (const begin of this.beginnings.splice(0)) begin();
    this.before = undefined;
    const shared = [...this.kept].flatMap(([name, { cache, from }]) =>
      cache.sharing === undefined ? [] : [[sharedId(name, from), cache.sharing] as const],
    );
    this.options.siblings.serve(new Map(shared));
    void removeUnused([...this.tiers.keys()], this.options.fronts);
  }

  /** Resolves when what is in memory is on disk, as far as there is one and in bounded time. */
  async flush(): Promise<void> {
    await Promise.all(this.caches.map((cache) => cache.flush()));
  }

  /** See ResponseCache.forget. */
  forget(places: readonly string[]): number {
    let count = 0;
    for (const cache of this.caches) for (const place of places) count += cache.forget(place);
    return count;
  }

  usage(): CacheUsage[] {
    return this.caches.map((cache) => cache.usage());
  }

  tick(nowMs: number): void {
    for (const cache of this.caches) cache.tick(nowMs);
  }
}

/** A cache has the same in every front that serves the same configuration. */
function sharedId(name: string, from: string): string {
  return `${name} ${Bun.hash.xxHash64(from)}`;
}
