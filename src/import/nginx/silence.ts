/** What is never reached there: it has no effect, nor has anything in it. */
import type { Directive } from "./parser.ts";
import type { Translation } from "./translation.ts";

export function silence(t: Translation, directives: readonly Directive[], why: string): void {
  for (const directive of directives) {
    t.ledger.noEffect(directive, why);
    silence(t, directive.block ?? [], why);
  }
}
