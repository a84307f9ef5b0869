/**
 * Words and marks → directives in blocks. Where nginx would refuse to start, the mistake is reported with its place and
 * read as what was most likely meant, so that all of them are seen at once. Includes are put in where they stand.
 */
import { nearest } from "../../config/nearest.ts";
import type { ImportReport } from "../report.ts";
import type { Origin, SourceFile } from "../source.ts";
import { KNOWN_DIRECTIVES } from "./directives.ts";
import { type Token, tokenize, type Word } from "./lexer.ts";
import { isFlag } from "./shape.ts";

export interface Directive {
  readonly name: string;
  readonly args: readonly Word[];
  /** Undefined: it has none. */
  readonly block: readonly Directive[] | undefined;
  readonly origin: Origin;
  /** Comments on its line, such as Certbot's. */
  readonly remark: string;
  /** Of a file that every nginx brings along: the report tells of the include alone. */
  readonly implied?: true;
}

/** Blocks whose lines are data: their first words are no directives. */
export const DATA_BLOCKS: ReadonlySet<string> = new Set(["map", "geo", "types", "split_clients", "charset_map"]);

const BLOCKS: ReadonlySet<string> = new Set([
  ...DATA_BLOCKS,
  "events",
  "http",
  "server",
  "location",
  "if",
  "upstream",
  "limit_except",
  "match",
  "stream",
  "mail",
  "acme_issuer",
]);

/** As it stands in the file, on one line and without its block. */
export function textOf({ name, args }: Pick<Directive, "name" | "args">): string {
  return [name, ...args.map(({ text, quoted }) => (quoted ? `"${text}"` : text))].join(" ");
}

export function parseFile(file: SourceFile, report: ImportReport): Directive[] {
  return new Parser(tokenize(file, report), report).parse();
}

class Parser {
  private readonly tokens: readonly Token[];
  private readonly report: ImportReport;
  private next = 0;

  constructor(tokens: readonly Token[], report: ImportReport) {
    this.tokens = tokens;
    this.report = report;
  }

  parse(): Directive[] {
    const directives: Directive[] = [];
    while (this.next < this.tokens.length) {
      directives.push(...this.block("main"));
      const token = this.tokens[this.next];
      if (token?.kind !== "}") continue;
      this.report.error(
        token.origin,
        "}",
        "closes a block that was never opened; one } too many stands before it or here",
      );
      this.next++;
    }
    return directives;
  }

  /** Up to the } that closes it, or the end. */
  private block(parent: string): Directive[] {
    const directives: Directive[] = [];
    for (;;) {
      const token = this.tokens[this.next];
      if (token === undefined || token.kind === "}") return directives;
      if (token.kind === "word") directives.push(this.directive(token.word, parent));
      else {
        if (token.kind !== "comment") {
          this.report.error(token.origin, token.kind, `nothing stands before this ${token.kind}`);
        }
        this.next++;
      }
    }
  }

  private directive(first: Word, parent: string): Directive {
    const holdsData = DATA_BLOCKS.has(parent);
    const name = holdsData ? first.text : this.knownName(first);
    this.next++;
    const args: Word[] = [];
    const from = this.next;
    for (;;) {
      const token = this.tokens[this.next];
      if (token === undefined || token.kind === "}") {
        this.missingSemicolon(first, args);
        return this.made(first, name, args);
      }
      if (token.kind === ";") {
        this.next++;
        return this.made(first, name, args);
      }
      if (token.kind === "{") {
        const other = BLOCKS.has(name) || holdsData || !KNOWN_DIRECTIVES.has(name) ? -1 : args.findIndex(opensBlock);
        if (other === -1) return this.withBlock(first, name, args, token.origin);
        const given = args.slice(0, other);
        this.missingSemicolon(first, given);
        this.next = this.tokens.findIndex((each, at) => at >= from && isWord(each, args[other]));
        return this.made(first, name, given);
      }
      if (token.kind === "word") {
        if (!holdsData && startsAnother(token.word, args)) {
          this.missingSemicolon(first, args);
          return this.made(first, name, args);
        }
        args.push(token.word);
      }
      this.next++;
    }
  }

  private withBlock(first: Word, name: string, args: readonly Word[], opening: Origin): Directive {
    this.next++;
    const block = this.block(name);
    if (this.tokens[this.next] === undefined) {
      this.report.error(opening, `${name} {`, "is never closed; a } is missing");
    } else this.next++;
    return this.made(first, name, args, block);
  }

  private made(first: Word, name: string, args: readonly Word[], block?: readonly Directive[]): Directive {
    const said = isFlag(name) ? args.map((word) => ({ ...word, text: word.text.toLowerCase() })) : args;
    return { name, args: said, block, origin: first.origin, remark: this.remarkAfter(first) };
  }

  /** A comment behind it on its line. */
  private remarkAfter(first: Word): string {
    const token = this.tokens[this.next];
    if (token?.kind !== "comment" || token.origin.file !== first.origin.file) return "";
    const lines = [first.origin, token.origin].map(({ file, offset }) => file.positionOf(offset).line);
    return lines[0] === lines[1] ? token.text : "";
  }

  private missingSemicolon(first: Word, args: readonly Word[]): void {
    const { file, offset, length } = (args.at(-1) ?? first).origin;
    const directive = textOf({ name: first.text, args });
    this.report.error(
      file.at(offset + length),
      directive,
      'a ";" is missing at its end; nginx does not start with this file',
    );
  }

  private knownName(word: Word): string {
    const { text, origin, quoted } = word;
    if (KNOWN_DIRECTIVES.has(text) || quoted) return text;
    if (/\{\{|^\$\{/.test(text)) {
      this.report.error(
        origin,
        text,
        "stands for text that is put in when the template is rendered; import the result",
      );
      return text;
    }
    const lower = text.toLowerCase();
    const meant = KNOWN_DIRECTIVES.has(lower) ? lower : nearest(text, KNOWN_DIRECTIVES);
    // Of a module that is not part of nginx; what becomes of it is the translator's to say.
    if (meant === undefined) return text;
    this.report.error(
      origin,
      text,
      `nginx knows no such directive and does not start with this file; read as ${meant}`,
    );
    return meant;
  }
}

function isWord(token: Token, word: Word | undefined): boolean {
  return token.kind === "word" && token.word === word;
}

/** Behind an argument: `listen 80 location / {` */
function opensBlock({ text, quoted }: Word, at: number): boolean {
  return at > 0 && !quoted && BLOCKS.has(text);
}

/** A known directive at the beginning of a line, behind one that has its arguments: a semicolon is missing between. */
function startsAnother(word: Word, args: readonly Word[]): boolean {
  return word.startsLine && !word.quoted && args.length > 0 && KNOWN_DIRECTIVES.has(word.text);
}
