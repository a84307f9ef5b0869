/**
 * Strings with variables: `$name`, `${name}` where a letter follows, `$1` for a capture, `$$` for a dollar. Compiled when the
 * configuration is loaded, so an unknown name is a mistake in the file and not an empty string at night. A value is put
 * in once and never looked at again: `$` in what a client sends is a dollar.
 *
 * Names are nginx's (variables.ts). Not here: what must not stand in a URL (location-template.ts) or in a header field
 * (reply-headers.ts).
 */
import type { Exchange } from "./exchange.ts";
import { isLater, type Phase, type Scope, type Variable } from "./scope.ts";

export interface Template {
  readonly source: string;
  /** Texts as latin-1 strings of their UTF-8 bytes, like the values. */
  readonly parts: readonly (string | Variable)[];
  /** The value when no variable is in it; undefined when one is. */
  readonly constant: string | undefined;
  /** That of its latest variable. */
  readonly phase: Phase;
}

/** Why a text is no template here. */
export class TemplateProblem {
  readonly what: string;
  readonly should: string | undefined;
  /** The name that is not known, without `$`. */
  readonly unknown: string | undefined;

  constructor(what: string, should?: string, unknown?: string) {
    this.what = what;
    this.should = should;
    this.unknown = unknown;
  }
}

const REFERENCE = /\$(?:(\$)|\{([^}]*)(\}?)|([A-Za-z_][A-Za-z0-9_]*|[0-9]))/g;

/** `phase`: when the value will be needed. A `$` that begins no name is a dollar. */
export function compileTemplate(source: string, scope: Scope, phase: Phase): Template | TemplateProblem {
  const parts: (string | Variable)[] = [];
  let text = "";
  let end = 0;
  for (const found of source.matchAll(REFERENCE)) {
    const [whole, dollar, braced, closing, plain] = found;
    text += source.slice(end, found.index);
    end = found.index + whole.length;
    if (dollar !== undefined) {
      text += "$";
      continue;
    }
    if (closing === "") return new TemplateProblem("has ${ without a }", "should be ${name}");
    const variable = findVariable(plain ?? braced ?? "", scope, phase);
    if (variable instanceof TemplateProblem) return variable;
    if (text !== "") parts.push(asBytes(text));
    parts.push(variable);
    text = "";
  }
  text += source.slice(end);
  if (text !== "") parts.push(asBytes(text));
  return made(source, parts);
}

function findVariable(name: string, scope: Scope, phase: Phase): Variable | TemplateProblem {
  const variable = scope.find(name);
  if (variable === undefined) {
    if (!/^[0-9]$/.test(name)) return new TemplateProblem(`has $${name}, which is no variable`, undefined, name);
    return new TemplateProblem(`has $${name}, but there is no such capture here`, `$$${name} is a plain $${name}`);
  }
  if (!isLater(variable.phase, phase)) return variable;
  const when = phase === "request" ? "before the request is answered" : "before the reply is complete";
  return new TemplateProblem(`has $${name}, which is not known ${when}`);
}

function made(source: string, parts: readonly (string | Variable)[]): Template {
  let phase: Phase = "request";
  for (const part of parts) if (typeof part !== "string" && isLater(part.phase, phase)) phase = part.phase;
  const [only = ""] = parts;
  const constant = parts.length < 2 && typeof only === "string" ? only : undefined;
  return { source, parts, constant, phase };
}

export function evaluate(template: Template, exchange: Exchange): string {
  if (template.constant !== undefined) return template.constant;
  let value = "";
  for (const part of template.parts) value += typeof part === "string" ? part : part.read(exchange);
  return value;
}

/** Text as the latin-1 string of its UTF-8 bytes. */
function asBytes(text: string): string {
  return Buffer.from(text, "utf8").latin1Slice();
}
