/**
 * Strings with variables: nginx's names are known here too, so most stay as they are. Put in are the values of `set` and of
 * placeholders: `${NAME}` in capitals is what envsubst fills in, and becomes `$ENV{NAME}`.
 */
import { BUILT_IN } from "../../exchange/variables.ts";

export interface Variables {
  /** Values of `set` that are the same for all requests. */
  readonly constants: ReadonlyMap<string, string>;
  /** Names of maps, and of groups in the expressions among the names of a site. */
  readonly named: ReadonlySet<string>;
  /** Undefined: digits are captures of an expression around. Of an upstream nobody knows who leads to it. */
  readonly captures?: "none";
}

export type Converted = { readonly text: string } | { readonly unknown: string };

const REFERENCE = /\$(?!ENV\{)(?:\{([A-Za-z_][A-Za-z0-9_]*|[0-9])\}|([A-Za-z_][A-Za-z0-9_]*|[0-9]))/g;

/** nginx's names that have another one here. */
const RENAMED: Readonly<Record<string, string>> = { binary_remote_addr: "remote_addr", document_uri: "uri" };

/** envsubst's names; nginx's variables are in lower case. */
const PLACEHOLDER = /^[A-Z][A-Z0-9_]*$/;

/** `captures`: names of groups of the expression that stands around. Digits are always taken for captures. */
export function convert(text: string, variables: Variables, captures: readonly string[] = [], depth = 0): Converted {
  let unknown: string | undefined;
  const converted = text.replace(REFERENCE, (_: string, braced: string | undefined, plain: string | undefined) => {
    const written = braced ?? plain ?? "";
    const constant = variables.constants.get(written);
    if (constant !== undefined && depth < 8) {
      const inner = convert(constant, variables, captures, depth + 1);
      if ("text" in inner) return inner.text;
    }
    const name = RENAMED[written] ?? written;
    if (PLACEHOLDER.test(name)) return `$ENV{${name}}`;
    const isKnown =
      (/^\d$/.test(name) && variables.captures === undefined) ||
      variables.named.has(name) ||
      captures.includes(name) ||
      BUILT_IN.find(name) !== undefined;
    if (!isKnown) unknown ??= written;
    return braced === undefined ? `$${name}` : `\${${name}}`;
  });
  return unknown === undefined ? { text: converted } : { unknown };
}

/** Text that has no variables of nginx, but placeholders of envsubst. */
export function withPlaceholders(text: string): string {
  return text.replace(
    /\$(?!ENV\{)(?:\{([A-Z][A-Z0-9_]*)\}|([A-Z][A-Z0-9_]*)\b)/g,
    (_, braced, plain) => `$ENV{${braced ?? plain}}`,
  );
}

export function hasPlaceholder(text: string): boolean {
  return /\$(?:\{[A-Z][A-Z0-9_]*\}|[A-Z][A-Z0-9_]*\b)/.test(text);
}

/** Jinja and its like, which only their own program can fill in. */
export function hasTemplate(text: string): boolean {
  return /\{\{|\{%|<%|__[A-Z0-9_]+__/.test(text);
}
