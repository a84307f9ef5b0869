/** From the configuration's strings to templates and header rules: compiled as the configuration compiled them to check. */
import type { Config, HeaderRuleConfig } from "../config/config.ts";
import type { HstsConfig } from "../config/tls-config.ts";
import { compileMaps } from "../exchange/map.ts";
import type { HeaderRule, TimedRule } from "../exchange/reply-headers.ts";
import type { Phase, Scope } from "../exchange/scope.ts";
import { compileTemplate, type Template, TemplateProblem } from "../exchange/template.ts";
import { hstsStages } from "./hsts.ts";
import { BUILT_IN } from "../exchange/variables.ts";

/** What every string may name: nginx's variables and the maps. */
export function makeScope(config: Config): Scope {
  return compileMaps(config.maps, BUILT_IN, (map, _part, problem) => unchecked(`map ${map} ${problem.what}`));
}

export function makeTemplate(text: string, scope: Scope, phase: Phase = "request"): Template {
  const template = compileTemplate(text, scope, phase);
  return template instanceof TemplateProblem ? unchecked(`${JSON.stringify(text)} ${template.what}`) : template;
}

export function makeHeaderRules(
  rules: readonly HeaderRuleConfig[] | undefined,
  scope: Scope,
  phase: Phase = "reply",
): readonly HeaderRule[] | undefined {
  return rules?.map((rule): HeaderRule =>
    rule.kind === "remove" ? rule : { ...rule, value: makeTemplate(rule.value, scope, phase) },
  );
}

/** `server_header`. The text is no template. */
export function makeServerRules(written: string): readonly HeaderRule[] | undefined {
  if (written === "pass") return undefined;
  if (written === "off") return [{ kind: "remove", name: "Server" }];
  return [{ kind: "set", name: "Server", value: constant(written) }];
}

/** `hsts`. An app that sets the field itself knows why. */
export function makeHstsRules(config: HstsConfig): TimedRule[] {
  return hstsStages(config).map(({ fromMs, value }) => ({
    fromMs,
    rule:
      value === undefined ? undefined : { kind: "default", name: "Strict-Transport-Security", value: constant(value) },
  }));
}

function constant(text: string): Template {
  return { source: text, parts: [text], constant: text, phase: "request" };
}

function unchecked(what: string): never {
  throw new Error(`the configuration was not checked: ${what}`);
}
