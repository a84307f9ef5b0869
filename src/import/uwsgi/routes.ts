/** Routes of the site that one uWSGI becomes. */
import { type RouteKey, Settings, type Site, type Value } from "../plan.ts";
import type { Option } from "./option.ts";

/** Of two with one pattern the first stays. */
export function addRoute(site: Site, pattern: string, values: Partial<Record<RouteKey, Value>>, option?: Option): void {
  if (site.routes.some((each) => each.pattern === pattern)) return;
  const settings = new Settings<RouteKey>();
  for (const [key, value] of Object.entries(values)) settings.set(key as RouteKey, value, option?.origin);
  site.routes.push({ pattern, settings, origin: option?.origin });
}
