/** What the translators of one nginx.conf share. */
import type { Plan } from "../plan.ts";
import { resolve } from "node:path";
import type { Block } from "./block.ts";
import type { Ledger } from "./ledger.ts";
import type { Directive } from "./parser.ts";
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
  readonly variables: Variables & { readonly constants: Map<string, string>; readonly named: Set<string> };
  /** `upstream NAME { }` */
  readonly upstreams: ReadonlyMap<string, { readonly directive: Directive; readonly block: Block }>;
}

/** An absolute path; placeholders become references to the environment. */
export function pathOf(written: string, prefix: string): string {
  const text = withPlaceholders(written);
  return text.startsWith("$ENV{") ? text : resolve(prefix, text) + (/[^/]\/$/.test(text) ? "/" : "");
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
  t.ledger.lost(directive, `$${converted.unknown} has no counterpart here; write a value in its place`);
  return undefined;
}
