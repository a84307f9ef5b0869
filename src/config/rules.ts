/** `rules` of a site or a route as they were written → as they are decided. What is wrong was reported, and is left out. */
import { groupsOf, unusableNames } from "../exchange/captures.ts";
import { compileCondition, compileRegex, type Condition } from "../exchange/condition.ts";
import { ruleScope } from "../exchange/rule-scope.ts";
import type { Scope, Variable } from "../exchange/scope.ts";
import { TemplateProblem } from "../exchange/template.ts";
import { refuseStatus, resolveAnswer } from "./answers.ts";
import type { RuleConfig } from "./rule-config.ts";
import type { Section } from "./keys.ts";
import type { Placed } from "./kinds.ts";
import type { Place } from "./place.ts";
import { type RULE, RULE_ACTIONS } from "./schema-rules.ts";
import { readTemplate, reportTemplate } from "./templates.ts";

type RuleSection = Section<typeof RULE>;

/** `owner`: a route goes on with what stays. */
export function resolveRules(
  written: readonly Placed<RuleSection>[] | undefined,
  owner: "site" | "route",
  scope: Scope,
): RuleConfig[] {
  return (written ?? []).flatMap(({ value }) => resolveRule(value, owner, scope) ?? []);
}

function resolveRule({ place, values }: RuleSection, owner: "site" | "route", scope: Scope): RuleConfig | undefined {
  const conditions = (values.when ?? []).map((entry) => readCondition(entry, scope));
  const match = values.match === undefined ? undefined : readMatch(place.into("match"), values.match);
  const isWhole = conditions.every((each) => each !== undefined) && (values.match === undefined || match !== undefined);
  const inner = ruleScope(
    match?.regex,
    conditions.map((condition) => condition?.regex),
    scope,
  );
  const action = resolveAction(place, values, owner, inner);
  if (!isWhole || action === undefined) return undefined;
  const when = (values.when ?? []).map(({ value }) => value);
  return { when, match: match && { source: match.source, ignoreCase: match.ignoreCase }, action };
}

function readCondition({ place, value }: Placed<string>, scope: Scope): Condition | undefined {
  const condition = compileCondition(value, scope);
  if (!(condition instanceof TemplateProblem)) return condition;
  reportTemplate(place, condition, scope);
  return undefined;
}

function readMatch(place: Place, written: string) {
  const ignoreCase = written.startsWith("~* ");
  const source = ignoreCase ? written.slice(3).trimStart() : written;
  const regex = compileRegex(source, ignoreCase);
  if (typeof regex === "string") return void place.wrong({ what: `is not a regular expression: ${regex}` });
  const [bad] = unusableNames(groupsOf(regex));
  if (bad === undefined) return { regex, source, ignoreCase };
  return void place.wrong({ what: `has a group ${bad}`, should: "should have groups named in letters, digits and _" });
}

function resolveAction(
  place: Place,
  values: RuleSection["values"],
  owner: "site" | "route",
  scope: Scope,
): RuleConfig["action"] | undefined {
  const written = RULE_ACTIONS.filter((each) => place.has(each));
  const [kind] = written;
  if (kind === undefined || written.length > 1) {
    const what = written.length === 0 ? "does nothing" : `does ${written.length} things (${written.join(", ")})`;
    return void place.wrong({ what, should: `should have exactly one of ${RULE_ACTIONS.join(", ")}` });
  }
  refuseStatus(place, kind);
  if (kind !== "rewrite") return resolveAnswer(kind, place, values, scope);
  if (values.rewrite === undefined || !isPath(place.into("rewrite"), values.rewrite, scope)) return undefined;
  if (values.stay && owner === "site") {
    return void place
      .into("stay")
      .wrongKey({ what: "has no meaning in a site", should: "belongs to rules of a route" });
  }
  if (values.stay && values.continue) {
    const should = "should be one of both: the rules behind decide, or the route goes on";
    return void place.into("continue").wrong({ what: "is true, and so is stay", should });
  }
  return { kind: "rewrite", to: values.rewrite, taker: values.stay ? "route" : values.continue ? "rules" : "site" };
}

/** What is captured of a path gets the slash that it may lack (location-template.ts). */
function isOfPath({ form, chosen }: Variable): boolean {
  return form === "path" || form === "decoded" || chosen !== undefined;
}

function isPath(place: Place, written: string, scope: Scope): boolean {
  const template = readTemplate(place, written, scope);
  if (template === undefined) return false;
  const [first] = template.parts;
  if (typeof first === "string" ? first.startsWith("/") : first !== undefined && isOfPath(first)) return true;
  place.unfit('"/path", in which variables may stand');
  return false;
}
