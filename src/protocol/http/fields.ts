/**
 * Header fields (RFC 9110 section 5): order and repetition are kept, values are latin-1 strings (one character per
 * byte), names are interned: one FieldName object per spelling met, with its lower-case and CGI forms worked out once.
 * This file stores; it does not judge. What is valid on the wire is decided in http1/head.ts.
 */

export interface FieldName {
  /** As spelled on the wire. */
  readonly text: string;
  readonly lower: string;
  /** `X-Real-IP: `, as a field line begins. */
  readonly line: string;
  /** `HTTP_X_REAL_IP`; for Content-Type and Content-Length without the prefix (RFC 3875 section 4.1). */
  readonly cgi: string;
  /** True when another spelling (`_` for `-`) maps to the same CGI name, so that it could pass for it. */
  readonly ambiguous: boolean;
}

/** Client spellings are unbounded; the table of the ones kept is not. Real traffic has a few hundred. */
const INTERNED_MAX = 4096;
const interned = new Map<string, FieldName>();

/** The one object for this spelling. The caller has checked that `text` is a token. */
export function fieldName(text: string): FieldName {
  const known = interned.get(text);
  if (known !== undefined) return known;
  const made = makeFieldName(text);
  if (interned.size < INTERNED_MAX) interned.set(made.text, made);
  return made;
}

function makeFieldName(spelling: string): FieldName {
  // A copy: the spelling may be a slice that holds a whole request head in memory.
  const text = Buffer.from(spelling, "latin1").latin1Slice();
  const lower = text.toLowerCase();
  const upper = text.toUpperCase().replaceAll("-", "_");
  const cgi = upper === "CONTENT_TYPE" || upper === "CONTENT_LENGTH" ? upper : `HTTP_${upper}`;
  return { text, lower, line: `${text}: `, cgi, ambiguous: text.includes("_") };
}

export class Fields {
  readonly names: FieldName[] = [];
  readonly values: string[] = [];

  get length(): number {
    return this.names.length;
  }

  add(name: FieldName | string, value: string): this {
    this.names.push(typeof name === "string" ? fieldName(name) : name);
    this.values.push(value);
    return this;
  }

  /** The first value, or undefined. `lower` is the lower-case name. */
  get(lower: string): string | undefined {
    const { names } = this;
    for (let i = 0; i < names.length; i++) if ((names[i] as FieldName).lower === lower) return this.values[i];
    return undefined;
  }

  has(lower: string): boolean {
    return this.get(lower) !== undefined;
  }

  /** Every value of that name, in order. */
  all(lower: string): string[] {
    return this.values.filter((_, i) => (this.names[i] as FieldName).lower === lower);
  }

  /** Replaces every field of that name by this one (at the place of the first, else at the end). */
  set(name: string, value: string): this {
    const wanted = fieldName(name);
    const at = this.names.findIndex((found) => found.lower === wanted.lower);
    if (at === -1) return this.add(wanted, value);
    this.names[at] = wanted;
    this.values[at] = value;
    for (let i = this.names.length - 1; i > at; i--) if (this.names[i]?.lower === wanted.lower) this.removeAt(i);
    return this;
  }

  remove(lower: string): this {
    for (let i = this.names.length - 1; i >= 0; i--) if (this.names[i]?.lower === lower) this.removeAt(i);
    return this;
  }

  private removeAt(index: number): void {
    this.names.splice(index, 1);
    this.values.splice(index, 1);
  }

  copy(): Fields {
    const fields = new Fields();
    fields.names.push(...this.names);
    fields.values.push(...this.values);
    return fields;
  }

  /** `[name, value]` pairs for tests and logs. */
  pairs(): [string, string][] {
    return this.names.map((name, i) => [name.text, this.values[i] as string]);
  }

  static of(pairs: readonly (readonly [string, string])[]): Fields {
    const fields = new Fields();
    for (const [name, value] of pairs) fields.add(name, value);
    return fields;
  }
}
