/** `try` and `otherwise` of a route → what its directory of files does before it gives up. */
import { AS_ASKED } from "../files/try.ts";
import type { FallbackConfig, RouteTarget } from "./config.ts";
import type { Section } from "./keys.ts";
import type { RouteSection } from "./routes.ts";
import type { TARGET } from "./schema-site.ts";

type Otherwise = FallbackConfig["otherwise"];

const NOT_FOUND: Otherwise = { kind: "status", status: 404 };

/** `resolve` gives undefined after reporting what is wrong. */
export function resolveFallback(
  { place, values }: RouteSection,
  target: RouteTarget | undefined,
  resolve: (section: Section<typeof TARGET>) => RouteTarget | undefined,
): FallbackConfig | undefined {
  if (values.try === undefined && values.otherwise === undefined) return undefined;
  if (target?.kind === "files" && target.single) {
    const key = values.try === undefined ? "otherwise" : "try";
    return void place.into(key).wrongKey({ what: "has no meaning here", should: "belongs to a directory" });
  }
  const candidates = values.try?.map((candidate) => candidate.value) ?? AS_ASKED;
  const otherwise = resolveOtherwise(values.otherwise, resolve);
  return otherwise === undefined ? undefined : { candidates, otherwise };
}

function resolveOtherwise(
  written: RouteSection["values"]["otherwise"],
  resolve: (section: Section<typeof TARGET>) => RouteTarget | undefined,
): Otherwise | undefined {
  if (written === undefined) return NOT_FOUND;
  if (typeof written === "number") return { kind: "status", status: written };
  if (typeof written === "string") return { kind: "path", path: written };
  const target = resolve(written);
  return target === undefined ? undefined : { kind: "target", target };
}
