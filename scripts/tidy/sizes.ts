/**
 * Sizes, as a ratchet: a file or function above its bound is a finding unless scripts/tidy/known-sizes.json grants it
 * exactly the size that it has. A smaller one must be entered there (or leave), so that the list can only shrink.
 */
import { lineAt, type Finding, type Source } from "./source.ts";

export const FILE_LINES_MAX = 400;
export const FUNCTION_LINES_MAX = 70;

/** `path` or `path#function` → lines. */
export type KnownSizes = Readonly<Record<string, number>>;

interface Sized {
  readonly key: string;
  readonly path: string;
  readonly line: number;
  readonly lines: number;
  readonly max: number;
}

export function checkSizes(sources: readonly Source[], known: KnownSizes): Finding[] {
  const large = sources.flatMap(sizesOf).filter((sized) => sized.lines > sized.max);
  const findings = large.flatMap((sized) => {
    const message = complaint(sized, known[sized.key]);
    return message === undefined ? [] : [{ path: sized.path, line: sized.line, rule: "sizes", message }];
  });
  for (const key of Object.keys(known)) {
    if (large.some((sized) => sized.key === key)) continue;
    const message = `${key} is within its bound; take it out of the list`;
    findings.push({ path: "scripts/tidy/known-sizes.json", line: 1, rule: "sizes", message });
  }
  return findings;
}

function complaint(sized: Sized, granted: number | undefined): string | undefined {
  if (granted === sized.lines) return undefined;
  const what = `${sized.key} has ${sized.lines} lines`;
  if (granted === undefined) return `${what}, more than ${sized.max}; split it by role`;
  if (sized.lines > granted) return `${what}, more than the ${granted} it was granted; split it by role`;
  return `${what} now; lower its ${granted} in scripts/tidy/known-sizes.json`;
}

function sizesOf(source: Source): Sized[] {
  const lines = source.text.split("\n").length - (source.text.endsWith("\n") ? 1 : 0);
  const file = { key: source.path, path: source.path, line: 1, lines, max: FILE_LINES_MAX };
  // In tests `describe` is a function that holds the tests; their files have a bound all the same.
  if (source.path.startsWith("test/")) return [file];
  const sized = ({ name, line, lines }: FunctionSize): Sized => {
    return { key: `${source.path}#${name}`, path: source.path, line, lines, max: FUNCTION_LINES_MAX };
  };
  // The worker is handed to Python as one text, so it has to be one file; its functions are bound all the same.
  if (source.path.endsWith(".py")) return pythonFunctions(source).map(sized);
  return [file, ...functionsOf(source).map(sized)];
}

interface FunctionSize {
  readonly name: string;
  readonly line: number;
  readonly lines: number;
}

const CONTROL = /^(?:if|for|while|switch|catch|with|else|do|try|finally|return|throw|new|await|yield|case)\b/;
const MODIFIERS = String.raw`(?:(?:export|declare|async|static|private|protected|public|override|readonly|get|set)\s+)*`;
const NAMED = new RegExp(String.raw`^${MODIFIERS}(?:function\s*\*?\s*)?\*?\s*([\w$#]+)\s*(?:<[^()]*>)?\s*\(`);
const ARROW_NAME =
  /([\w$#]+)\s*(?::[^=]*(?:=>[^=]*)?)?[=:]\s*(?:async\s*)?(?:<[^()]*>)?\s*\(?[^()]*(?:\([^()]*\)[^()]*)*\)?[^=]*=>\s*$/;

interface Open {
  readonly header: string;
  readonly at: number;
  readonly isFunction: boolean;
  /** The text of the enclosing level so far: a type literal or argument does not end it. */
  readonly before: string;
}

/** Every `{ … }` whose header is that of a function, a method or an arrow. Braces of types and literals are passed over. */
export function functionsOf(source: Source): FunctionSize[] {
  const found: FunctionSize[] = [];
  const open: Open[] = [];
  let header = "";
  for (let i = 0; i < source.code.length; i++) {
    const c = source.code[i] as string;
    if (c === "{") {
      open.push({ header, at: i, isFunction: isFunctionHeader(header), before: header });
      header = "";
    } else if (c === "}") {
      const closed = open.pop();
      if (closed === undefined) continue;
      if (closed.isFunction) found.push(measure(source, closed, i));
      header = endsStatement(closed) ? "" : `${closed.before}{}`;
    } else if (c === ";") header = "";
    else header += c;
  }
  return found;
}

/** Does a closed brace end what stood before it? A body does; a literal, a type or an argument is part of it. */
function endsStatement(closed: Open): boolean {
  const header = closed.header.trim();
  if (closed.isFunction) return !header.endsWith("=>");
  return (
    header === "" || header.endsWith(")") || CONTROL.test(header) || /\b(?:class|interface|namespace)\b/.test(header)
  );
}

function isFunctionHeader(header: string): boolean {
  const text = header.trim();
  if (text.endsWith("=>")) return true;
  if (/(?:[:=|&<,([?]|\b(?:is|as|extends|satisfies))$/.test(text) || CONTROL.test(text)) return false;
  return NAMED.test(text) || /\bfunction\b[^;]*\)$/.test(text);
}

function measure(source: Source, closed: Open, end: number): FunctionSize {
  const header = closed.header.trim();
  const begin = closed.at - closed.header.trimStart().length;
  const line = lineAt(source.code, begin);
  const name = (header.endsWith("=>") ? ARROW_NAME.exec(header)?.[1] : NAMED.exec(header)?.[1]) ?? `line ${line}`;
  return { name, line, lines: lineAt(source.code, end) - line + 1 };
}

/** A `def` reaches to the last line that is indented deeper than itself. */
export function pythonFunctions(source: Source): FunctionSize[] {
  const lines = source.text.split("\n");
  return lines.flatMap((text, at) => {
    const match = /^(\s*)(?:async\s+)?def\s+(\w+)/.exec(text);
    if (match === null) return [];
    const indent = (match[1] as string).length;
    let last = at;
    for (let next = at + 1; next < lines.length; next++) {
      const body = lines[next] as string;
      if (body.trim() === "") continue;
      if (body.length - body.trimStart().length <= indent && !/^\s*\)/.test(body)) break;
      last = next;
    }
    return [{ name: match[2] as string, line: at + 1, lines: last - at + 1 }];
  });
}
