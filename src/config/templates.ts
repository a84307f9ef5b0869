/** Strings with variables: compiled once here, so that every mistake in them is told with its place. */
import type { Phase, Scope } from "../exchange/scope.ts";
import { compileTemplate, type Template, TemplateProblem } from "../exchange/template.ts";
import { nearest } from "./nearest.ts";
import type { Place } from "./place.ts";

/** Undefined when it is none; what is wrong was reported at `place`. `phase`: when its value will be needed. */
export function readTemplate(place: Place, text: string, scope: Scope, phase: Phase = "request"): Template | undefined {
  const template = compileTemplate(text, scope, phase);
  if (!(template instanceof TemplateProblem)) return template;
  reportTemplate(place, template, scope);
  return undefined;
}

export function reportTemplate(place: Place, problem: TemplateProblem, scope: Scope): void {
  const { what, should, unknown } = problem;
  if (unknown === undefined) return place.wrong({ what, should });
  const suggestion = nearest(unknown, scope.names());
  const hint = suggestion === undefined ? "should be a known variable, or $$ for a dollar" : undefined;
  place.wrong({ what, should: hint, suggestion: suggestion === undefined ? undefined : `$${suggestion}` });
}
