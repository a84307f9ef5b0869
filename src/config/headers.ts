/** `headers` as it was written → what is done to the fields of replies, in order. */
import type { Phase, Scope } from "../exchange/scope.ts";
import type { HeaderRuleConfig } from "./config.ts";
import type { Section } from "./keys.ts";
import type { Place } from "./place.ts";
import type { HEADERS } from "./schema-headers.ts";
import { readTemplate } from "./templates.ts";

/** Undefined when nothing is written. `phase`: when the values will be needed. Within one `headers`, what is removed is removed first. */
export function resolveHeaders(
  section: Section<typeof HEADERS> | undefined,
  scope: Scope,
  phase: Phase = "reply",
): readonly HeaderRuleConfig[] | undefined {
  if (section === undefined) return undefined;
  const { values } = section;
  refuseTwice(section);
  const removed = values.remove.map(({ value }): HeaderRuleConfig => ({ kind: "remove", name: value }));
  const rule = (kind: "set" | "default" | "add", place: Place, name: string, value: string): HeaderRuleConfig[] =>
    readTemplate(place, value, scope, phase) === undefined ? [] : [{ kind, name, value }];
  return [
    ...removed,
    ...values.set.flatMap(({ place, name, value }) => rule("set", place, name, value)),
    ...values.default.flatMap(({ place, name, value }) => rule("default", place, name, value)),
    ...values.add.flatMap(({ name, value }) => value.flatMap((each) => rule("add", each.place, name, each.value))),
  ];
}

/** A field that is both removed and set, or set in two spellings, is a mistake whatever would win. */
function refuseTwice({ values }: Section<typeof HEADERS>): void {
  const seen = new Map<string, Place>();
  const claims = [
    ...values.remove.map(({ place, value }) => ({ place, name: value })),
    ...values.set,
    ...values.default,
  ];
  for (const { place, name } of claims) {
    const before = seen.get(name.toLowerCase());
    if (before === undefined) seen.set(name.toLowerCase(), place);
    else place.wrongKey({ what: `names ${name} again; the first is on ${before.line}` });
  }
}
