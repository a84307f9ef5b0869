/** `set` and `map` → what stands for variables in strings: values that are put in, and [map.NAME]. */
import { type MapKey, Settings, type Value } from "../plan.ts";
import type { Block } from "./block.ts";
import type { Ledger } from "./ledger.ts";
import type { Directive } from "./parser.ts";
import { convertRegex } from "../regex.ts";
import { type States, subjectOf } from "./states.ts";
import { stringOf, type Translation } from "./translation.ts";

export interface ServerVariables {
  /** Those that have one value in a server, by name. */
  readonly constants: ReadonlyMap<string, string>;
  /** Those that are set twice, or under a condition: what they are is followed from one `set` to the next (states.ts). */
  readonly states: States;
}

export function variablesOf(server: Block, ledger: Ledger): ServerVariables {
  const values = new Map<string, string | undefined>();
  const lines = new Map<string, Directive[]>();
  const visit = (directives: readonly Directive[], isConditional: boolean) => {
    for (const directive of directives) {
      if (directive.name === "set" || directive.name === "auth_request_set") {
        const name = subjectOf(directive.args[0]?.text ?? "");
        const value = valueOf(directive);
        if (value === undefined) {
          ledger.lost(directive, "only fields of the reply are known beyond it; let it say there what is needed");
          continue;
        }
        const isNew = !values.has(name) || values.get(name) === value;
        values.set(name, isConditional || !isNew ? undefined : value);
        lines.set(name, [...(lines.get(name) ?? []), directive]);
      } else if (directive.block !== undefined) visit(directive.block, isConditional || directive.name === "if");
    }
  };
  visit(server.directives, false);
  const constants = [...values].filter((entry): entry is [string, string] => entry[1] !== undefined);
  for (const [name] of constants)
    for (const line of lines.get(name) ?? []) ledger.translated(line, "put in where it is used");
  const varying = [...values.keys()].filter((name) => values.get(name) === undefined);
  return {
    constants: new Map(constants),
    states: new Map(varying.map((name) => [name, [{ when: [], value: "" }]])),
  };
}

/** Of the reply to auth_request fields have names of their own here. Undefined: of something else of it. */
function valueOf({ name, args }: Directive): string | undefined {
  const value = args[1]?.text ?? "";
  if (name === "set") return value;
  const field = /^\$\{?(?:upstream|sent)_http_(\w+)\}?$/.exec(value)?.[1];
  return field === undefined ? undefined : `$auth_http_${field}`;
}

/** `map $source $name { … }`; it is written only where another string uses it (translate.ts). */
export function translateMap(t: Translation, directive: Directive): void {
  const [source, name = ""] = directive.args.map(({ text }) => text);
  const text = stringOf(t, directive, source ?? "");
  if (text === undefined) return;
  const settings = new Settings<MapKey>();
  settings.set("source", text, directive.origin);
  const values: Record<string, Value> = {};
  for (const entry of directive.block ?? []) {
    const value = stringOf(t, directive, entry.args[0]?.text ?? "", groupsIn(entry.name));
    if (value === undefined) return;
    if (entry.name === "hostnames") settings.set("hostnames", true, entry.origin);
    else if (entry.name === "default") settings.set("default", value, entry.origin);
    else if (entry.name === "volatile") continue;
    else if (entry.name === "include") t.ledger.lost(entry, "write the lines of this file into the map");
    else {
      const key = keyOf(t, directive, entry.name);
      if (key !== undefined) values[key] = value;
    }
  }
  settings.set("values", values, directive.origin);
  t.plan.maps.set(name.replace(/^\$\{?|\}$/g, ""), settings);
  t.ledger.translated(directive, `[map.${name.replace(/^\$/, "")}]`);
}

function groupsIn(key: string): string[] {
  const regex = key.startsWith("~") ? convertRegex(key.replace(/^~\*?/, ""), false) : { problem: "" };
  return "problem" in regex ? [] : [...regex.captures];
}

function keyOf(t: Translation, directive: Directive, written: string): string | undefined {
  if (!written.startsWith("~")) return written.replace(/^\\/, "");
  const isLoose = written.startsWith("~*");
  const regex = convertRegex(written.slice(isLoose ? 2 : 1), isLoose);
  if ("problem" in regex) return void t.ledger.lost(directive, `${written} cannot be carried over: ${regex.problem}`);
  return `${regex.ignoreCase ? "~*" : "~"} ${regex.source}`;
}
