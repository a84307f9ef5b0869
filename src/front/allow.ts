/** What a route allows, for the methods that none serves (assemble.ts). */
import type { RouteConfig } from "../config/config.ts";
import { ALLOW_ANY } from "../exchange/allow.ts";
import { ALLOW_OF_FILES } from "../files/methods.ts";
import type { Fields } from "../protocol/http/fields.ts";

/** Of a route that only this server reaches nothing is told. What is none of the files may be another target's, which takes more. */
export function allowOf({ target, fallback, internal }: RouteConfig): Fields {
  if (internal || target.kind !== "files") return ALLOW_ANY;
  return fallback === undefined || fallback.otherwise.kind === "status" ? ALLOW_OF_FILES : ALLOW_ANY;
}
