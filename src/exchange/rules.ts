/**
 * Rules: what is decided before a site looks for a route, or a route asks its target (nginx: if, rewrite, return). The
 * first that fits decides: by its conditions, by the path, or always when it says neither. It answers, or it changes the
 * path, with which the rules behind it are asked, the site looks for a route anew, or this route goes on.
 *
 * A changed path is parsed as a client's would be, so that nothing that a client sent leads out of it. Not here: what a rule
 * answers with, which are handlers.
 */
import { answer } from "./canned.ts";
import type { Condition } from "./condition.ts";
import { DelegatingReply } from "./delegating-reply.ts";
import type { Exchange, Handler } from "./exchange.ts";
import { INTERNAL_DEPTH_MAX, type InsideTarget, moveTo } from "./internal.ts";
import { expandLocation } from "./location-template.ts";
import type { ReplyHead } from "../protocol/http/message.ts";
import { parseTarget } from "../protocol/http/target.ts";
import type { Template } from "./template.ts";

export interface Rule {
  /** All of them have to hold. */
  readonly conditions: readonly Condition[];
  /** On the path. */
  readonly match: RegExp | undefined;
  readonly action:
    | { readonly kind: "answer"; readonly handler: Handler }
    | { readonly kind: "rewrite"; readonly to: Template; readonly taker: AfterRewrite };
}

/** Who gets the new path: the `rules` behind, and then the site; the `site`, which looks for a route; or this `route`. */
export type AfterRewrite = "rules" | "site" | "route";

export interface RuleContext {
  readonly mergeSlashes: boolean;
  /** Looks for a route, past the rules of the site. */
  readonly again: Handler;
}

export function withRules(rules: readonly Rule[], next: Handler, context: RuleContext): Handler {
  return rules.length === 0 ? next : decided(rules, { unmoved: next, route: next }, context);
}

/** `unmoved`: when none fits; `route`: that whose rules these are. */
function decided(
  rules: readonly Rule[],
  { unmoved, route }: { readonly unmoved: Handler; readonly route: Handler },
  context: RuleContext,
): Handler {
  const takers = rules.map(({ action }, at): Handler => {
    if (action.kind === "answer") return action.handler;
    if (action.taker === "route") return moving(action.to, route, context);
    if (action.taker === "site") return moving(action.to, context.again, context);
    return moving(action.to, decided(rules.slice(at + 1), { unmoved: context.again, route }, context), context);
  });
  return (exchange) => (takers[decidingRule(rules, exchange)] ?? unmoved)(exchange);
}

function moving(to: Template, next: Handler, { mergeSlashes }: RuleContext): Handler {
  return (exchange) => rewrite(exchange, to, next, mergeSlashes);
}

/** The index of the first that fits; -1 for none. */
export function decidingRule(rules: readonly Rule[], exchange: Exchange): number {
  return rules.findIndex((rule) => fits(rule, exchange));
}

function fits({ conditions, match }: Rule, exchange: Exchange): boolean {
  exchange.ruleCaptures = undefined;
  if (!conditions.every((condition) => condition.holds(exchange))) return false;
  if (match === undefined) return true;
  const found = match.exec(exchange.head.path);
  if (found === null) return false;
  // An expression without groups leaves those of a condition.
  if (found.length > 1 || exchange.ruleCaptures === undefined) exchange.ruleCaptures = found;
  return true;
}

function rewrite(exchange: Exchange, to: Template, next: Handler, mergeSlashes: boolean): void {
  if (exchange.depth >= INTERNAL_DEPTH_MAX) return answer(exchange, 500);
  const target = withQuery(expandLocation(to, exchange), exchange.head.query);
  const parsed = parseTarget("GET", target, mergeSlashes);
  if (typeof parsed === "string" || !target.startsWith("/")) return answer(exchange, 404);
  const { path, rawPath, query } = parsed;
  const inside: InsideTarget = { path, rawPath, query, target };
  const reply = new MovedReply(exchange);
  const moved = moveTo(exchange, inside, reply);
  reply.inside = moved;
  next(moved);
}

/** nginx adds the client's query, unless a closing `?` says that there is none. */
function withQuery(target: string, query: string | undefined): string {
  if (target.endsWith("?")) return target.slice(0, -1);
  if (query === undefined) return target;
  return `${target}${target.includes("?") ? "&" : "?"}${query}`;
}

/** Header rules, captures and the access log are those of the route that answers. */
class MovedReply extends DelegatingReply {
  inside: Exchange | undefined = undefined;
  private readonly outer: Exchange;

  constructor(outer: Exchange) {
    super(outer.reply);
    this.outer = outer;
  }

  override whole(head: ReplyHead, content: Uint8Array): void {
    this.adopt();
    this.inner.whole(head, content);
  }

  override start(head: ReplyHead, more?: boolean): void {
    this.adopt();
    this.inner.start(head, more);
  }

  private adopt(): void {
    const { outer, inside } = this;
    // Pages of errors were the inner one's business.
    outer.errorPages = undefined;
    outer.headerRules = inside?.headerRules;
    outer.captures = inside?.captures;
    outer.account = inside?.account;
  }
}
