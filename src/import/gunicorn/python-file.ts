/**
 * gunicorn.conf.py, read without running it: lines `name = literal` of numbers, strings, True, False, None and lists of them,
 * and the number of processors in an expression, as gunicorn's documentation has it. Everything else is a statement that would
 * have to be run, and is named as that.
 */
import type { Origin, SourceFile } from "../source.ts";
import type { Literal } from "./option.ts";

export interface Statement {
  readonly origin: Origin;
  /** Of several lines the first. */
  readonly text: string;
  readonly assigned: { readonly name: string; readonly value: Literal; readonly counts: boolean } | undefined;
  /** What it defines, for `def` and `class`; what it assigns, where that is no literal. */
  readonly name: string | undefined;
  readonly kind: "assignment" | "definition" | "import" | "other";
}

export function readPython(file: SourceFile, cores: number): Statement[] {
  return logicalLines(file.text).flatMap(({ text, offset }) => {
    const origin = file.at(offset, (text.split("\n")[0] ?? "").trimEnd().length);
    const statement = readStatement(text, cores);
    return statement === undefined ? [] : [{ origin, text: (text.split("\n")[0] ?? "").trim(), ...statement }];
  });
}

interface LogicalLine {
  readonly text: string;
  readonly offset: number;
}

/** A token that matters for where a statement ends; strings may hold brackets, quotes and `#`. */
const TOKEN =
  /[rbuf]{0,2}(?:"""(?:\\[^]|[^\\])*?"""|'''(?:\\[^]|[^\\])*?'''|"(?:\\[^]|[^"\\\n])*"|'(?:\\[^]|[^'\\\n])*')|#[^\n]*|;[ \t]*|\\\r?\n|[([{]|[)\]}]|\n|[^]/gi;

/** Statements of the file's own level, with the blocks that belong to them. */
function logicalLines(text: string): LogicalLine[] {
  const lines: LogicalLine[] = [];
  let depth = 0;
  let start = 0;
  let current = "";
  const end = (next: number) => {
    const isInside = /^[ \t]/.test(current) || /^(?:else|elif|except|finally)\b/.test(current);
    const last = lines.at(-1);
    if (current.trim() !== "") {
      if (isInside && last !== undefined) lines[lines.length - 1] = { ...last, text: `${last.text}\n${current}` };
      else lines.push({ text: current, offset: start });
    }
    [current, start] = ["", next];
  };
  for (const { 0: token, index } of text.matchAll(TOKEN)) {
    if (token.startsWith("#")) continue;
    if (/^[([{]$/.test(token)) depth++;
    if (/^[)\]}]$/.test(token)) depth--;
    const isEnd = token === "\n" || (token.startsWith(";") && /^\w+\s*=/.test(current));
    if (isEnd && depth <= 0) end(index + token.length);
    else if (token === "\n" || /^\\\r?\n$/.test(token)) current += " ";
    else current += token;
  }
  end(text.length);
  return lines;
}

type Read = Omit<Statement, "origin" | "text">;

function readStatement(text: string, cores: number): Read | undefined {
  const [, defined] = /^(?:async +def|def|class) +(\w+)/.exec(text) ?? [];
  if (defined !== undefined) return { kind: "definition", name: defined, assigned: undefined };
  if (/^(?:import|from) /.test(text)) return { kind: "import", name: undefined, assigned: undefined };
  const [, name, written] = /^(\w+)(?:\s*:\s*[\w.[\]| ]+)?\s*=(?!=)\s*([^]*?)\s*;?\s*$/.exec(text) ?? [];
  // A text that stands alone is a comment.
  if (name === undefined || written === undefined)
    return readLiteral(text.trim()) === undefined ? { kind: "other", name: undefined, assigned: undefined } : undefined;
  const value = readLiteral(written);
  if (value !== undefined) return { kind: "assignment", name, assigned: { name, value, counts: false } };
  const counted = countProcessors(written, cores);
  const assigned = counted === undefined ? undefined : { name, value: counted, counts: true };
  return { kind: "assignment", name, assigned };
}

const STRING = /^([rRuU]?)("""|'''|"|')([^]*)\2$/;

function readLiteral(written: string): Literal | undefined {
  const text = /^\(\s*([^,()\s][^,()]*?)\s*\)$/.exec(written)?.[1] ?? written;
  if (/^-?(?:0|[1-9][\d_]*)$/.test(text)) return Number(text.replaceAll("_", ""));
  if (/^0[xX][\da-fA-F]+$|^0[oO][0-7]+$|^0[bB][01]+$/.test(text)) return Number(text.toLowerCase());
  if (/^-?\d+\.\d+$/.test(text)) return Number(text);
  if (text === "True" || text === "False") return text === "True";
  if (text === "None") return null;
  return readString(text) ?? readList(text);
}

/** One string, or several that stand beside each other; not those of which Python computes a part. */
function readString(text: string): string | undefined {
  const inside = /^\(([^]*)\)$/.exec(text)?.[1] ?? text;
  const pieces = [
    ...inside.matchAll(/[rRuU]?(?:"""[^]*?"""|'''[^]*?'''|"(?:\\[^]|[^"\\\n])*"|'(?:\\[^]|[^'\\\n])*')/g),
  ];
  const [first] = pieces;
  const rest = inside.replace(/[rRuU]?(?:"""[^]*?"""|'''[^]*?'''|"(?:\\[^]|[^"\\\n])*"|'(?:\\[^]|[^'\\\n])*')/g, "");
  if (first === undefined || rest.trim() !== "") return undefined;
  const read = pieces.map(([piece]) => {
    const [, prefix = "", , content = ""] = STRING.exec(piece) ?? [];
    return /r/i.test(prefix) ? content : unescape(content);
  });
  return read.join("");
}

const ESCAPES: Readonly<Record<string, string>> = {
  n: "\n",
  t: "\t",
  r: "\r",
  "\n": "",
  "\\": "\\",
  "'": "'",
  '"': '"',
};

function unescape(text: string): string {
  return text.replace(/\\([^])/g, (whole, letter: string) => ESCAPES[letter] ?? whole);
}

/** `["a", 'b']`, `("a", "b",)` */
function readList(text: string): readonly (string | number)[] | undefined {
  const [, square, round] = /^(?:\[([^]*)\]|\(([^]*)\))$/.exec(text) ?? [];
  const inside = square ?? round;
  if (inside === undefined || (round !== undefined && !round.includes(",") && round.trim() !== "")) return undefined;
  const values: (string | number)[] = [];
  const pattern = /\s*((?:[rRuU]?(?:"(?:\\[^]|[^"\\\n])*"|'(?:\\[^]|[^'\\\n])*')\s*)+|-?\d+)\s*(?:,|$)/y;
  for (let at = 0; at < inside.trimEnd().length; at = pattern.lastIndex) {
    pattern.lastIndex = at;
    const [, written] = pattern.exec(inside) ?? [];
    const value = written === undefined ? undefined : readLiteral(written.trim());
    if (typeof value !== "string" && typeof value !== "number") return undefined;
    values.push(value);
  }
  return values;
}

/** `multiprocessing.cpu_count() * 2 + 1` */
function countProcessors(text: string, cores: number): number | undefined {
  const plain = text.replace(/^\((.*)\)$/, "$1").replace(/\s+/g, "");
  const count = String.raw`(?:(?:multiprocessing|os)\.)?cpu_count\(\)`;
  const [whole, before, after, plus] =
    new RegExp(String.raw`^\(?(?:(\d+)\*)?${count}(?:\*(\d+))?\)?(?:\+(\d+))?$`).exec(plain) ?? [];
  return whole === undefined ? undefined : cores * Number(before ?? 1) * Number(after ?? 1) + Number(plus ?? 0);
}
