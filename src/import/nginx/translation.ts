/** What the translators of one nginx.conf share. */
import type { Plan, RouteKey, Settings } from "../plan.ts";
import { resolve } from "node:path";
import type { Block } from "./block.ts";
import type { Ledger } from "./ledger.ts";
import type { Directive } from "./parser.ts";
import type { States } from "./states.ts";
import { type Converted, convert, hasTemplate, type Variables, withPlaceholders } from "./strings.ts";

export interface Translation {
  readonly plan: Plan;
  readonly ledger: Ledger;
  /** What relative paths of certificates, password files and includes are relative to. */
  readonly confPrefix: string;
  /** … and those of root, alias and logs. */
  readonly prefix: string;
  readonly main: Block;
  readonly http: Block;
  readonly variables: Variables & {
    readonly constants: Map<string, string>;
    readonly named: Set<string>;
    /** Of variables with several values, as they are when a location is found. */
    readonly states: States;
  };
  /** Paths of this server's own making, to which error pages lead. */
  readonly pages: Map<string, Settings<RouteKey>>;
  /** `upstream NAME { }` */
  readonly upstreams: ReadonlyMap<string, { readonly directive: Directive; readonly block: Block }>;
}

/** An absolute path; placeholders become references to the environment. */
export function pathOf(written: string, prefix: string): string {
  const text = withPlaceholders(written);
  return text.startsWith("$ENV{") ? text : resolve(prefix, text) + (/[^/]\/$/.test(text) ? "/" : "");
}

/** A number that is not negative, or undefined after telling that it is none. */
export function countOf(t: Translation, directive: Directive, text: string | undefined): number | undefined {
  if (text !== undefined && /^\d{1,15}$/.test(text)) return Number(text);
  return void t.ledger.error(directive, `${text === undefined || text === "" ? "nothing" : text} is no number`);
}

/** For strings of an upstream, which knows no captures of the sites and routes that lead to it. */
export function outsideOf(t: Translation): Translation {
  const named = new Set(t.http.own("map").map(({ args }) => (args[1]?.text ?? "").replace(/^\$\{?|\}$/g, "")));
  return { ...t, variables: { ...t.variables, named, captures: "none" } };
}

/** The string of an argument, or undefined after noting why it cannot be carried over. */
export function stringOf(
  t: Translation,
  directive: Directive,
  text: string,
  captures: readonly string[] = [],
): string | undefined {
  if (hasTemplate(text)) {
    t.ledger.error(directive, "has a placeholder of a template; import the file that it is rendered to");
    return undefined;
  }
  const converted: Converted = convert(text, t.variables, captures);
  if ("text" in converted) return converted.text;
  const why = t.variables.states.has(converted.unknown)
    ? "has several values, and is followed in conditions only; write a [map.NAME] with them"
    : "has no counterpart here; write a value in its place";
  t.ledger.lost(directive, `$${converted.unknown} ${why}`);
  return undefined;
}

/** A file that is relative to the folder of the configuration. */
export function fileOf(t: Translation, line: Directive): string | undefined {
  const text = stringOf(t, line, line.args[0]?.text ?? "");
  if (text === undefined || text.startsWith("$ENV{")) return text;
  return resolve(t.confPrefix, text);
}
