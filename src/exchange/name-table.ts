/**
 * Host names → values, in nginx's order (ngx_http_server_name, and `map` with `hostnames`): the exact name, the longest
 * `*.suffix`, the longest `prefix.*`, the first regular expression. `.example.org` is `example.org` and `*.example.org`.
 * A `*` stands for one or more labels, never for none.
 */
import { assert } from "../base/assert.ts";

interface Pattern<T> {
  readonly regex: RegExp;
  readonly value: T;
}

/** Takes what a regular expression found. */
export interface HostCaptures {
  hostCaptures: RegExpExecArray | undefined;
}

export class NameTable<T> {
  private readonly exact = new Map<string, T>();
  /** `.example.org` */
  private readonly suffixes = new Map<string, T>();
  /** `www.` */
  private readonly prefixes = new Map<string, T>();
  private readonly patterns: Pattern<T>[] = [];

  /** Lower case, but for an expression, which is written `~source`. Of two equal ones the first counts. */
  add(name: string, value: T): void {
    if (name.startsWith("~")) {
      this.patterns.push({ regex: hostRegex(name), value });
      return;
    }
    if (name.startsWith(".")) addTo(this.exact, name.slice(1), value);
    if (name.startsWith(".") || name.startsWith("*.")) addTo(this.suffixes, name.replace(/^\*/, ""), value);
    else if (name.endsWith(".*")) addTo(this.prefixes, name.slice(0, -1), value);
    else addTo(this.exact, name, value);
  }

  /** `name`: lower case, without the root's closing dot. */
  find(name: string, into?: HostCaptures): T | undefined {
    const found = this.exact.get(name);
    if (found !== undefined) return found;
    const { suffixes, prefixes, patterns } = this;
    const wildcard =
      (suffixes.size > 0 ? longestSuffix(name, suffixes) : undefined) ??
      (prefixes.size > 0 ? longestPrefix(name, prefixes) : undefined);
    if (wildcard !== undefined) return wildcard;
    for (const { regex, value } of patterns) {
      const captures = regex.exec(name);
      if (captures === null) continue;
      if (into !== undefined) into.hostCaptures = captures;
      return value;
    }
    return undefined;
  }
}

/** nginx compares names without regard to case. */
export function hostRegex(name: string): RegExp {
  return new RegExp(name.slice(1), "i");
}

function addTo<T>(table: Map<string, T>, key: string, value: T): void {
  assert(!key.includes("*"), `a wildcard stands for the first or the last labels of a name: ${key}`);
  if (!table.has(key)) table.set(key, value);
}

/** Keys begin with a dot. The leftmost dot gives the longest suffix; one at the very start leaves no label for `*`. */
function longestSuffix<T>(name: string, suffixes: ReadonlyMap<string, T>): T | undefined {
  for (let dot = name.indexOf(".", 1); dot !== -1; dot = name.indexOf(".", dot + 1)) {
    const value = suffixes.get(name.slice(dot));
    if (value !== undefined) return value;
  }
  return undefined;
}

/** Keys end with a dot. The rightmost dot gives the longest prefix; one at the very end leaves no label for `*`. */
function longestPrefix<T>(name: string, prefixes: ReadonlyMap<string, T>): T | undefined {
  for (let dot = name.lastIndexOf(".", name.length - 2); dot > 0; dot = name.lastIndexOf(".", dot - 1)) {
    const value = prefixes.get(name.slice(0, dot + 1));
    if (value !== undefined) return value;
  }
  return undefined;
}
