/** What a route or a rule answers by itself, as it was written → as it is answered. Undefined after reporting what is wrong. */
import type { Scope } from "../exchange/scope.ts";
import type { AnswerTarget } from "./rule-config.ts";
import { numberChoice } from "./kinds.ts";
import type { Values } from "./keys.ts";
import type { Place } from "./place.ts";
import { readRedirect } from "./redirects.ts";
import { type ANSWERS, DEFAULT_REDIRECT_STATUS, DEFAULT_RESPOND_STATUS } from "./schema-answers.ts";
import { readTemplate } from "./templates.ts";

type Answers = Values<typeof ANSWERS>;

const REDIRECT_STATUSES = numberChoice([301, 302, 303, 307, 308]);

/** RFC 9110 section 15: these have no content. */
const WITHOUT_CONTENT = new Set([204, 205, 304]);

export function resolveAnswer(
  kind: AnswerTarget["kind"],
  place: Place,
  values: Answers,
  scope: Scope,
): AnswerTarget | undefined {
  switch (kind) {
    case "redirect":
      return resolveRedirect(place, values, scope);
    case "respond":
      return resolveRespond(place, values, scope);
    case "error":
      return values.error === undefined ? undefined : { kind: "error", status: values.error };
  }
}

/** `status` belongs to two of them. */
export function refuseStatus(place: Place, kind: string): void {
  if (!place.has("status") || kind === "redirect" || kind === "respond") return;
  place.into("status").wrongKey({ what: "has no meaning here", should: "belongs to redirect and respond" });
}

function resolveRedirect(place: Place, values: Answers, scope: Scope): AnswerTarget | undefined {
  if (values.redirect === undefined) return undefined;
  const status = values.status === undefined ? DEFAULT_REDIRECT_STATUS : REDIRECT_STATUSES.read(place.into("status"));
  const to = readRedirect(place.into("redirect"), values.redirect, scope);
  return status === undefined || to === undefined ? undefined : { kind: "redirect", to, status };
}

function resolveRespond(place: Place, values: Answers, scope: Scope): AnswerTarget | undefined {
  if (values.respond === undefined) return undefined;
  if (readTemplate(place.into("respond"), values.respond, scope) === undefined) return undefined;
  const status = values.status ?? DEFAULT_RESPOND_STATUS;
  if (WITHOUT_CONTENT.has(status) && values.respond !== "") {
    return void place.into("respond").unfit(`"", since a reply with status ${status} has no content`);
  }
  return { kind: "respond", status, body: values.respond, contentType: values.type };
}
