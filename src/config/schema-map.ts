/** The schema of [map.NAME]. How to read it: schema.ts. */
import { byDefault, required, type Schema } from "./keys.ts";
import { boolean, namedOf, nonEmpty, string } from "./kinds.ts";

export const MAP = {
  source: required(nonEmpty('a string with variables such as "$host"'), "What is looked up. nginx: map source."),
  hostnames: byDefault(
    boolean,
    false,
    'Keys are host names: `"example.org"`, `"*.example.org"`, `".example.org"` for both, `"www.example.*"`. nginx: map hostnames.',
  ),
  default: byDefault(string(), "", "The value when no key fits. nginx: map default.", "empty"),
  values: required(
    namedOf(string(), 'a table of "key" = "value"', (key) => (key === "" ? undefined : refuseKey(key))),
    'Keys and values: `"text"` compares the whole string and ignores case, `"~ regex"` and `"~* regex"` are expressions as in ' +
      "routes. The text first, then the first expression that fits; values may use variables and the captures of their " +
      "own expression. nginx: map, its block.",
  ),
} satisfies Schema;

/** nginx's words inside the block are keys of their own here. */
function refuseKey(key: string): string | undefined {
  if (key === "volatile" || key === "include")
    return `should be written without nginx's ${key}, which is not known here`;
  return undefined;
}
