/**
 * Conditions of rules, written as nginx writes them in `if ( … )`:
 *
 *   $cookie_beta                    not empty, and not "0"
 *   $host = example.org             the whole text; !=
 *   $http_user_agent ~* (bot|spider)  a regular expression, whose groups what is done may use; ~, !~, !~*
 *   -f /srv/maintenance.html        a file (-f), a directory (-d), either (-e), one that can be executed (-x); !-f …
 *
 * Left of an operator stands one word, in which variables may be, right of `=` a text with variables.
 */
import { accessSync, constants, statSync } from "node:fs";
import type { Exchange } from "./exchange.ts";
import type { Scope } from "./scope.ts";
import { compileTemplate, evaluate, type Template, TemplateProblem } from "./template.ts";

export interface Condition {
  readonly holds: (exchange: Exchange) => boolean;
  /** The expression whose groups are in `exchange.ruleCaptures` when it holds. */
  readonly regex: RegExp | undefined;
}

const FILE_TEST = /^(!?)-([fdex])\s+(\S.*)$/s;
const COMPARISON = /^(\S+)\s+(=|!=|!?~\*?)(?:\s+(.*))?$/s;

export function compileCondition(written: string, scope: Scope): Condition | TemplateProblem {
  const text = written.trim();
  const [, negated, sign = "", path = ""] = FILE_TEST.exec(text) ?? [];
  if (negated !== undefined) return fileTest(negated === "!", sign, path, scope);
  const [, left = text, operator, right = ""] = COMPARISON.exec(text) ?? [];
  const subject = compileTemplate(left, scope, "request");
  if (subject instanceof TemplateProblem) return subject;
  if (operator === undefined) {
    if (/\s/.test(text) || text === "")
      return new TemplateProblem("is no condition", 'should be as in "$host = example.org"');
    return plain((exchange) => isTrue(evaluate(subject, exchange)));
  }
  return operator.includes("~") ? matching(subject, operator, right) : equality(subject, operator, right, scope);
}

function plain(holds: Condition["holds"]): Condition {
  return { holds, regex: undefined };
}

/** nginx: an empty string and "0" are false. */
function isTrue(value: string): boolean {
  return value !== "" && value !== "0";
}

function equality(subject: Template, operator: string, right: string, scope: Scope): Condition | TemplateProblem {
  const text = compileTemplate(right, scope, "request");
  if (text instanceof TemplateProblem) return text;
  const wanted = operator === "=";
  return plain((exchange) => (evaluate(subject, exchange) === evaluate(text, exchange)) === wanted);
}

function matching(subject: Template, operator: string, source: string): Condition | TemplateProblem {
  const regex = compileRegex(source, operator.endsWith("*"));
  if (typeof regex === "string") return new TemplateProblem(`is not a regular expression: ${regex}`);
  if (operator.startsWith("!")) return plain((exchange) => !regex.test(evaluate(subject, exchange)));
  const holds: Condition["holds"] = (exchange) => {
    const found = regex.exec(evaluate(subject, exchange));
    if (found === null) return false;
    exchange.ruleCaptures = found;
    return true;
  };
  return { holds, regex };
}

/** A string is what is wrong with it. `.` is any byte, as in routes. */
export function compileRegex(source: string, ignoreCase: boolean): RegExp | string {
  try {
    if (source === "") return "it is empty";
    return new RegExp(Buffer.from(source, "utf8").latin1Slice(), ignoreCase ? "is" : "s");
  } catch (error) {
    return (error as Error).message.replace(/^Invalid regular expression: /, "");
  }
}

function fileTest(negated: boolean, sign: string, written: string, scope: Scope): Condition | TemplateProblem {
  const path = compileTemplate(written, scope, "request");
  if (path instanceof TemplateProblem) return path;
  const there = FILE_TESTS[sign] ?? isThere;
  return plain((exchange) => there(Buffer.from(evaluate(path, exchange), "latin1")) !== negated);
}

const FILE_TESTS: Readonly<Record<string, (path: Buffer) => boolean>> = {
  f: (path) => found(path)?.isFile() === true,
  d: (path) => found(path)?.isDirectory() === true,
  e: isThere,
  x: isExecutable,
};

function isThere(path: Buffer): boolean {
  return found(path) !== undefined;
}

/** What cannot be looked at is not there. */
function found(path: Buffer) {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

function isExecutable(path: Buffer): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
