/**
 * A source file as the rules see it: its text, and the same text with comments and the insides of strings, templates and
 * regular expressions blanked out (newlines stay, so that places agree). Not a parser: a scanner that knows where code is.
 */

export interface Source {
  /** From the root of the project, with slashes. */
  readonly path: string;
  readonly text: string;
  /** `text` of the same length, code only. */
  readonly code: string;
}

export interface Finding {
  readonly path: string;
  readonly line: number;
  readonly rule: string;
  /** What it is, and what to do. */
  readonly message: string;
}

export function makeSource(path: string, text: string): Source {
  return { path, text, code: path.endsWith(".ts") ? new Scanner(text).scan() : text };
}

/** 1-based. */
export function lineAt(text: string, offset: number): number {
  let line = 1;
  for (let i = text.indexOf("\n"); i !== -1 && i < offset; i = text.indexOf("\n", i + 1)) line++;
  return line;
}

/** After these a slash begins a regular expression, after anything else it divides. */
const BEFORE_REGEX = /(?:[=([{,;:!&|?+\-*%<>~^}]|\b(?:return|typeof|case|in|of|do|else|void|throw|new|await|yield))$/;

class Scanner {
  private at = 0;
  private out = "";
  /** For each open `${`: how many braces are open inside it. */
  private readonly templates: number[] = [];

  private readonly text: string;
  constructor(text: string) {
    this.text = text;
  }

  scan(): string {
    while (this.at < this.text.length) this.step();
    return this.out;
  }

  private step(): void {
    const c = this.text[this.at] as string;
    const next = this.text[this.at + 1];
    if (c === "/" && next === "/") this.blankUntil(this.text.indexOf("\n", this.at));
    else if (c === "/" && next === "*") this.blankUntil(this.text.indexOf("*/", this.at + 2) + 2);
    else if (c === '"' || c === "'") this.quoted(c);
    else if (c === "`") this.template();
    else if (c === "/" && BEFORE_REGEX.test(this.out.slice(-40).trimEnd())) this.regex();
    else if (c === "}" && this.templates.at(-1) === 0) this.resumeTemplate();
    else this.keep(c);
  }

  private keep(c: string): void {
    const depth = this.templates.length - 1;
    if (depth >= 0 && c === "{") this.templates[depth] = (this.templates[depth] as number) + 1;
    if (depth >= 0 && c === "}") this.templates[depth] = (this.templates[depth] as number) - 1;
    this.out += c;
    this.at++;
  }

  private blankUntil(end: number): void {
    const stop = end < this.at ? this.text.length : end;
    this.out += blank(this.text.slice(this.at, stop));
    this.at = stop;
  }

  private quoted(quote: string): void {
    let end = this.at + 1;
    while (end < this.text.length && this.text[end] !== quote && this.text[end] !== "\n") {
      end += this.text[end] === "\\" ? 2 : 1;
    }
    this.out += quote + blank(this.text.slice(this.at + 1, end)) + quote;
    this.at = end + 1;
  }

  private regex(): void {
    let end = this.at + 1;
    for (let inClass = false; end < this.text.length && this.text[end] !== "\n"; end++) {
      const c = this.text[end];
      if (c === "\\") end++;
      else if (c === "[") inClass = true;
      else if (c === "]") inClass = false;
      else if (c === "/" && !inClass) break;
    }
    this.out += `/${blank(this.text.slice(this.at + 1, end))}/`;
    this.at = end + 1;
  }

  private template(): void {
    this.out += "`";
    this.at++;
    this.templateText();
  }

  private resumeTemplate(): void {
    this.templates.pop();
    this.out += "}";
    this.at++;
    this.templateText();
  }

  /** Blanks up to the closing backtick, or to a `${`, whose expression is code again. */
  private templateText(): void {
    while (this.at < this.text.length) {
      const c = this.text[this.at] as string;
      if (c === "`") {
        this.out += "`";
        this.at++;
        return;
      }
      if (c === "$" && this.text[this.at + 1] === "{") {
        this.out += " {";
        this.at += 2;
        this.templates.push(0);
        return;
      }
      const length = c === "\\" ? 2 : 1;
      this.out += blank(this.text.slice(this.at, this.at + length));
      this.at += length;
    }
  }
}

function blank(text: string): string {
  return text.replace(/[^\n]/g, " ");
}
