/** How long was measured: rounds of so many seconds, as the page says it. */
import type { Entry, RowResult } from "../results.ts";

export interface Length {
  readonly rounds: number;
  readonly seconds: number;
}

const lengthOf = ({ rounds, seconds }: RowResult, entry: Entry): Length => ({ rounds, seconds, ...given(entry) });

function given({ rounds, seconds }: Entry): Partial<Length> {
  return { ...(rounds === undefined ? {} : { rounds }), ...(seconds === undefined ? {} : { seconds }) };
}

const counted = (count: number, what: string) => `${count} ${what}${count === 1 ? "" : "s"}`;

/** `usual`: whose seconds need not be said. */
export function lengthText({ rounds, seconds }: Length, usual?: Length): string {
  const each = seconds === usual?.seconds ? "" : ` of ${counted(seconds, "second")}`;
  return `${counted(rounds, "round")}${each}`;
}

/** What most figures are of. */
export function usualLength(rows: readonly RowResult[]): Length | undefined {
  const counts = new Map<string, { length: Length; count: number }>();
  for (const length of rows.flatMap((row) => row.entries.map((entry) => lengthOf(row, entry)))) {
    const text = lengthText(length);
    counts.set(text, { length, count: (counts.get(text)?.count ?? 0) + 1 });
  }
  return [...counts.values()].toSorted((a, b) => b.count - a.count)[0]?.length;
}

/** Where a row has not the usual one: a sentence for each other one, with the peers where it is not that of all. */
export function otherLengths(row: RowResult, usual: Length | undefined): string[] {
  const textOf = (entry: Entry) => lengthText(lengthOf(row, entry), usual);
  const expected = usual === undefined ? "" : lengthText(usual, usual);
  const texts = [...new Set(row.entries.map(textOf))].filter((text) => text !== expected);
  return texts.map((text) => {
    const peers = row.entries.filter((entry) => textOf(entry) === text).map(({ peer }) => peer);
    return peers.length === row.entries.length ? `${text}.` : `${text}: ${peers.join(", ")}.`;
  });
}
