/** What a rule, and some routes, answer by themselves: the part of the configuration that config.ts has no room for. */

import type { AfterRewrite } from "../exchange/rules.ts";

/** What this server answers by itself. `to` and `body` are templates. */
export type AnswerTarget =
  | { readonly kind: "redirect"; readonly to: string; readonly status: number }
  | { readonly kind: "respond"; readonly status: number; readonly body: string; readonly contentType: string }
  | { readonly kind: "error"; readonly status: number };

/** What is decided before a route, or its target, is asked. */
export interface RuleConfig {
  /** Conditions (exchange/condition.ts), all of which have to hold. */
  readonly when: readonly string[];
  readonly match: { readonly source: string; readonly ignoreCase: boolean } | undefined;
  /** `to` of a rewrite is a template of path and query. */
  readonly action: AnswerTarget | { readonly kind: "rewrite"; readonly to: string; readonly taker: AfterRewrite };
}
