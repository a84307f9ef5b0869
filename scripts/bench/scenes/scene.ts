/** What is served in the rows: applications, files, upstreams. Each is prepared once and served by all peers. */
import type { Scene, Shape } from "../peers/peer.ts";

export type SceneName = "wsgi" | "django" | "files" | "tls" | "proxy" | "websocket";

export interface Prepared {
  readonly scene: Omit<Scene, keyof Shape>;
  readonly stop: () => Promise<void>;
}

const KIB = 1024;
export const MEGABYTE = KIB * KIB;
export const FILE_BYTES = { "1k": KIB, "16k": 16 * KIB, "1m": MEGABYTE, "100m": 100 * MEGABYTE } as const;
/** Older than any cache wants files to be before it trusts their times, and of whole seconds. */
export const FILE_TIME = new Date(Math.floor(Date.now() / 1000) * 1000 - 3_600_000);
export const MANY = 10_000;
export const MANY_BYTES = 4 * KIB;
/** `many0` is asked again and again, the others once: some to warm up, one in each round. */
export const MANY_WARM_UP_FOLDERS = 5;
export const MANY_ROUNDS_MAX = 5;
export const MANY_FOLDERS = 1 + MANY_WARM_UP_FOLDERS + MANY_ROUNDS_MAX;
/** Of the sample project's page. */
export const PAGE_ENTRIES = 10;
/** Of the page that is compressed. */
export const PAGE_BYTES = 30_000;
