/** The response caches of a front: one around each route that asks for it. */
import { type CacheUsage, ResponseCache } from "../cache/cache.ts";
import type { ResponseCacheConfig } from "../config/config.ts";
import type { Handler } from "../exchange/exchange.ts";
import type { Scope } from "../exchange/scope.ts";
import { makeTemplate } from "./templates.ts";

export class Caches {
  private readonly caches: ResponseCache[] = [];
  private readonly fronts: number;
  private readonly changed: (places: readonly string[]) => void;

  /** `changed`: what the caches of the other fronts are to forget. */
  constructor(fronts: number, changed: (places: readonly string[]) => void) {
    this.fronts = fronts;
    this.changed = changed;
  }

  /** `name`: of the route, for people. */
  around(name: string, config: ResponseCacheConfig, scope: Scope, next: Handler): Handler {
    const memoryBytesMax = Math.floor(config.memoryBytesMax / this.fronts);
    const key = config.key === undefined ? undefined : makeTemplate(config.key, scope);
    const options = { ...config, key, memoryBytesMax };
    // What one cache learns of a URL is true for the others of this front, too.
    const changed = (places: readonly string[]) => {
      this.forget(places);
      this.changed(places);
    };
    const cache = new ResponseCache({ name, options, next, changed });
    this.caches.push(cache);
    return cache.handler;
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
