/** [map.NAME] as it was written → the maps as they are looked up, and the scope in which all other strings stand. */
import { groupsOf, unusableNames } from "../exchange/captures.ts";
import { compileMaps, type MapPart, mapRegex, type MapRefusal } from "../exchange/map.ts";
import type { Scope } from "../exchange/scope.ts";
import { BUILT_IN } from "../exchange/variables.ts";
import type { MapConfig } from "./config.ts";
import type { Section } from "./keys.ts";
import type { Placed } from "./kinds.ts";
import type { Place } from "./place.ts";
import type { MAP } from "./schema-map.ts";
import { reportTemplate } from "./templates.ts";

type MapSection = Placed<Section<typeof MAP>> & { readonly name: string };

export interface ResolvedMaps {
  readonly configs: readonly MapConfig[];
  readonly scope: Scope;
}

export function resolveMaps(sections: readonly MapSection[]): ResolvedMaps {
  const named = sections.filter(({ place, name }) => isFree(place, name));
  const configs = named.map(resolveMap);
  const places = new Map(named.map(({ name, place }) => [name, place]));
  const found: Parameters<MapRefusal>[] = [];
  const scope = compileMaps(configs, BUILT_IN, (...refused) => void found.push(refused));
  for (const [map, part, problem] of found) {
    const place = places.get(map);
    if (place !== undefined) reportTemplate(placeOf(place, part), problem, scope);
  }
  return { configs, scope };
}

function placeOf(place: Place, part: MapPart): Place {
  switch (part.kind) {
    case "source":
      return place.into("source");
    case "fallback":
      return place.into("default");
    case "entry":
      return place.into("values").into(part.key);
  }
}

/** A variable that has a meaning already keeps it. */
function isFree(place: Place, name: string): boolean {
  if (BUILT_IN.find(name) === undefined) return true;
  place.wrongKey({ what: `is named like the variable $${name}`, should: "should have a name of its own" });
  return false;
}

function resolveMap({ name, value }: MapSection): MapConfig {
  const { values } = value;
  const entries = (values.values ?? []).flatMap((entry) => {
    if (!isKey(entry.place, entry.name, values.hostnames)) return [];
    return [{ key: entry.name, value: entry.value }];
  });
  return { name, source: values.source ?? "", hostnames: values.hostnames, fallback: values.default, entries };
}

const HOST_KEY = /^(?:\*\.|\.)?[^*\s]+$|^[^*\s]+\.\*$/;

function isKey(place: Place, key: string, hostnames: boolean): boolean {
  if (key.startsWith("~")) return isRegex(place, key);
  if (!hostnames || HOST_KEY.test(key)) return true;
  place.wrongKey({ what: "is no host name", should: 'should be "example.org", "*.example.org" or "www.example.*"' });
  return false;
}

function isRegex(place: Place, key: string): boolean {
  try {
    const [bad] = unusableNames(groupsOf(mapRegex(key)));
    if (bad === undefined) return true;
    place.wrongKey({ what: `has a group ${bad}`, should: "should have groups named in letters, digits and _" });
  } catch (error) {
    const what = `is not a regular expression: ${(error as Error).message.replace(/^Invalid regular expression: /, "")}`;
    place.wrongKey({ what, should: "should be one as JavaScript writes them" });
  }
  return false;
}
