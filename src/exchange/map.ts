/**
 * [map.NAME]: a variable whose value is looked up by the value of another string, as nginx's `map`. Order: the exact
 * string (whatever its case), with `hostnames` the longest `*.suffix` and the longest `prefix.*`, the first regular
 * expression, the default. Looked up when first asked for, once in a request.
 *
 * Values are templates, with the captures of their own expression. Maps may use each other, but not in a circle.
 */
import { groupScope } from "./captures.ts";
import type { Exchange } from "./exchange.ts";
import { NameTable } from "./name-table.ts";
import { isLater, nested, type Phase, type Scope, type Variable, type VariableForm } from "./scope.ts";
import { compileTemplate, evaluate, type Template, TemplateProblem } from "./template.ts";

export interface MapSpec {
  /** Of the variable, without `$`. */
  readonly name: string;
  readonly source: string;
  readonly hostnames: boolean;
  readonly fallback: string;
  /** `text`, `*.suffix`, `prefix.*`, `~regex`, `~*regex` → value; in order. */
  readonly entries: readonly MapEntry[];
}

export interface MapEntry {
  readonly key: string;
  readonly value: string;
}

/** Where in a map a mistake is: the key of an entry, or one of the others. */
export type MapPart = { readonly kind: "source" | "fallback" } | { readonly kind: "entry"; readonly key: string };

export type MapRefusal = (map: string, part: MapPart, problem: TemplateProblem) => void;

/** What a map gave for one request. */
export interface MapResult {
  readonly template: Template;
  readonly captures: RegExpExecArray | null;
  text: string | undefined;
}

interface Pattern {
  readonly regex: RegExp;
  readonly template: Template;
}

/** The maps' variables beside the outer ones. A map with a mistake is "" and was told to `refuse`. Regular expressions
 *  are valid: the configuration has checked them. */
export function compileMaps(specs: readonly MapSpec[], outer: Scope, refuse: MapRefusal): Scope {
  const compiler = new Compiler(specs, outer, refuse);
  for (const { name } of specs) compiler.find(name);
  return nested(compiler, outer);
}

/** `~*` ignores case; `.` is any byte, as in routes. */
export function mapRegex(key: string): RegExp {
  const ignoreCase = key.startsWith("~*");
  return new RegExp(asBytes(key.slice(ignoreCase ? 2 : 1).trimStart()), ignoreCase ? "is" : "s");
}

const EMPTY_TEMPLATE: Template = { source: "", parts: [], constant: "", phase: "request" };
const NOTHING: Variable = { phase: "request", form: "own", read: () => "" };

class Compiler implements Scope {
  private readonly specs: ReadonlyMap<string, MapSpec>;
  private readonly scope: Scope;
  private readonly refuse: MapRefusal;
  private readonly made = new Map<string, Variable>();
  /** Maps that are being compiled, each because the one before uses it, and the part of the last that is looked at. */
  private readonly open: string[] = [];
  private part: MapPart = { kind: "source" };
  private count = 0;

  constructor(specs: readonly MapSpec[], outer: Scope, refuse: MapRefusal) {
    this.specs = new Map(specs.map((spec) => [spec.name, spec]));
    this.scope = nested(this, outer);
    this.refuse = refuse;
  }

  names(): readonly string[] {
    return [...this.specs.keys()];
  }

  find(name: string): Variable | undefined {
    const spec = this.specs.get(name);
    if (spec === undefined) return undefined;
    const made = this.made.get(name);
    if (made !== undefined) return made;
    if (this.open.includes(name)) return this.circle(name);
    const { part } = this;
    this.open.push(name);
    const variable = this.compile(spec);
    this.open.pop();
    this.part = part;
    this.made.set(name, variable);
    return variable;
  }

  private circle(name: string): Variable {
    const way = [...this.open.slice(this.open.indexOf(name)), name].map((each) => `$${each}`).join(" → ");
    // `open` holds at least `name`.
    this.refuse(this.open.at(-1) as string, this.part, new TemplateProblem(`leads back to itself: ${way}`));
    return NOTHING;
  }

  private compile(spec: MapSpec): Variable {
    const index = this.count++;
    const source = this.template(spec, { kind: "source" }, spec.source, this.scope);
    const form = captureForm(source);
    const table = new NameTable<Template>();
    const exact = new Map<string, Template>();
    const patterns: Pattern[] = [];
    const used = [source];
    for (const { key, value } of spec.entries) {
      const part: MapPart = { kind: "entry", key };
      const regex = key.startsWith("~") ? mapRegex(key) : undefined;
      const captured = (exchange: Exchange) => exchange.mapResults?.[index]?.captures;
      const scope = regex === undefined ? this.scope : nested(groupScope(regex, captured, form), this.scope);
      const template = this.template(spec, part, value, scope);
      used.push(template);
      if (regex !== undefined) patterns.push({ regex, template });
      else if (spec.hostnames) table.add(key.toLowerCase(), template);
      else exact.set(asBytes(key).toLowerCase(), template);
    }
    const fallback = this.template(spec, { kind: "fallback" }, spec.fallback, this.scope);
    used.push(fallback);
    const find = (value: string) =>
      spec.hostnames ? table.find(value.replace(/\.$/, "").toLowerCase()) : exact.get(value.toLowerCase());
    return variableOf(index, source, { find, patterns, fallback }, latest(used));
  }

  private template(spec: MapSpec, part: MapPart, text: string, scope: Scope): Template {
    this.part = part;
    const template = compileTemplate(text, scope, "log");
    if (!(template instanceof TemplateProblem)) return template;
    this.refuse(spec.name, part, template);
    return EMPTY_TEMPLATE;
  }
}

interface Lookup {
  readonly find: (value: string) => Template | undefined;
  readonly patterns: readonly Pattern[];
  readonly fallback: Template;
}

function variableOf(index: number, source: Template, lookup: Lookup, phase: Phase): Variable {
  const resultOf = (exchange: Exchange): MapResult => {
    const results = (exchange.mapResults ??= []);
    return (results[index] ??= look(lookup, evaluate(source, exchange)));
  };
  const read = (exchange: Exchange) => {
    const result = resultOf(exchange);
    return (result.text ??= evaluate(result.template, exchange));
  };
  return { phase, form: "own", read, chosen: (exchange) => resultOf(exchange).template };
}

function look({ find, patterns, fallback }: Lookup, value: string): MapResult {
  const found = find(value);
  if (found !== undefined) return { template: found, captures: null, text: undefined };
  for (const { regex, template } of patterns) {
    const captures = regex.exec(value);
    if (captures !== null) return { template, captures, text: undefined };
  }
  return { template: fallback, captures: null, text: undefined };
}

/** What a part of the source is, when it is put into a URL. */
function captureForm(source: Template): VariableForm {
  const decoded = source.parts.some(
    (part) => typeof part !== "string" && (part.form === "path" || part.form === "decoded"),
  );
  return decoded ? "decoded" : "raw";
}

function latest(templates: readonly Template[]): Phase {
  let phase: Phase = "request";
  for (const template of templates) if (isLater(template.phase, phase)) phase = template.phase;
  return phase;
}

function asBytes(text: string): string {
  return Buffer.from(text, "utf8").latin1Slice();
}
