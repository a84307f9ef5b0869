/** The condition of `if ( … )` → that of a rule, which is written the same way, without brackets. */
import type { Directive } from "./parser.ts";
import { convertRegex } from "../regex.ts";
import { alternatives, type States, subjectOf, testOf } from "./states.ts";
import { hasTemplate } from "./strings.ts";
import { stringOf, type Translation } from "./translation.ts";

export interface Condition {
  /** It holds when all of one of them do. One list mostly; of a variable with several values those of each that fits. */
  readonly when: readonly (readonly string[])[];
  /** Names of the groups of its expression. */
  readonly captures: readonly string[];
}

const OPERATORS = new Set(["=", "!=", "~", "~*", "!~", "!~*"]);

/** Undefined after noting why not. */
export function conditionOf(t: Translation, directive: Directive, states: States): Condition | undefined {
  const inside = wordsOf(directive);
  if (inside === undefined) return void t.ledger.error(directive, "its condition stands in no ( )");
  if (inside.some(hasTemplate))
    return void t.ledger.error(directive, "has a placeholder of a template; import what it is rendered to");
  const [left = "", operator, ...rest] = inside;
  if (/^!?-[fdex]$/.test(left)) return fileTest(t, directive, left, inside.slice(1).join(" "));
  if (operator !== undefined && !OPERATORS.has(operator))
    return void t.ledger.error(directive, `${operator} compares nothing`);
  const right = rest.join(" ");
  if (states.has(subjectOf(left))) return variableTest(t, directive, states, subjectOf(left), operator, right);
  const subject = stringOf(t, directive, left);
  if (subject === undefined) return undefined;
  if (operator === undefined) return one(subject);
  if (!operator.includes("~")) {
    const text = stringOf(t, directive, right);
    return text === undefined ? undefined : one(`${subject} ${operator} ${text}`);
  }
  const regex = convertRegex(right, operator.endsWith("*"));
  if ("problem" in regex)
    return void t.ledger.lost(directive, `its expression cannot be carried over: ${regex.problem}`);
  const sign = regex.ignoreCase && !operator.endsWith("*") ? `${operator}*` : operator;
  return one(`${subject} ${sign} ${regex.source}`, regex.captures);
}

function one(when: string, captures: readonly string[] = []): Condition {
  return { when: [[when]], captures };
}

/** Of a variable that `set` gives its value under conditions. */
function variableTest(
  t: Translation,
  directive: Directive,
  states: States,
  name: string,
  operator: string | undefined,
  right: string,
): Condition | undefined {
  const known = states.get(name);
  if (known === undefined)
    return void t.ledger.lost(directive, `$${name} has too many values to follow; write rules with its conditions`);
  const regex = operator?.includes("~") === true ? convertRegex(right, operator.endsWith("*")) : undefined;
  if (regex !== undefined && "problem" in regex)
    return void t.ledger.lost(directive, `its expression cannot be carried over: ${regex.problem}`);
  const expression = regex && new RegExp(regex.source, regex.ignoreCase ? "is" : "s");
  return { when: alternatives(known, testOf(operator, right, expression)), captures: [] };
}

/** Without the brackets; undefined where there are none. */
export function wordsOf({ args }: Directive): string[] | undefined {
  return unwrapped(args.map(({ text }) => text));
}

/** `($a = b)`, `( $a = b )`, `(-f x)` */
function unwrapped(words: readonly string[]): string[] | undefined {
  const [first = "", last = ""] = [words[0], words.at(-1)];
  if (!first.startsWith("(") || !last.endsWith(")")) return undefined;
  const inner = [...words];
  inner[0] = first.slice(1);
  inner[inner.length - 1] = (inner.at(-1) ?? "").slice(0, -1);
  return inner.filter((word, index) => word !== "" || (index > 0 && index < inner.length - 1));
}

function fileTest(t: Translation, directive: Directive, sign: string, path: string): Condition | undefined {
  const text = stringOf(t, directive, withRoot(t, path));
  return text === undefined ? undefined : one(`${sign} ${text}`);
}

/** `$document_root` and `$request_filename` are known where the root is. */
function withRoot(t: Translation, path: string): string {
  const root = t.variables.constants.get("document_root");
  if (root === undefined) return path;
  return path.replace(/\$\{?document_root\}?/g, root).replace(/\$\{?request_filename\}?/g, `${root}$uri`);
}
