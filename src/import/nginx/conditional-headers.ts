/**
 * add_header inside `if` of a location, as everybody's lines for CORS have it: where the condition holds its fields take the
 * place of those around. Here it is a [map.NAME] of what the condition looks at, whose values are the fields:
 *
 *   if ($request_method = OPTIONS) { add_header X-A b; return 204; }        [map.x_a] source = "$request_method"
 *   add_header X-A c;                                                        default = "c", values = { OPTIONS = "b" }
 *
 * Conditions that may hold at the same time are left alone.
 */
import type { Block } from "./block.ts";
import { wordsOf } from "./condition.ts";
import type { Directive } from "./parser.ts";

export interface ConditionalHeaders {
  /** What all of the conditions look at: `$request_method`. */
  readonly source: string;
  /** The key of a map, and the lines that stand there. */
  readonly cases: readonly { readonly key: string; readonly lines: readonly Directive[] }[];
}

/** Undefined: there are none, or they cannot be told apart. */
export function conditionalHeaders(block: Block): ConditionalHeaders | undefined {
  const found = block.own("if").filter(({ block: inside }) => inside?.some(isHeader) === true);
  const cases = found.flatMap((directive) => caseOf(directive) ?? []);
  const [first] = cases;
  if (first === undefined || cases.length !== found.length) return undefined;
  if (!cases.every(({ source }) => source === first.source)) return undefined;
  // Of several only texts exclude each other.
  if (cases.length > 1 && cases.some(({ key }) => key.startsWith("~"))) return undefined;
  return { source: first.source, cases };
}

function caseOf(directive: Directive): { source: string; key: string; lines: readonly Directive[] } | undefined {
  const [source = "", operator, ...rest] = wordsOf(directive) ?? [];
  const text = rest.join(" ");
  if (!/^\$\w+$/.test(source) || text === "" || (text.startsWith("~") && operator === "=")) return undefined;
  const keys: Readonly<Record<string, string>> = { "=": text, "~": `~ ${text}`, "~*": `~* ${text}` };
  const key = keys[operator ?? ""];
  return key === undefined ? undefined : { source, key, lines: directive.block?.filter(isHeader) ?? [] };
}

export function isHeader({ name }: Directive): boolean {
  return name === "add_header";
}
