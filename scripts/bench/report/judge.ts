/** What a row says: ratios to the reference, who is ahead, whether its bar is met. */
import { OURS, REFERENCE } from "../peers/all.ts";
import type { Metric } from "../rows/row.ts";
import type { Entry, RowResult } from "../results.ts";

export function valueOf(entry: Entry, key: string): number {
  return entry.values[key]?.median ?? Number.NaN;
}

export function entryOf(row: RowResult, peer: string): Entry | undefined {
  return row.entries.find((entry) => entry.peer === peer);
}

/** To the reference; undefined where it is not in the row, or is 0. */
export function ratioOf(row: RowResult, entry: Entry, key: string): number | undefined {
  const reference = entryOf(row, REFERENCE.name);
  const base = reference === undefined ? Number.NaN : valueOf(reference, key);
  const ratio = valueOf(entry, key) / base;
  return Number.isFinite(ratio) ? ratio : undefined;
}

/** Peers that are better than ours in something that the row is judged by. */
export function aheadOfUs(row: RowResult): { peer: string; metric: Metric; theirs: number; ours: number }[] {
  const us = entryOf(row, OURS.name);
  if (us === undefined) return [];
  return judging(row).flatMap((metric) => {
    const ours = valueOf(us, metric.key);
    const others = row.entries.filter((entry) => entry !== us && better(metric, valueOf(entry, metric.key), ours));
    return others.map((entry) => ({ peer: entry.peer, metric, theirs: valueOf(entry, metric.key), ours }));
  });
}

export function judging({ metrics, judgedBy }: RowResult): Metric[] {
  return metrics.filter(({ key }) => judgedBy.includes(key));
}

function better({ better: direction }: Metric, a: number, b: number): boolean {
  return direction === "more" ? a > b : a < b;
}

/** Undefined for rows without a bar, or without the reference. */
export function barIsMet(row: RowResult): boolean | undefined {
  const us = entryOf(row, OURS.name);
  if (row.bar === undefined || us === undefined) return undefined;
  const ratio = ratioOf(row, us, row.bar.key);
  if (ratio === undefined) return undefined;
  return ratio >= (row.bar.atLeast ?? 0) && ratio <= (row.bar.atMost ?? Infinity);
}

export function barText({ bar, metrics }: RowResult): string {
  if (bar === undefined) return "";
  const { title } = metrics.find(({ key }) => key === bar.key) as Metric; // a row's bar is of one of its metrics
  const bound =
    bar.atLeast === undefined ? `at most ${format(bar.atMost ?? 0, 2)}` : `at least ${format(bar.atLeast, 2)}`;
  return `${bound} × the ${title} of ${REFERENCE.name}`;
}

export function format(number: number, digits: number): string {
  if (Number.isNaN(number)) return "–";
  return number.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}
