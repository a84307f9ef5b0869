/** Of `server explain`: what a rule of a site or a route decides before anything else, in words. */
import type { RuleConfig } from "../config/rule-config.ts";
import type { Exchange } from "../exchange/exchange.ts";
import { expandLocation } from "../exchange/location-template.ts";
import { decidingRule } from "../exchange/rules.ts";
import type { Scope } from "../exchange/scope.ts";
import { describeTarget } from "./explain-target.ts";
import { makeRules } from "./rules.ts";

const TAKEN = { rules: "what the rules behind decide about", site: "looked for", route: "asked for" } as const;

/** Undefined when none of them fits. `owner`: of the site, of the route. */
export function explainRules(
  rules: readonly RuleConfig[],
  owner: string,
  scope: Scope,
  exchange: Exchange,
): string | undefined {
  const made = makeRules(rules, scope);
  const index = decidingRule(made, exchange);
  const action = made[index]?.action;
  if (action === undefined) return undefined;
  const config = rules[index]?.action;
  const what =
    action.kind === "rewrite"
      ? `${expandLocation(action.to, exchange)} is ${TAKEN[action.taker]} instead`
      : config === undefined || config.kind === "rewrite"
        ? ""
        : describeTarget(config);
  return `rule ${index + 1} of the ${owner}: ${what}`;
}
