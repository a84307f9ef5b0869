/**
 * `redirect` as it was written: where it may lead. A URL or a path, whose beginning no client chooses: what a client
 * sends may follow a host, but not be one (location-template.ts keeps that at run time).
 */
import type { Scope } from "../exchange/scope.ts";
import type { Template } from "../exchange/template.ts";
import type { Place } from "./place.ts";
import { readTemplate } from "./templates.ts";

const EXPECTED = '"https://host/path" or "/path", in which variables may stand';

/** The text if it may stand; undefined after reporting what is wrong with it. */
export function readRedirect(place: Place, written: string, scope: Scope): string | undefined {
  const template = readTemplate(place, written, scope);
  if (template === undefined) return undefined;
  const should = refusal(template);
  if (should === undefined) return written;
  return void place.unfit(should);
}

function refusal(template: Template): string | undefined {
  const texts = template.parts.filter((part) => typeof part === "string");
  if (!texts.every((text) => /^[!#-;=?-[\]_a-z~]+$/.test(text))) return "percent-encoded ASCII without blanks";
  if (/^\/?\$\{?(?:request_uri|uri|document_uri)\}?$/.test(template.source))
    return "somewhere else: this repeats the request";
  return beginsWell(template) ? undefined : EXPECTED;
}

/** What is captured gets the slash that it may lack (location-template.ts). */
const OF_PATHS: ReadonlySet<string> = new Set(["target", "path", "decoded"]);

function beginsWell({ parts, source }: Template): boolean {
  const [first, second] = parts;
  if (first === undefined) return false;
  if (typeof first === "string") return first.startsWith("/") || isUrl(first, second !== undefined);
  if (first.chosen !== undefined || OF_PATHS.has(first.form) || /^\$\{?\d/.test(source)) return true;
  return first.form === "own" && typeof second === "string" && isUrl(`http${second}`, parts.length > 2);
}

/** `goesOn`: a variable follows, which may be the host. */
function isUrl(text: string, goesOn: boolean): boolean {
  return /^https?:\/\/[^/?#]/.test(text) || (goesOn && /^https?:\/\/$/.test(text));
}
