/** From the rules of the configuration to those that are decided by, and to handlers of what they answer. */
import type { AnswerTarget, RuleConfig } from "../config/rule-config.ts";
import { compileCondition, compileRegex, type Condition } from "../exchange/condition.ts";
import { makeErrorHandler } from "../exchange/error-target.ts";
import type { Handler } from "../exchange/exchange.ts";
import { makeRedirectHandler } from "../exchange/redirect.ts";
import { makeRespondHandler } from "../exchange/respond.ts";
import { ruleScope } from "../exchange/rule-scope.ts";
import type { Rule } from "../exchange/rules.ts";
import type { Scope } from "../exchange/scope.ts";
import { TemplateProblem } from "../exchange/template.ts";
import { makeTemplate } from "./templates.ts";

export function makeRules(rules: readonly RuleConfig[], scope: Scope): Rule[] {
  return rules.map(({ when, match: written, action }): Rule => {
    const conditions = when.map((text) => makeCondition(text, scope));
    const match = written === undefined ? undefined : makeRegex(written.source, written.ignoreCase);
    const inner = ruleScope(
      match,
      conditions.map(({ regex }) => regex),
      scope,
    );
    if (action.kind !== "rewrite")
      return { conditions, match, action: { kind: "answer", handler: makeAnswer(action, inner) } };
    return { conditions, match, action: { kind: "rewrite", to: makeTemplate(action.to, inner), taker: action.taker } };
  });
}

export function makeAnswer(target: AnswerTarget, scope: Scope): Handler {
  switch (target.kind) {
    case "redirect":
      return makeRedirectHandler({ to: makeTemplate(target.to, scope), status: target.status });
    case "respond":
      return makeRespondHandler({
        status: target.status,
        body: makeTemplate(target.body, scope),
        contentType: target.contentType,
      });
    case "error":
      return makeErrorHandler(target.status);
  }
}

function makeCondition(text: string, scope: Scope): Condition {
  const condition = compileCondition(text, scope);
  if (condition instanceof TemplateProblem) throw new Error(`the configuration was not checked: ${condition.what}`);
  return condition;
}

function makeRegex(source: string, ignoreCase: boolean): RegExp {
  const regex = compileRegex(source, ignoreCase);
  if (typeof regex === "string") throw new Error(`the configuration was not checked: ${regex}`);
  return regex;
}
