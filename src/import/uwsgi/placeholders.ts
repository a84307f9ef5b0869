/**
 * `$(NAME)`, `@(file)` and `%(name)` in the values of options, as uWSGI fills them in (core/utils.c uwsgi_apply_config_pass,
 * core/config.c uwsgi_manage_placeholder): in this order, each over all options, and what was filled in is looked at again.
 * What has no value stays as it is written.
 */

/** More replacements in one value than this go round in circles: `x = %(x)a`. uWSGI does so until memory is gone. */
const REPLACEMENTS_MAX = 1000;

export class EndlessPlaceholder extends Error {
  override name = "EndlessPlaceholder";
}

/** `lookUp` is given what stands in the brackets. */
export function replacePlaceholders(
  value: string,
  symbol: "$" | "@" | "%",
  lookUp: (body: string) => string | undefined,
): string {
  let text = value;
  let from = 0;
  for (let count = 0; ;) {
    const found = findPlaceholder(text, symbol, from);
    if (found === undefined) return text;
    const replacement = lookUp(text.slice(found.start + 2, found.end));
    if (replacement === undefined) from = found.start + 2;
    else {
      if (++count > REPLACEMENTS_MAX) throw new EndlessPlaceholder(text.slice(found.start, found.end + 1));
      text = text.slice(0, found.start) + replacement + text.slice(found.end + 1);
      from = 0;
    }
  }
}

function findPlaceholder(text: string, symbol: string, from: number): { start: number; end: number } | undefined {
  for (let start = text.indexOf(`${symbol}(`, from); start !== -1; start = text.indexOf(`${symbol}(`, start + 2)) {
    const end = closingBracket(text, start + 2);
    // Empty brackets are text.
    if (end !== undefined && end > start + 2) return { start, end };
  }
  return undefined;
}

function closingBracket(text: string, from: number): number | undefined {
  for (let index = from, depth = 0; index < text.length; index++) {
    if (text[index] === "(") depth++;
    if (text[index] === ")" && depth-- === 0) return index;
  }
  return undefined;
}

/**
 * `name`, or words of names, numbers and `+ - * / ++ --` from left to right, where two values beside each other are written
 * one behind the other.
 */
export function evaluatePlaceholder(body: string, valueOf: (name: string) => string | undefined): string | undefined {
  if (!body.includes(" ")) return valueOf(body);
  let result: string | undefined;
  let operation = "";
  for (const word of body.split(" ").filter((each) => each !== "")) {
    if ("+-*/".includes(word) && word.length === 1) operation = word;
    else if (word === "++" || word === "--") {
      if (result !== undefined) result = calculate(result, word.slice(1), "1");
      operation = "";
    } else {
      const value = /^\d+$/.test(word) ? word : (valueOf(word) ?? "");
      result = operation === "" ? (result ?? "") + value : calculate(result ?? "", operation, value);
      operation = "";
    }
  }
  return result;
}

function calculate(left: string, operation: string, right: string): string {
  const [a, b] = [leadingNumber(left), leadingNumber(right)];
  if (operation === "+") return String(a + b);
  if (operation === "-") return String(a - b);
  if (operation === "*") return String(a * b);
  return String(b === 0 ? 0 : Math.trunc(a / b));
}

/** atoi(3): the number that a text begins with, else 0. */
export function leadingNumber(text: string): number {
  return Number(/^\s*[-+]?\d+/.exec(text)?.[0] ?? 0);
}
