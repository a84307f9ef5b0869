/** The response caches of a front: one around each route that asks for it. */
import { monotonicMs, wallMs } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import { type CacheUsage, ResponseCache } from "../cache/cache.ts";
import { diskPlace, removeUnused } from "../cache/disk-places.ts";
import { DiskTier } from "../cache/disk.ts";
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
  /** What the caches of the other fronts are to forget. */
  readonly changed: (places: readonly string[]) => void;
  readonly log: Log;
}

export class Caches {
  private readonly caches: ResponseCache[] = [];
  private readonly places: string[] = [];
  private readonly options: CachesOptions;

  constructor(options: CachesOptions) {
    this.options = options;
  }

  /** `name`: of the route, for people and for its place on disk. */
  around(name: string, config: ResponseCacheConfig, scope: Scope, next: Handler): Handler {
    const memoryBytesMax = Math.floor(config.memoryBytesMax / this.options.fronts);
    const key = config.key === undefined ? undefined : makeTemplate(config.key, scope);
    const options = { ...config, key, memoryBytesMax };
    // What one cache learns of a URL is true for the others of this front, too.
    const changed = (places: readonly string[]) => {
      this.forget(places);
      this.options.changed(places);
    };
    const cache = new ResponseCache({ name, options, next, changed, disk: this.makeDisk(name, config) });
    this.caches.push(cache);
    return cache.handler;
  }

  private makeDisk(name: string, { disk }: ResponseCacheConfig): DiskTier | undefined {
    if (disk === undefined) return undefined;
    const { fronts, keepsDisk, log } = this.options;
    // A route and what it passes on to otherwise have one name.
    const nth = this.places.length;
    const own = diskPlace(disk.directory, this.options, name);
    const directory = this.places.includes(own) ? diskPlace(disk.directory, this.options, `${name} ${nth}`) : own;
    this.places.push(directory);
    const bytesMax = Math.floor(disk.bytesMax / fronts);
    return new DiskTier({ directory, bytesMax, keeps: keepsDisk }, log, monotonicMs, wallMs);
  }

  /** All routes are there: what others left on disk is removed. */
  complete(): void {
    void removeUnused(this.places, this.options.fronts);
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
