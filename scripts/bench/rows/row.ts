/** A row of the comparison: what is asked of whom, what is measured, and how the answers are looked at before. */
import type { Answer } from "../../../test/support/wire.ts";
import type { Ability, Shape } from "../peers/peer.ts";
import type { SceneName } from "../scenes/scene.ts";
import type { Subject } from "../subject.ts";

export interface Metric {
  readonly key: string;
  readonly title: string;
  readonly better: "more" | "less";
  readonly digits: number;
}

/** By the metrics' keys; `errors` besides. */
export type Sample = Readonly<Record<string, number>>;

export interface How {
  readonly seconds: number;
  /** For files of the load generators. */
  readonly folder: string;
}

export type Group = "apps" | "files" | "proxy" | "one" | "operation";

export interface Row {
  /** As in ROW=. */
  readonly id: string;
  readonly title: string;
  readonly group: Group;
  readonly scene: SceneName;
  /** Default: ALL_CORES. */
  readonly shape?: Shape;
  readonly needs: Ability;
  /** The first ones are what a row is judged by. */
  readonly metrics: readonly Metric[];
  readonly judgedBy: readonly string[];
  readonly isQuick?: boolean;
  /** Of rounds, for rows that take long or say the same each time. */
  readonly roundsMax?: number;
  readonly hasNoWarmUp?: boolean;
  /** Default 1; more where each process and thread has much to do for its first request. */
  readonly warmUpSeconds?: number;
  /** What its issue wants of a metric, as a ratio to the reference. */
  readonly bar?: { readonly key: string; readonly atLeast?: number; readonly atMost?: number };
  readonly note?: string;
  /** What is wrong with the answers, if anything. */
  readonly check: (subject: Subject) => Promise<string | undefined>;
  readonly measure: (subject: Subject, how: How, round: number) => Promise<Sample>;
}

export const REQUESTS: Metric = { key: "perSecond", title: "requests/s", better: "more", digits: 0 };
export const CPU: Metric = { key: "cpuUs", title: "µs CPU/request", better: "less", digits: 1 };
export const P50: Metric = { key: "p50Ms", title: "p50 ms", better: "less", digits: 2 };
export const P99: Metric = { key: "p99Ms", title: "p99 ms", better: "less", digits: 2 };
export const MEGABYTES: Metric = { key: "megabytesPerSecond", title: "MB/s", better: "more", digits: 0 };

export const BUSY: Metric = { key: "busy", title: "of the load generator's time", better: "less", digits: 2 };

export type Wrong = (answer: Answer) => string | undefined;

export const holds =
  (text: string): Wrong =>
  ({ body }) =>
    body.includes(text) ? undefined : `"${text}" is not in ${body.subarray(0, 200).toString()}`;

export const hasLength =
  (bytes: number): Wrong =>
  ({ body }) =>
    body.length === bytes ? undefined : `${body.length} bytes instead of ${bytes}`;
