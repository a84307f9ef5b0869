/**
 * Host → site, in nginx's order (ngx_http_server_name): the exact name, then the longest `*.suffix`, then the entry
 * without names, which is the default of its address. A wildcard stands for one or more labels, never for none.
 */
import { assert } from "../base/assert.ts";

export interface HostEntry<T> {
  /** Lower case: `www.example.org`, `*.example.org`. Empty: the default. */
  readonly names: readonly string[];
  readonly value: T;
}

/** The function takes a lower-case host without port (RequestHead.host). Of two entries for one name the first counts;
 *  the configuration refuses such. */
export function compileHosts<T>(entries: readonly HostEntry<T>[]): (host: string) => T | undefined {
  const exact = new Map<string, T>();
  const suffixes = new Map<string, T>();
  for (const { names, value } of entries) for (const name of names) addName(name, value, exact, suffixes);
  const fallback = entries.find((entry) => entry.names.length === 0)?.value;

  return (host) => {
    const name = host.endsWith(".") ? host.slice(0, -1) : host;
    const found = exact.get(name);
    if (found !== undefined) return found;
    if (suffixes.size > 0) {
      const value = longestSuffix(name, suffixes);
      if (value !== undefined) return value;
    }
    return fallback;
  };
}

function addName<T>(name: string, value: T, exact: Map<string, T>, suffixes: Map<string, T>): void {
  const wildcard = name.startsWith("*.");
  const key = wildcard ? name.slice(1) : name;
  assert(!key.includes("*"), `a wildcard stands for the first labels of a name: ${name}`);
  const table = wildcard ? suffixes : exact;
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
