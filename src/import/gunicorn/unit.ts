/**
 * A unit of systemd: its directives with the places they stand at (systemd.syntax(7)), and what a line is made of: words,
 * quotes, escapes, specifiers, variables (systemd.service(5), "Command lines"). Not here: what a directive means.
 */
import type { Origin, SourceFile } from "../source.ts";
import type { Word } from "./option.ts";

export interface Directive {
  /** `Service` */
  readonly section: string;
  readonly key: string;
  /** As it stands, continued lines included. */
  readonly raw: string;
  readonly origin: Origin;
  /** Where `raw` begins. */
  readonly offset: number;
}

/** A line that goes on in the next ends in `\`; comments in between do not end it. */
const LINE = /^(?:[^\n]*\\\r?\n(?:[ \t]*[#;][^\n]*\n)*)*[^\n]*$/gm;

export interface UnreadLine {
  readonly origin: Origin;
  readonly text: string;
}

export function readUnit(file: SourceFile): {
  readonly directives: readonly Directive[];
  readonly unread: readonly UnreadLine[];
} {
  const directives: Directive[] = [];
  const unread: UnreadLine[] = [];
  let section = "";
  for (const { 0: line, index } of file.text.matchAll(LINE)) {
    const indent = line.length - line.trimStart().length;
    const text = line.trim();
    if (text === "" || /^[#;]/.test(text)) continue;
    const origin = file.at(index + indent, text.length);
    const [, name] = /^\[(.+)\]$/.exec(text) ?? [];
    const [start, key] = /^[ \t]*([A-Za-z]\w*)[ \t]*=[ \t]*/.exec(line) ?? [];
    if (name !== undefined) section = name;
    else if (start === undefined || key === undefined) unread.push({ origin, text });
    else
      directives.push({ section, key, raw: line.slice(start.length).trimEnd(), origin, offset: index + start.length });
  }
  return { directives, unread };
}

/** `Key=value`, on one line. */
export function showDirective({ key, raw }: Directive): string {
  return `${key}=${joined(raw)}`;
}

/** systemd puts a blank where a line goes on. */
export function joined(raw: string): string {
  return raw.replace(/\\\r?\n(?:[ \t]*[#;][^\n]*\n)*[ \t]*/g, " ").trim();
}

/** What quotes hold together and escapes stand for; `$` and `%` are still in it. */
export function wordsOf(file: SourceFile, { raw, offset }: Directive): Word[] {
  const words: Word[] = [];
  const pattern =
    /(?:\\\r?\n(?:[ \t]*[#;][^\n]*\n)*|\s)+|((?:"(?:\\[^]|[^"\\])*"|'(?:\\[^]|[^'\\])*'|\\[^\r\n]|[^\s"'\\]|["'])+)/g;
  for (const { 0: whole, 1: word, index } of raw.matchAll(pattern))
    if (word !== undefined) words.push({ text: unquote(word), origin: file.at(offset + index, whole.length) });
  return words;
}

/** Quotes count where a word or a value begins with them; systemd takes them everywhere, and so do we. */
function unquote(word: string): string {
  return word.replace(/"((?:\\[^]|[^"\\])*)"|'((?:\\[^]|[^'\\])*)'|\\[^]/g, (whole, double?: string, single?: string) =>
    unescape(double ?? single ?? whole),
  );
}

const ESCAPES: Readonly<Record<string, string>> = { n: "\n", t: "\t", r: "\r", s: " ", "\n": " " };

function unescape(text: string): string {
  return text.replace(/\\(?:x([\da-f]{2})|([^]))/gi, (_, hex?: string, letter = "") =>
    hex === undefined
      ? (ESCAPES[letter as string] ?? (letter as string))
      : String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

/** `%%` is a percent sign; what else a `%` stands for is known when the unit starts. */
export function specifierIn(text: string): string | undefined {
  return /%[^%]?/.exec(text.replaceAll("%%", ""))?.[0];
}

export function withoutSpecifiers(text: string): string {
  return text.replaceAll("%%", "%");
}
