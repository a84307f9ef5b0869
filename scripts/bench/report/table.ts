/** A row as a table for the terminal: medians, in brackets how far the rounds lay apart, the ratio to the reference. */
import { OURS, REFERENCE } from "../peers/all.ts";
import type { Entry, RowResult } from "../results.ts";
import { aheadOfUs, barIsMet, barText, entryOf, format, ratioOf, valueOf } from "./judge.ts";

export function rowTable(row: RowResult): string {
  const head = ["", ...row.metrics.flatMap(({ title }) => [title, "×"]), ""];
  const lines = row.entries.map((entry) => {
    const cells = row.metrics.flatMap(({ key, digits }) => [cell(entry, key, digits), ratioCell(row, entry, key)]);
    return [entry.peer, ...cells, entry.errors === 0 ? "" : `${entry.errors} ERRORS`];
  });
  const refused = row.refused.map(({ peer, why }) => `  ${peer}: ${why}`);
  const bar = barIsMet(row);
  const verdict = bar === undefined ? "" : ` (${barText(row)}: ${bar ? "met" : "NOT met"})`;
  return [`\n${row.title} [${row.id}]${verdict}`, ...aligned([head, ...lines]), ...refused].join("\n");
}

function cell(entry: Entry, key: string, digits: number): string {
  const { min, max } = entry.values[key] ?? { min: Number.NaN, max: Number.NaN };
  const median = valueOf(entry, key);
  const apart = min === max || median === 0 ? "" : ` (±${Math.round(((max - min) / 2 / median) * 100)}%)`;
  return `${format(median, digits)}${apart}`;
}

function ratioCell(row: RowResult, entry: Entry, key: string): string {
  const ratio = entry.peer === REFERENCE.name ? 1 : ratioOf(row, entry, key);
  return ratio === undefined ? "" : format(ratio, 2);
}

function aligned(cells: readonly (readonly string[])[]): string[] {
  const widths = (cells[0] ?? []).map((_, i) => Math.max(...cells.map((line) => (line[i] ?? "").length)));
  return cells.map((line) => {
    const padded = line.map((text, i) => (i === 0 ? text.padEnd(widths[i] ?? 0) : text.padStart(widths[i] ?? 0)));
    return `  ${padded.join("  ")}`.trimEnd();
  });
}

/** The last words: where others are ahead, and which bars were missed. */
export function summary(rows: readonly RowResult[]): string {
  if (!rows.some((row) => entryOf(row, OURS.name) !== undefined && row.entries.length > 1)) return "";
  const behind = rows.flatMap((row) =>
    aheadOfUs(row).map(({ peer, metric, theirs, ours }) => {
      const figures = `${format(theirs, metric.digits)} against ${format(ours, metric.digits)} ${metric.title}`;
      return `  ${row.title}: ${peer}, ${figures}`;
    }),
  );
  const missed = rows.filter((row) => barIsMet(row) === false).map((row) => `  ${row.title}: ${barText(row)}`);
  return [
    behind.length === 0 ? "\nahead of every peer in every row" : "\npeers that are ahead:",
    ...behind,
    ...(missed.length === 0 ? [] : ["bars not met:", ...missed]),
  ].join("\n");
}
