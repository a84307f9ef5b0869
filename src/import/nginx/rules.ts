/**
 * if, rewrite, return, set and break (ngx_http_rewrite_module) → `rules`: what is decided by conditions before anything is
 * served, in the order in which it is written.
 */
import type { Value } from "../plan.ts";
import { Block } from "./block.ts";
import { conditionOf } from "./condition.ts";
import type { Directive } from "./parser.ts";
import { convertRegex } from "./regex.ts";
import { stringOf, type Translation } from "./translation.ts";

export interface RuleContext {
  /** Names of groups of the location's expression. */
  readonly captures: readonly string[];
  readonly place: "server" | "location";
  readonly block: Block;
}

type Rule = Readonly<Record<string, Value>>;

const STATEMENTS = new Set(["if", "rewrite", "return", "set", "break"]);

const REDIRECTS = new Set([301, 302, 303, 307, 308]);

export function isStatement({ name }: Directive): boolean {
  return STATEMENTS.has(name);
}

/** One rule for each statement that decides something. */
export function addRules(t: Translation, statements: readonly Directive[], context: RuleContext): Rule[] {
  const rules: Rule[] = [];
  for (const statement of statements) {
    if (statement.name === "break") {
      t.ledger.notNeeded(statement, "nothing follows it here");
      break;
    }
    const made = statement.name === "if" ? conditional(t, statement, context) : plain(t, statement, context);
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
      // `set`: read beforehand (variables.ts).
      return [];
  }
}

/** `if (…) { … }`: each of its statements under its condition. */
function conditional(t: Translation, statement: Directive, context: RuleContext): Rule[] {
  const condition = conditionOf(t, statement);
  const inner = statement.block ?? [];
  const others = inner.filter((each) => !isStatement(each));
  if (condition === undefined) {
    for (const each of inner) t.ledger.dropped(each, "goes with its condition");
    return [];
  }
  for (const each of others) {
    t.ledger.lost(each, "only return and rewrite are carried over from inside if; write a location for it");
  }
  const block = new Block(inner, context.block);
  const captures = [...context.captures, ...condition.captures];
  const rules = addRules(t, inner.filter(isStatement), { ...context, captures, block });
  if (rules.length > 0) t.ledger.translated(statement, `rules: when = ${JSON.stringify(condition.when)}`);
  else if (others.length === 0) t.ledger.noEffect(statement, "nothing is decided in it");
  return rules.map((rule) => ({ when: condition.when, ...rule }));
}

/** The keys of a target: of a rule, and of a route. Undefined after noting why not. */
export function returned(t: Translation, directive: Directive, { captures, block }: RuleContext): Rule | undefined {
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
  const type = typeOf(t, block);
  return {
    respond: text,
    ...(status !== 200 && { status }),
    ...(type !== undefined && text !== "" && { type }),
  };
}

/** nginx: default_type, which is text/plain. */
function typeOf(t: Translation, block: Block): string | undefined {
  const type = block.one("default_type");
  const added = block.own("add_header").find(({ args }) => args[0]?.text.toLowerCase() === "content-type");
  if (added !== undefined) t.ledger.translated(added, "type of respond");
  if (type !== undefined && block.has("default_type")) t.ledger.translated(type, "type of respond");
  const chosen = added?.args[1]?.text ?? type?.args[0]?.text;
  return chosen === undefined || chosen === "text/plain" ? undefined : chosen;
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
  const stays = context.place === "location" && flag === "break";
  return [{ match, rewrite: to, ...(stays && { stay: true }) }];
}

/** nginx adds the client's query unless the replacement ends with a question mark. */
function withQuery(to: string): string {
  if (to.endsWith("?")) return to.slice(0, -1);
  if (to.includes("$request_uri")) return to;
  return to.includes("?") ? `${to}&$args` : `${to}$is_args$args`;
}
