/**
 * What the configuration does to the fields of replies: on every status, whoever made the reply (a file, an app, an
 * upstream, an error page), and applied at one place, right before the head is encoded. Rules add up from the outside
 * inwards: those of a route come after those of its site, instead of dropping them (nginx's add_header does drop them).
 *
 *   set       the only field of that name; with an empty value there is none
 *   default   as set, unless the reply has one
 *   add       one more; not with an empty value
 *   remove    none of that name
 *   charset   added to a Content-Type that names none, before all others; the last of them counts
 *
 * The heads given by handlers are shared between requests and never changed: the result is another one.
 */
import { wallMs } from "../base/clock.ts";
import { type FieldName, fieldName, Fields } from "../protocol/http/fields.ts";
import { PreparedHead, type ReplyHead } from "../protocol/http/message.ts";
import type { Charset } from "./charset.ts";
import type { Exchange } from "./exchange.ts";
import { evaluate, type Template } from "./template.ts";

export type HeaderRule =
  | { readonly kind: "set" | "default" | "add"; readonly name: string; readonly value: Template }
  | { readonly kind: "remove"; readonly name: string }
  | { readonly kind: "charset"; readonly charset: Charset };

type FieldRule = Exclude<HeaderRule, { readonly kind: "charset" }>;

/** Ready to be applied: what does not depend on the request is worked out. */
interface PreparedRule {
  readonly kind: FieldRule["kind"];
  readonly field: FieldName;
  readonly template: Template | undefined;
  /** The value when it is the same for all. */
  readonly fixed: string | undefined;
}

/** Made by joinRules. */
export interface HeaderRules {
  /** In the order in which they are applied. */
  readonly rules: readonly PreparedRule[];
  readonly charset: Charset | undefined;
  /** Do they do the same to the same head, whoever asks? Then what became of the heads that are sent again and again. */
  readonly fixed: WeakMap<ReplyHead, ReplyHead> | undefined;
  /** In their place where the connection is not secure. */
  readonly insecure?: HeaderRules;
  /** From then on, milliseconds since the epoch, these hold in their place. */
  readonly later?: { readonly fromMs: number; readonly rules: HeaderRules };
}

/** The head that is sent. Costs nothing but a store when no rule is in force. */
export function finishedHead(exchange: Exchange | undefined, head: ReplyHead): ReplyHead {
  if (exchange === undefined) return head;
  exchange.replyHead = head;
  if (exchange.headerRules === undefined) return head;
  const headerRules = inForce(exchange.headerRules, exchange.peer.secure);
  const finished = headerRules.fixed?.get(head) ?? changed(exchange, head, headerRules);
  exchange.replyHead = finished;
  return finished;
}

function inForce(rules: HeaderRules, isSecure: boolean): HeaderRules {
  if (!isSecure && rules.insecure !== undefined) return rules.insecure;
  let held = rules;
  while (held.later !== undefined && wallMs() >= held.later.fromMs) held = held.later.rules;
  return held;
}

function changed(exchange: Exchange, head: ReplyHead, rules: HeaderRules): ReplyHead {
  const { fixed, charset } = rules;
  const type = charset?.ofReply(head);
  if (type === undefined && rules.rules.length === 0) return head;
  const { status, reason, length, prepared, kept } = head;
  const fields = copyOf(head.fields);
  if (type !== undefined) fields.set("Content-Type", type);
  applyRules(rules, fields, exchange);
  if (fixed === undefined || (prepared === undefined && kept === undefined)) return { status, reason, fields, length };
  const finished: ReplyHead = { status, reason, fields, length, prepared: new PreparedHead() };
  fixed.set(head, finished);
  return finished;
}

export type RuleLists = readonly (readonly HeaderRule[] | undefined)[];

/** One list, or undefined when there is nothing to do: so that an exchange without rules costs nothing. */
export function joinRules(...lists: RuleLists): HeaderRules | undefined {
  const joined = lists.flatMap((rules) => rules ?? []);
  if (joined.length === 0) return undefined;
  const rules = joined.flatMap((rule) => (rule.kind === "charset" ? [] : [prepare(rule)]));
  const charset = joined.findLast((rule) => rule.kind === "charset")?.charset;
  const areFixed = rules.every(({ template, fixed }) => template === undefined || fixed !== undefined);
  return { rules, charset, fixed: areFixed ? new WeakMap() : undefined };
}

/** One that holds from a time on, milliseconds since the epoch; undefined: none does. */
export interface TimedRule {
  readonly fromMs: number;
  readonly rule: HeaderRule | undefined;
}

/** `lists` joined; and before them, on secure connections only, one rule at a time. `timed`: in order, the first from the
 *  beginning; at least one. */
export function joinWithSecure(timed: readonly TimedRule[], ...lists: RuleLists): HeaderRules {
  const insecure = joinRules(...lists) ?? NO_RULES;
  const joined = timed.reduceRight<{ fromMs: number; rules: HeaderRules } | undefined>((later, { fromMs, rule }) => {
    const rules = rule === undefined ? insecure : (joinRules([rule], ...lists) ?? NO_RULES);
    return { fromMs, rules: later === undefined ? rules : { ...rules, later } };
  }, undefined);
  return { ...(joined?.rules ?? insecure), insecure };
}

const NO_RULES: HeaderRules = { rules: [], charset: undefined, fixed: new WeakMap() };

function prepare(rule: FieldRule): PreparedRule {
  const template = rule.kind === "remove" ? undefined : rule.value;
  const fixed = template?.constant === undefined ? undefined : fieldValue(template.constant);
  return { kind: rule.kind, field: fieldName(rule.name), template, fixed };
}

/** What a rule list does to `fields`, in place. The values are clean: nothing in them can end a field. */
export function applyRules({ rules }: HeaderRules, fields: Fields, exchange: Exchange): void {
  for (const rule of rules) apply(rule, fields, exchange);
}

function apply(rule: PreparedRule, fields: Fields, exchange: Exchange): void {
  const { kind, field, template } = rule;
  const present = kind === "add" ? false : fields.has(field.lower);
  if (template === undefined) return present ? void fields.remove(field.lower) : undefined;
  if (kind === "default" && present) return;
  const value = rule.fixed ?? fieldValue(evaluate(template, exchange));
  if (value === "") return present ? void fields.remove(field.lower) : undefined;
  if (present) fields.set(field.text, value);
  else fields.add(field, value);
}

// eslint-disable-next-line no-control-regex
const NOT_IN_A_VALUE = /[\x00-\x08\x0a-\x1f\x7f]/g;
// eslint-disable-next-line no-control-regex
const NEEDS_CARE = /[\x00-\x1f\x7f]|^ | $/;

/** A decoded path may hold any byte. What cannot stand in a field value (RFC 9110 section 5.5) is percent-encoded: dropping
 *  the field would let a client take a security header off by adding `%0a` to the path. */
export function fieldValue(value: string): string {
  if (!NEEDS_CARE.test(value)) return value;
  const safe = value.replace(
    NOT_IN_A_VALUE,
    (control) => `%${control.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`,
  );
  return safe.replace(/^[ \t]+|[ \t]+$/g, "");
}

function copyOf(fields: Fields): Fields {
  const copy = new Fields();
  for (let i = 0; i < fields.length; i++) {
    // Both arrays have `length` elements.
    copy.add(fields.names[i] as Fields["names"][number], fields.values[i] as string);
  }
  return copy;
}
