/** Which variables the strings of a rule may use: captures of its own expression, else of its conditions, else those around. */
import { groupScope, groupsOf } from "./captures.ts";
import { nested, type Scope } from "./scope.ts";

/** The last expression that has groups counts, as in nginx. What is matched against is the path, or any text. */
export function ruleScope(match: RegExp | undefined, conditions: readonly (RegExp | undefined)[], outer: Scope): Scope {
  const withGroups = (regex: RegExp | undefined) => regex !== undefined && groupsOf(regex).count > 0;
  if (match !== undefined && withGroups(match)) {
    return nested(
      groupScope(match, (exchange) => exchange.ruleCaptures, "decoded"),
      outer,
    );
  }
  const found = conditions.findLast(withGroups);
  return found === undefined
    ? outer
    : nested(
        groupScope(found, (exchange) => exchange.ruleCaptures, "raw"),
        outer,
      );
}
