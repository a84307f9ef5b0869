/** A response cache whose handler answers when the test says so, and whose clock is the test's. */
import { ResponseCache } from "../../src/cache/cache.ts";
import type { DiskTier } from "../../src/cache/disk.ts";
import { CACHE_ENTRY_BYTES_MAX, type CacheOptions } from "../../src/cache/options.ts";
import type { SharingOptions } from "../../src/cache/sharing.ts";
import type { Exchange } from "../../src/exchange/exchange.ts";
import { Fields } from "../../src/protocol/http/fields.ts";
import { type FakeExchange, type FakeRequest, fakeExchange } from "../support/exchange.ts";

export const OPTIONS: CacheOptions = {
  memoryBytesMax: 1024 * 1024,
  entryBytesMax: CACHE_ENTRY_BYTES_MAX,
  bypassCookies: [],
  ignoreSetCookie: false,
  waitMs: 5000,
};

export type Pairs = readonly (readonly [string, string])[];

export const FRESH: Pairs = [["Cache-Control", "max-age=60"]];

export class CacheStage {
  nowMs = 1000;
  /** Requests that came through to the handler, in order. */
  readonly asked: Exchange[] = [];
  readonly changed: string[] = [];
  readonly cache: ResponseCache;

  constructor(options: Partial<CacheOptions> = {}, disk?: DiskTier, shared?: SharingOptions) {
    this.cache = new ResponseCache({
      name: "test",
      options: { ...OPTIONS, ...options },
      next: (exchange) => void this.asked.push(exchange),
      disk,
      shared,
      changed: (places) => void this.changed.push(...places),
      now: () => this.nowMs,
    });
  }

  request(request: FakeRequest = {}): FakeExchange {
    const made = fakeExchange(request);
    this.cache.handler(made.exchange);
    return made;
  }

  /** The last request that came through is answered. */
  answer(text: string, fields: Pairs = FRESH, status = 200): void {
    const exchange = this.asked.at(-1);
    const content = Buffer.from(text, "latin1");
    exchange?.reply.whole({ status, reason: undefined, fields: Fields.of(fields), length: content.length }, content);
  }

  /** A request, answered if it comes through. */
  ask(request: FakeRequest, text: string, fields: Pairs = FRESH, status = 200): FakeExchange {
    const before = this.asked.length;
    const made = this.request(request);
    if (this.asked.length > before) this.answer(text, fields, status);
    return made;
  }

  /** `HIT ok`: what the cache had to do with it, and its content. */
  show({ exchange, reply }: FakeExchange): string {
    return `${exchange.cacheStatus} ${reply.state === "finished" ? reply.text : reply.state}`;
  }
}
