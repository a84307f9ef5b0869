/** What the fronts ask one another about a reply, what they answer, and what they say when a fetch is over. */
import type { Fields } from "../protocol/http/fields.ts";
import type { CacheEntry } from "./entry.ts";

export interface Question {
  readonly key: string;
  readonly place: string;
  /** Of the request: which variant answers it is the home's to find out. */
  readonly fields: Fields;
  /** `any`: it is fetched if need be. `fresh`: it is renewed behind a client's back. `kept`: nothing is fetched for it. */
  readonly wants: "any" | "fresh" | "kept";
  /** Whoever asks has something stale itself. */
  readonly hasStale: boolean;
  /** How long it may wait for another's fetch; 0: not at all. */
  readonly waitMs: number;
}

export type Answer =
  | { readonly kind: "entry"; readonly entry: CacheEntry }
  /** Fetch it, and say how it ended. Without a lease nobody waits for it. `stale`: to ask about, and to stand in for errors. */
  | { readonly kind: "fetch"; readonly lease?: number | undefined; readonly stale?: CacheEntry | undefined }
  /** Somebody is fetching it; another answer follows. */
  | { readonly kind: "wait" }
  /** It may not be kept; that is known for so long. */
  | { readonly kind: "pass"; readonly forMs: number }
  /** Each front asks for itself, for so long: it is asked about each time, and nobody gains by waiting. */
  | { readonly kind: "alone"; readonly forMs: number }
  /** Nothing is kept. */
  | { readonly kind: "none" };

/** How a fetch ended. */
export type Outcome =
  | { readonly how: "kept"; readonly entry: CacheEntry }
  /** See the answer of that name. */
  | { readonly how: "alone" }
  /** `isGone`: the server has no trouble, and what was kept until now is no more. */
  | { readonly how: "refused"; readonly isGone: boolean }
  | { readonly how: "failed" };
