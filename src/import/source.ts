/**
 * A file that is imported, and places in it: line, column, and the line itself with a caret under what is meant.
 * Not here: what any of it means.
 */

export class SourceFile {
  /** As people named it; in the report and in comments. */
  readonly name: string;
  /** Absolute: what it includes is looked for from there. */
  readonly path: string;
  readonly text: string;
  private readonly lineStarts: readonly number[];

  constructor(name: string, path: string, text: string) {
    this.name = name;
    this.path = path;
    // A byte order mark is no part of the first word.
    this.text = text.replace(/^\uFEFF/, "");
    this.lineStarts = [0, ...[...this.text.matchAll(/\n/g)].map((found) => found.index + 1)];
  }

  at(offset: number, length = 1): Origin {
    return { file: this, offset, length };
  }

  /** Both from 1. */
  positionOf(offset: number): { readonly line: number; readonly column: number } {
    let low = 0;
    let high = this.lineStarts.length - 1;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if ((this.lineStarts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return { line: low + 1, column: offset - (this.lineStarts[low] ?? 0) + 1 };
  }

  /** From 1. */
  line(number: number): string {
    const start = this.lineStarts[number - 1] ?? this.text.length;
    const end = this.text.indexOf("\n", start);
    return this.text.slice(start, end === -1 ? undefined : end).replace(/\r$/, "");
  }
}

/** A place in a file: where a directive, an option or a mistake stands. */
export interface Origin {
  readonly file: SourceFile;
  readonly offset: number;
  /** Of what is meant, from there. */
  readonly length: number;
}

/** `nginx.conf:12`, for comments. */
export function showOrigin({ file, offset }: Origin): string {
  return `${file.name}:${file.positionOf(offset).line}`;
}

const LINE_SHOWN_MAX = 160;

/** The line with a caret under the place; ends in a newline. */
export function caretFrame({ file, offset, length }: Origin): string {
  const { line, column } = file.positionOf(offset);
  const text = file.line(line);
  // Of a very long line (a minified one) the part around the place is shown.
  const from = column > LINE_SHOWN_MAX ? column - LINE_SHOWN_MAX / 2 : 0;
  const shown = text.slice(from, from + LINE_SHOWN_MAX);
  const number = String(line);
  // Tabs stay tabs, so that the caret stands where the word does.
  const before = shown.slice(0, column - 1 - from).replace(/[^\t]/g, " ");
  const carets = "^".repeat(Math.max(1, Math.min(length, shown.length - before.length)));
  return `${number} | ${shown}\n${" ".repeat(number.length)} | ${before}${carets}\n`;
}
