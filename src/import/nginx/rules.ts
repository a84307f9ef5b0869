/**
 * if, rewrite, return, set and break (ngx_http_rewrite_module) → `rules`: what is decided by conditions before anything is
 * served, in the order in which it is written.
 */
import type { Value } from "../plan.ts";
import { Block } from "./block.ts";
import { type Condition, conditionOf } from "./condition.ts";
import { conditionalHeaders, isHeader } from "./conditional-headers.ts";
import type { Directive } from "./parser.ts";
import { convertRegex } from "../regex.ts";
import { assign, type States, subjectOf } from "./states.ts";
import { stringOf, type Translation } from "./translation.ts";

export interface RuleContext {
  /** Names of groups of the location's expression. */
  readonly captures: readonly string[];
  readonly place: "server" | "location";
  readonly block: Block;
  /** Of variables with several values: changed by each `set` in its turn. */
  readonly states: States;
  /** Of a location that is no expression. */
  readonly path?: string | undefined;
  /** What follows the block that these stand in. */
  readonly behind?: readonly Directive[];
}

type Rule = Readonly<Record<string, Value>>;

const STATEMENTS = new Set(["if", "rewrite", "return", "set", "break"]);

/** Expressions that every path fits. */
export const EVERY_PATH: ReadonlySet<string> = new Set([
  "^",
  "^/",
  ".*",
  "^.*",
  "^.*$",
  "^(.*)",
  "^(.*)$",
  "(.*)",
  "^/(.*)",
  "^/(.*)$",
]);

const REDIRECTS = new Set([301, 302, 303, 307, 308]);

export function isStatement({ name }: Directive): boolean {
  return STATEMENTS.has(name);
}

/** `limit_except GET POST { deny all; }`: GET is HEAD, too. Others than `deny all` have no counterpart. */
export function exceptRules(t: Translation, block: Block): Rule[] {
  return block.own("limit_except").flatMap((directive): Rule[] => {
    const inside = directive.block ?? [];
    const [only] = inside;
    if (inside.length !== 1 || only?.name !== "deny" || only.args[0]?.text !== "all") return [];
    const methods = directive.args.map(({ text }) => text.toUpperCase());
    const allowed = methods.includes("GET") && !methods.includes("HEAD") ? ["HEAD", ...methods] : methods;
    t.ledger.translated(directive, "rules");
    t.ledger.translated(only, "rules: error = 403");
    return [{ when: `$request_method !~ ^(${allowed.toSorted().join("|")})$`, error: 403 }];
  });
}

/** What is answered to every path of a place, if its one rule redirects all of them without their captures. */
export function soleRedirect(rules: readonly Rule[], fitsAll: (rule: Rule) => boolean): Rule | undefined {
  const [only] = rules;
  if (rules.length !== 1 || only?.["redirect"] === undefined || !fitsAll(only)) return undefined;
  const { match, when, ...target } = only;
  const redirect = wholePath(String(match ?? ""), String(target["redirect"]));
  return when === undefined && redirect !== undefined ? { ...target, redirect } : undefined;
}

/** `^(.*)` with `$1` is the path; what else was captured is known to the expression only. */
function wholePath(match: string, redirect: string): string | undefined {
  const to = /^\^\(\.\*\)\$?$/.test(match)
    ? redirect.replace(/\$1\$is_args\$args$/, "$request_uri").replace(/\$1(?!\d)/g, "$uri")
    : /^\^\/\(\.\*\)\$?$/.test(match)
      ? redirect.replace(/\/\$1\$is_args\$args$/, "$request_uri").replace(/\/\$1(?!\d)/g, "$uri")
      : redirect;
  return /\$\d/.test(to) ? undefined : to;
}

/** One rule for each statement that decides something. */
export function addRules(t: Translation, statements: readonly Directive[], context: RuleContext): Rule[] {
  const rules: Rule[] = [];
  for (const [at, statement] of statements.entries()) {
    const behind = [...statements.slice(at + 1), ...(context.behind ?? [])];
    if (statement.name === "break") {
      t.ledger.notNeeded(statement, "nothing follows it here");
      break;
    }
    const here = { ...context, behind };
    const made = statement.name === "if" ? conditional(t, statement, here) : plain(t, statement, here);
    rules.push(...made);
    if (statement.name === "return") break;
  }
  return rules;
}

function plain(t: Translation, statement: Directive, context: RuleContext): Rule[] {
  switch (statement.name) {
    case "return": {
      const action = returned(t, statement, context);
      return action === undefined ? [] : [action];
    }
    case "rewrite":
      return rewritten(t, statement, context);
    default:
      setVariable(t, statement, context, undefined);
      return [];
  }
}

/** Those with one value were read beforehand (variables.ts). */
function setVariable(t: Translation, statement: Directive, { states }: RuleContext, when: string | undefined): void {
  const [variable = "", value = ""] = statement.args.map(({ text }) => text);
  const name = subjectOf(variable);
  if (!states.has(name)) return;
  // The value before is put in where it is used; it is no other variable.
  const own = new RegExp(`\\$(?:${name}\\b|\\{${name}\\})`, "g");
  const text = stringOf(t, statement, value.replace(own, ""));
  if (text === undefined) return void states.set(name, undefined);
  assign(states, name, value, when);
  t.ledger.translated(statement, `its condition stands in the rules that ask for $${name}`);
}

/** `if (…) { … }`: each of its statements under its condition. */
function conditional(t: Translation, statement: Directive, context: RuleContext): Rule[] {
  const condition = conditionOf(t, statement, context.states);
  const inner = statement.block ?? [];
  // headers.ts tells of those.
  const hasFields = context.place === "location" && conditionalHeaders(context.block) !== undefined;
  const others = inner.filter((each) => !isStatement(each) && !(hasFields && isHeader(each)));
  if (condition === undefined) {
    for (const each of inner) t.ledger.dropped(each, "goes with its condition");
    return [];
  }
  for (const each of others) {
    t.ledger.lost(each, "only return and rewrite are carried over from inside if; write a location for it");
  }
  const { when } = condition;
  const captured = redirectToCaptured(t, inner);
  if (captured !== undefined) {
    t.ledger.translated(statement, "rules: redirect");
    return when.map((all) => ({ when: whenValue(all), ...captured }));
  }
  const sets = inner.filter(({ name }) => name === "set");
  for (const each of sets) setUnder(t, each, context, when);
  const block = new Block(inner, context.block);
  const captures = [...context.captures, ...condition.captures];
  const decisions = inner.filter((each) => isStatement(each) && each.name !== "set");
  const rules = addRules(t, decisions, { ...context, captures, block });
  if (when.length === 0) t.ledger.noEffect(statement, "never holds");
  else if (rules.length > 0)
    t.ledger.translated(statement, `rules: when = ${JSON.stringify(whenValue(when[0] ?? []))}`);
  else if (sets.length > 0) t.ledger.translated(statement, "stands in the rules that ask for what is set");
  else if (others.length === 0) t.ledger.noEffect(statement, "nothing is decided in it");
  return when.flatMap((all) => rules.map((rule) => (all.length === 0 ? rule : { when: whenValue(all), ...rule })));
}

/** `if ($host ~* ^www\.(.+)) { set $bare $1; rewrite ^(.*)$ https://$bare$1 permanent; }`: what is set stands for what the
 *  condition has captured. */
function redirectToCaptured(t: Translation, [set, action, ...more]: readonly Directive[]): Rule | undefined {
  if (set?.name !== "set" || action === undefined || more.some(({ name }) => name !== "break")) return undefined;
  const [variable = "", value = ""] = set.args.map(({ text }) => text);
  const [first = "", target = "", flag] = action.args.map(({ text }) => text);
  if (!/^\$\{?\d\}?$/.test(value) || !/^(?:https?:|\$scheme)/.test(target)) return undefined;
  const isReturn = action.name === "return" && REDIRECTS.has(Number(first));
  const whole = isReturn ? target : action.name === "rewrite" ? wholePath(first, withQuery(target)) : undefined;
  if (whole === undefined) return undefined;
  const name = subjectOf(variable);
  const redirect = stringOf(
    t,
    action,
    whole.replace(new RegExp(`\\$(?:${name}\\b|\\{${name}\\})`, "g"), () => value),
  );
  if (redirect === undefined) return undefined;
  t.ledger.translated(set, "stands in the redirect");
  t.ledger.translated(action, "rules: redirect");
  const status = isReturn ? Number(first) : flag === "permanent" ? 301 : 302;
  return { redirect, ...(status !== 302 && { status }) };
}

function whenValue(all: readonly string[]): Value {
  return all.length === 1 ? (all[0] as string) : all; // length 1
}

/** A condition that is itself about such a variable has several forms, which `set` does not follow. */
function setUnder(t: Translation, statement: Directive, context: RuleContext, when: Condition["when"]): void {
  const [all] = when;
  const name = subjectOf(statement.args[0]?.text ?? "");
  if (when.length === 1 && all?.length === 1) return setVariable(t, statement, context, all[0]);
  if (all === undefined) return t.ledger.noEffect(statement, "stands under a condition that never holds");
  context.states.set(name, undefined);
  t.ledger.lost(
    statement,
    "its condition is about a variable that is set itself; write rules with the conditions of both",
  );
}

/** The keys of a target: of a rule, and of a route. Undefined after noting why not. */
export function returned(t: Translation, directive: Directive, context: RuleContext): Rule | undefined {
  const { captures } = context;
  const [first = "", ...rest] = directive.args.map(({ text }) => text);
  const status = /^\d{3}$/.test(first) ? Number(first) : undefined;
  const text = stringOf(t, directive, status === undefined ? first : rest.join(" "), captures);
  if (text === undefined) return undefined;
  if (status === undefined || REDIRECTS.has(status)) {
    if (text === "") return void t.ledger.error(directive, "says not where to");
    t.ledger.translated(directive, `redirect, ${status ?? 302}`);
    return status === undefined || status === 302 ? { redirect: text } : { redirect: text, status };
  }
  if (status >= 400 && rest.length === 0) {
    t.ledger.translated(directive, status === 444 ? "error = 444 closes the connection" : `error = ${status}`);
    return { error: status };
  }
  if (status < 200 || status > 599) return void t.ledger.lost(directive, "a status from 200 to 599 can be answered");
  t.ledger.translated(directive, "respond");
  const type = typeOf(t, context);
  return {
    respond: text,
    ...(status !== 200 && { status }),
    ...(type !== undefined && text !== "" && { type }),
  };
}

/** nginx: that of the extension, else default_type, which is text/plain. */
function typeOf(t: Translation, { block, path }: RuleContext): string | undefined {
  const type = block.one("default_type");
  const added = block.own("add_header").find(({ args }) => args[0]?.text.toLowerCase() === "content-type");
  if (added !== undefined) t.ledger.translated(added, "type of respond");
  if (type !== undefined && block.has("default_type")) t.ledger.translated(type, "type of respond");
  const chosen = added?.args[1]?.text ?? typeOfExtension(block, path) ?? type?.args[0]?.text;
  return chosen === undefined || chosen === "text/plain" ? undefined : chosen;
}

function typeOfExtension(block: Block, path: string | undefined): string | undefined {
  const extension = /\.([^./]+)$/.exec(path ?? "")?.[1]?.toLowerCase();
  const types = block.inForce("types").flatMap((each) => each.block ?? []);
  return types.find(({ args }) => args.some(({ text }) => text.toLowerCase() === extension))?.name;
}

function rewritten(t: Translation, directive: Directive, context: RuleContext): Rule[] {
  const [pattern = "", replacement = "", flag] = directive.args.map(({ text }) => text);
  const regex = convertRegex(pattern, false);
  if ("problem" in regex) {
    t.ledger.lost(directive, `its expression cannot be carried over: ${regex.problem}`);
    return [];
  }
  const captures = [...context.captures, ...regex.captures];
  const to = stringOf(t, directive, replacement, captures);
  if (to === undefined) return [];
  const match = regex.ignoreCase ? `~* ${regex.source}` : regex.source;
  if (flag === "permanent" || flag === "redirect" || /^(https?:\/\/|\$scheme)/.test(replacement)) {
    t.ledger.translated(directive, "rules: redirect");
    const target = withQuery(to);
    return [{ match, redirect: target, ...(flag === "permanent" && { status: 301 }) }];
  }
  t.ledger.translated(directive, "rules: rewrite");
  const then = flag ?? (context.behind?.[0]?.name === "break" ? "break" : undefined);
  if (then === "break" && context.place === "location") return [{ match, rewrite: to, stay: true }];
  const goesOn = then === undefined && decidesOf(context.behind ?? [], to);
  return [{ match, rewrite: to, ...(goesOn && { continue: true }) }];
}

/** Could what stands behind a rewrite decide about its new path, too? */
function decidesOf(behind: readonly Directive[], to: string): boolean {
  const path = literalStart(to.replace(/[$?].*/s, ""));
  return behind.some(({ name, args }) => {
    if (name !== "rewrite") return name === "if" || name === "return";
    const pattern = args[0]?.text ?? "";
    const start = pattern.startsWith("^") ? literalStart(pattern.slice(1)) : "";
    return start.startsWith(path) || path.startsWith(start);
  });
}

/** The characters at the beginning that every text has that an expression fits. */
function literalStart(expression: string): string {
  if (expression.includes("|")) return "";
  const [start = ""] = /^[\w/-]*/.exec(expression) ?? [];
  return /^[*?{]/.test(expression.slice(start.length)) ? start.slice(0, -1) : start;
}

/** nginx adds the client's query unless the replacement ends with a question mark. */
function withQuery(to: string): string {
  if (to.endsWith("?")) return to.slice(0, -1);
  if (to.includes("$request_uri")) return to;
  return to.includes("?") ? `${to}&$args` : `${to}$is_args$args`;
}
