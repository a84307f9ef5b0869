/**
 * nginx.conf → words and marks, as ngx_conf_read_token reads them, with the place of each:
 *
 *   word      up to a blank, ";" or "{"; `${name}` is part of it; in quotes everything up to the same quote
 *   \" \' \\  the character; \t \r \n the control character; any other backslash stays with what follows
 *   #         where a word could begin: a comment to the end of the line
 *
 * Beyond nginx: `{{ x }}` and `{% x %}` of a template (Jinja) are words and marks of their own, so that a template is named
 * as one. What nginx would refuse is reported, and reading goes on.
 */
import type { ImportReport } from "../report.ts";
import type { Origin, SourceFile } from "../source.ts";

export interface Word {
  readonly text: string;
  readonly origin: Origin;
  readonly quoted: boolean;
  /** The first on its line. */
  readonly startsLine: boolean;
}

export type Token =
  | { readonly kind: "word"; readonly word: Word }
  | { readonly kind: ";" | "{" | "}"; readonly origin: Origin }
  | { readonly kind: "comment"; readonly text: string; readonly origin: Origin };

/** What a file that is read as UTF-8 has in the place of bytes that are none. In comments nobody minds. */
const NOT_UTF8 = "\uFFFD";

const ESCAPES: Readonly<Record<string, string>> = { '"': '"', "'": "'", "\\": "\\", t: "\t", r: "\r", n: "\n" };

export function tokenize(file: SourceFile, report: ImportReport): Token[] {
  const { text } = file;
  const tokens: Token[] = [];
  let offset = 0;
  let startsLine = true;
  while (offset < text.length) {
    const character = text[offset] ?? "";
    if (/\s/.test(character)) {
      if (character === "\n") startsLine = true;
      offset++;
      continue;
    }
    if (text.startsWith("{%", offset)) {
      offset = skipStatement(file, offset, report);
      continue;
    }
    const isPlaceholder = placeholderAt(text, offset) !== undefined;
    if (character === "#") {
      const end = endOfLine(text, offset);
      tokens.push({ kind: "comment", text: text.slice(offset + 1, end).trim(), origin: file.at(offset, end - offset) });
      offset = end;
      continue;
    }
    if (character === ";" || character === "}" || (character === "{" && !isPlaceholder)) {
      tokens.push({ kind: character, origin: file.at(offset) });
      offset++;
      if (character === "{" && isLuaBlock(tokens.at(-2))) offset = endOfLua(text, offset);
    } else {
      const quoted = character === '"' || character === "'";
      const read = quoted ? readQuoted(file, offset, report) : readPlain(text, offset);
      const origin = file.at(offset, read.end - offset);
      if (read.text.includes(NOT_UTF8))
        report.error(origin, read.text, "is not UTF-8, which server.toml is; save the file in it");
      tokens.push({ kind: "word", word: { text: read.text, origin, quoted, startsLine } });
      offset = read.end;
    }
    startsLine = false;
  }
  return tokens;
}

/** `content_by_lua_block {`: what stands in it is a program in another language. */
function isLuaBlock(before: Token | undefined): boolean {
  return before?.kind === "word" && !before.word.quoted && before.word.text.endsWith("_by_lua_block");
}

/** The offset of the brace that closes it, as far as strings and comments of Lua leave braces alone. */
function endOfLua(text: string, start: number): number {
  let depth = 1;
  for (const { 0: found, index } of text
    .slice(start)
    .matchAll(/"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|--[^\n]*|[{}]/g)) {
    if (found === "{") depth++;
    else if (found === "}" && --depth === 0) return start + index;
  }
  return text.length;
}

interface Read {
  readonly text: string;
  readonly end: number;
}

function readPlain(source: string, start: number): Read {
  let text = "";
  let offset = start;
  while (offset < source.length) {
    const character = source[offset] ?? "";
    const placeholder = placeholderAt(source, offset);
    if (placeholder !== undefined) {
      text += placeholder;
      offset += placeholder.length;
    } else if (/[\s;]/.test(character) || (character === "{" && source[offset - 1] !== "$")) break;
    else if (character === "\\") {
      text += escaped(source[offset + 1]);
      offset += 2;
    } else {
      text += character;
      offset++;
    }
  }
  return { text, end: Math.min(offset, source.length) };
}

function readQuoted(file: SourceFile, start: number, report: ImportReport): Read {
  const { text: source } = file;
  const quote = source[start];
  let text = "";
  let offset = start + 1;
  while (offset < source.length && source[offset] !== quote) {
    if (source[offset] === "\\") {
      text += escaped(source[offset + 1]);
      offset += 2;
    } else text += source[offset++] ?? "";
  }
  if (offset >= source.length) return unclosed(file, start, report);
  const after = source[offset + 1];
  if (after !== undefined && !/[\s;{)]/.test(after)) {
    report.error(
      file.at(offset + 1),
      after,
      `nginx refuses what follows a closing ${quote} at once; put a blank there`,
    );
  }
  return { text, end: offset + 1 };
}

/** What was meant ends with its line in all likelihood. */
function unclosed(file: SourceFile, start: number, report: ImportReport): Read {
  const end = endOfLine(file.text, start);
  const text = file.text.slice(start, end);
  report.error(file.at(start, end - start), text, `the quote is never closed; taken to end with its line`);
  const [, inside = "", semicolon = ""] = /^.(.*?)(;?)\s*$/.exec(text) ?? [];
  return { text: inside, end: semicolon === "" ? end : start + 1 + inside.length };
}

/** A backslash that escapes nothing known stays: regular expressions need it. */
function escaped(character: string | undefined): string {
  if (character === undefined) return "\\";
  return ESCAPES[character] ?? `\\${character}`;
}

function placeholderAt(source: string, offset: number): string | undefined {
  if (!source.startsWith("{{", offset)) return undefined;
  const end = source.indexOf("}}", offset);
  return end === -1 ? undefined : source.slice(offset, end + 2);
}

function skipStatement(file: SourceFile, offset: number, report: ImportReport): number {
  const close = file.text.indexOf("%}", offset);
  const end = close === -1 ? endOfLine(file.text, offset) : close + 2;
  const directive = file.text.slice(offset, end);
  report.error(file.at(offset, end - offset), directive, "this is a template (Jinja); import what it is rendered to");
  return end;
}

function endOfLine(text: string, offset: number): number {
  const end = text.indexOf("\n", offset);
  return end === -1 ? text.length : end;
}
