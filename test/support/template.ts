/** Templates for tests: compiled in the scope of the built-in variables, or another. */
import type { Phase, Scope } from "../../src/exchange/scope.ts";
import { compileTemplate, type Template, TemplateProblem } from "../../src/exchange/template.ts";
import { BUILT_IN } from "../../src/exchange/variables.ts";

export function template(text: string, scope: Scope = BUILT_IN, phase: Phase = "request"): Template {
  const made = compileTemplate(text, scope, phase);
  if (made instanceof TemplateProblem) throw new Error(`${text} ${made.what}; ${made.should ?? ""}`);
  return made;
}
