/**
 * "Did you mean …?": the known word that a mistyped one was most likely to be.
 * Distance: Damerau-Levenshtein (optimal string alignment), where `lsiten` is one swap away from `listen`.
 */

/** Fewer letters than this are the beginning of too many words. */
const PREFIX_MIN = 3;

/** The nearest of `known`, if it is near enough that the offer helps: a third of the letters may differ, or one word
 *  goes on where the other ends (`warning` for `warn`). */
export function nearest(word: string, known: Iterable<string>): string | undefined {
  const written = word.toLowerCase();
  let best: string | undefined;
  let least = Math.max(1, Math.floor(word.length / 3)) + 1;
  let longer: string | undefined;
  for (const candidate of known) {
    const lower = candidate.toLowerCase();
    const distance = editDistance(written, lower);
    if (distance < least && distance < candidate.length) [best, least] = [candidate, distance];
    if (continues(written, lower)) longer ??= candidate;
  }
  return best ?? longer;
}

function continues(a: string, b: string): boolean {
  return Math.min(a.length, b.length) >= PREFIX_MIN && (a.startsWith(b) || b.startsWith(a));
}

export function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitute = at(last, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1);
      let cost = Math.min(at(last, j) + 1, at(row, j - 1) + 1, substitute);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) cost = Math.min(cost, at(beforeLast, j - 2) + 1);
      row.push(cost);
    }
    [beforeLast, last] = [last, row];
  }
  return at(last, b.length);
}

/** Every index that the loops above form is inside its row. */
function at(row: readonly number[], index: number): number {
  return row[index] as number;
}
