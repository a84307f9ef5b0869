/**
 * Where each key and value of a TOML text stands. The TOML library gives values without places; a message about a
 * mistake needs the place. This is a scanner, not a second parser: it runs over a text that the library has accepted,
 * and only follows its shape (headers, dotted and quoted keys, inline tables, arrays, strings, comments).
 * On a text that is not TOML its answers mean nothing, but it ends. Specification: TOML 1.0 and 1.1.
 */
import { parse } from "smol-toml";

/** A key path with the indexes of arrays: `["site", 0, "routes", "/static/", "files"]`. */
export type Path = readonly (string | number)[];

/** Both count from 1; columns in UTF-16 units, as the TOML library and most editors count. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

interface Part {
  readonly name: string;
  readonly offset: number;
}

export class Positions {
  private readonly keys = new Map<string, number>();
  private readonly values = new Map<string, number>();
  private readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  /** The first place counts: `[a.b]` and `[a.c]` both name `a`. */
  noteKey(path: Path, offset: number): void {
    const id = identify(path);
    if (!this.keys.has(id)) this.keys.set(id, offset);
  }

  noteValue(path: Path, offset: number): void {
    this.values.set(identify(path), offset);
  }

  /** Of the key, or of the nearest table around it that is written. */
  ofKey(path: Path): Position {
    return this.nearest(path, (id) => this.keys.get(id) ?? this.values.get(id));
  }

  /** Of the value; a table that has a header of its own stands where its header does. */
  ofValue(path: Path): Position {
    return this.nearest(path, (id) => this.values.get(id) ?? this.keys.get(id));
  }

  private nearest(path: Path, look: (id: string) => number | undefined): Position {
    for (let length = path.length; length > 0; length--) {
      const offset = look(identify(path.slice(0, length)));
      if (offset !== undefined) return positionAt(this.text, offset);
    }
    return { line: 1, column: 1 };
  }
}

export function findPositions(toml: string): Positions {
  const positions = new Positions(toml);
  new Scanner(toml, positions).document();
  return positions;
}

export function positionAt(text: string, offset: number): Position {
  const before = text.slice(0, offset);
  return { line: before.split("\n").length, column: offset - before.lastIndexOf("\n") };
}

function identify(path: Path): string {
  return JSON.stringify(path);
}

class Scanner {
  private at = 0;
  /** The table that the last header opened. */
  private table: Path = [];
  /** How many `[[headers]]` each array of tables has had. */
  private readonly counts = new Map<string, number>();
  private readonly text: string;
  private readonly positions: Positions;

  constructor(text: string, positions: Positions) {
    this.text = text;
    this.positions = positions;
  }

  document(): void {
    this.skipVoid();
    while (this.at < this.text.length) {
      if (this.text[this.at] === "[") this.header();
      else this.keyValue(this.table);
      this.skipVoid();
    }
  }

  private header(): void {
    const double = this.text.startsWith("[[", this.at);
    this.at += double ? 2 : 1;
    const parts = this.key();
    this.at += double ? 2 : 1;
    const path: (string | number)[] = [];
    parts.forEach((part, i) => {
      path.push(part.name);
      this.positions.noteKey(path, part.offset);
      const last = this.element(path, double && i === parts.length - 1);
      if (last === undefined) return;
      path.push(last);
      this.positions.noteKey(path, part.offset);
    });
    this.table = path;
  }

  /** The index of the array element that a header means by this path; undefined when the path is no array. */
  private element(path: Path, opensOne: boolean): number | undefined {
    const id = identify(path);
    const count = (this.counts.get(id) ?? 0) + (opensOne ? 1 : 0);
    if (opensOne) this.counts.set(id, count);
    return count === 0 ? undefined : count - 1;
  }

  private keyValue(table: Path): void {
    const start = this.at;
    const path = [...table];
    for (const part of this.key()) {
      path.push(part.name);
      this.positions.noteKey(path, part.offset);
    }
    this.skipBlanks();
    if (this.text[this.at] === "=") this.at++;
    this.skipBlanks();
    this.value(path);
    if (this.at === start) this.at++;
  }

  /** A dotted key: bare and quoted parts, blanks around the dots. */
  private key(): Part[] {
    const parts: Part[] = [];
    do {
      if (parts.length > 0) this.at++;
      this.skipBlanks();
      const offset = this.at;
      parts.push({ name: this.keyPart(), offset });
      this.skipBlanks();
    } while (this.text[this.at] === ".");
    return parts;
  }

  private keyPart(): string {
    const start = this.at;
    const first = this.text[start];
    if (first === '"' || first === "'") {
      this.skipString();
      return decode(this.text.slice(start, this.at));
    }
    while (/[\w-]/.test(this.text[this.at] ?? "")) this.at++;
    return this.text.slice(start, this.at);
  }

  private value(path: Path): void {
    this.positions.noteValue(path, this.at);
    const first = this.text[this.at];
    if (first === '"' || first === "'") this.skipString();
    else if (first === "[") this.elements("]", (index) => this.value([...path, index]));
    else if (first === "{") this.elements("}", () => this.keyValue(path));
    else while (this.at < this.text.length && !",]}#\n".includes(this.text[this.at] ?? "")) this.at++;
  }

  /** What stands between brackets, each item read by `item`; a trailing comma, line ends and comments are allowed. */
  private elements(close: string, item: (index: number) => void): void {
    this.at++;
    for (let index = 0; this.at < this.text.length; index++) {
      this.skipVoid();
      if (this.text[this.at] === close) break;
      item(index);
      this.skipVoid();
      if (this.text[this.at] !== ",") break;
      this.at++;
    }
    this.at++;
  }

  private skipString(): void {
    const quote = this.text[this.at] ?? "";
    const fence = this.text.startsWith(quote.repeat(3), this.at) ? quote.repeat(3) : quote;
    this.at += fence.length;
    while (this.at < this.text.length && !this.text.startsWith(fence, this.at)) {
      this.at += quote === '"' && this.text[this.at] === "\\" ? 2 : 1;
    }
    this.at += fence.length;
    // One or two quotes directly before the closing three belong to the string.
    if (fence.length === 3) for (let i = 0; i < 2 && this.text[this.at] === quote; i++) this.at++;
  }

  private skipBlanks(): void {
    while (this.text[this.at] === " " || this.text[this.at] === "\t") this.at++;
  }

  private skipVoid(): void {
    for (; this.at < this.text.length; this.at++) {
      const c = this.text[this.at] ?? "";
      if (c === "#") this.skipComment();
      else if (!" \t\r\n".includes(c)) return;
    }
  }

  private skipComment(): void {
    while (this.at < this.text.length && this.text[this.at] !== "\n") this.at++;
  }
}

/** A quoted key as the library reads it. */
function decode(quoted: string): string {
  try {
    return String(parse(`k = ${quoted}`)["k"]);
  } catch {
    return quoted;
  }
}
