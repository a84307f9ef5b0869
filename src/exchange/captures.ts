/**
 * Captures of the regular expressions that chose the site and the route, as variables: `$1` to `$9`, and `$name` of
 * `(?<name>…)`. Which expression a name belongs to is known when the configuration is loaded: the route's own first,
 * else one of the site's. An expression that did not take part in choosing gives "".
 */
import type { Exchange } from "./exchange.ts";
import type { Scope, Variable, VariableForm } from "./scope.ts";

export interface RegexGroups {
  /** Of all groups, named ones too. */
  readonly count: number;
  readonly names: readonly string[];
}

export type CaptureSource = (exchange: Exchange) => RegExpExecArray | null | undefined;

/** `$1` to `$9`. */
const POSITIONS_MAX = 9;

/** What may be the name of a variable. */
const VARIABLE_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

export function groupsOf(regex: RegExp): RegexGroups {
  // With an empty alternative it matches anything, and the result has a place for every group.
  const found = new RegExp(`${regex.source}|`, regex.flags).exec("") as RegExpExecArray;
  return { count: found.length - 1, names: Object.keys(found.groups ?? {}) };
}

/** Names that no template could use; the configuration refuses them. */
export function unusableNames(groups: RegexGroups): string[] {
  return groups.names.filter((name) => !VARIABLE_NAME.test(name));
}

/** `hosts`: the expressions among the site's names, of which one may have matched. `$1` is the route's where the route
 *  is an expression, so that it never silently is another's. */
export function captureScope(route: RegExp | undefined, hosts: readonly RegExp[]): Scope {
  const variables = new Map<string, Variable>();
  for (const host of hosts) addGroups(variables, groupsOf(host), (exchange) => exchange.hostCaptures, "raw");
  if (route !== undefined) {
    for (let index = 1; index <= POSITIONS_MAX; index++) variables.delete(String(index));
    addGroups(variables, groupsOf(route), (exchange) => exchange.captures, "decoded");
  }
  return scopeOf(variables);
}

/** The groups of one expression, wherever it was applied. */
export function groupScope(regex: RegExp, source: CaptureSource, form: VariableForm): Scope {
  const variables = new Map<string, Variable>();
  addGroups(variables, groupsOf(regex), source, form);
  return scopeOf(variables);
}

function scopeOf(variables: ReadonlyMap<string, Variable>): Scope {
  return {
    find: (name) => variables.get(name),
    names: () => [...variables.keys()].filter((name) => !/^\d/.test(name)),
  };
}

function addGroups(
  variables: Map<string, Variable>,
  groups: RegexGroups,
  source: CaptureSource,
  form: VariableForm,
): void {
  for (let index = 1; index <= Math.min(groups.count, POSITIONS_MAX); index++) {
    variables.set(String(index), { phase: "request", form, read: (exchange) => source(exchange)?.[index] ?? "" });
  }
  for (const name of groups.names) {
    variables.set(name, { phase: "request", form, read: (exchange) => source(exchange)?.groups?.[name] ?? "" });
  }
}
