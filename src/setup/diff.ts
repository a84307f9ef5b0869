/** Two texts line by line: what a change takes away and what it adds, with a little of what stays around it. */

export interface DiffLine {
  readonly sign: " " | "-" | "+";
  readonly text: string;
}

/** Lines around a change. */
const CONTEXT = 2;

/** Longer ones are shown as wholly other: comparing takes their product in time. */
const LINES_MAX = 2000;

/** Empty when they are the same; `undefined` stands for lines that are left out. */
export function diffLines(before: string, after: string): (DiffLine | undefined)[] {
  const old = linesOf(before);
  const now = linesOf(after);
  const all = old.length > LINES_MAX || now.length > LINES_MAX ? wholly(old, now) : compare(old, now);
  if (all.every(({ sign }) => sign === " ")) return [];
  return withoutTheMiddle(all);
}

function linesOf(text: string): string[] {
  return text === "" ? [] : text.replace(/\n$/, "").split("\n");
}

function wholly(old: readonly string[], now: readonly string[]): DiffLine[] {
  return [...old.map((text): DiffLine => ({ sign: "-", text })), ...now.map((text): DiffLine => ({ sign: "+", text }))];
}

/** By the longest common subsequence. */
function compare(old: readonly string[], now: readonly string[]): DiffLine[] {
  const width = now.length + 1;
  const lengths = new Uint16Array((old.length + 1) * width);
  const at = (i: number, j: number) => lengths[i * width + j] ?? 0;
  for (let i = old.length - 1; i >= 0; i--) {
    for (let j = now.length - 1; j >= 0; j--) {
      lengths[i * width + j] = old[i] === now[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
    }
  }
  const lines: DiffLine[] = [];
  let i = 0;
  let j = 0;
  while (i < old.length || j < now.length) {
    if (i < old.length && j < now.length && old[i] === now[j]) {
      lines.push({ sign: " ", text: old[i++] ?? "" });
      j++;
    } else if (i < old.length && (j === now.length || at(i + 1, j) >= at(i, j + 1))) {
      lines.push({ sign: "-", text: old[i++] ?? "" });
    } else lines.push({ sign: "+", text: now[j++] ?? "" });
  }
  return lines;
}

function withoutTheMiddle(all: readonly DiffLine[]): (DiffLine | undefined)[] {
  const isNear = all.map((_, i) =>
    all.slice(Math.max(0, i - CONTEXT), i + CONTEXT + 1).some(({ sign }) => sign !== " "),
  );
  return all.flatMap((line, i) => {
    if (isNear[i] === true) return [line];
    return i > 0 && isNear[i - 1] !== true ? [] : [undefined];
  });
}
