/**
 * What the imported files come to, in the words of server.toml: tables of settings, each with the place it came from and,
 * where it needs one, a comment. Both translators fill one plan; write.ts prints it.
 * Keys are those of the schema, so that a renamed key is an error here; values are checked by the loader of
 * configurations, which reads what was written.
 */
import type { ROOT, SERVER } from "../config/schema.ts";
import type { APP } from "../config/schema-app.ts";
import type { LIMIT } from "../config/schema-guards.ts";
import type { MAP } from "../config/schema-map.ts";
import type { CRON, SERVICE } from "../config/schema-services.ts";
import type { ROUTE, SITE } from "../config/schema-site.ts";
import type { UPSTREAM } from "../config/schema-upstream.ts";
import type { Origin } from "./source.ts";

export type Value = string | number | boolean | readonly Value[] | { readonly [key: string]: Value };

export interface Setting<K extends string = string> {
  readonly key: K;
  readonly value: Value;
  readonly origin: Origin | undefined;
  /** Stands above it. */
  readonly comment: string | undefined;
}

/** A table: its settings in the order in which they were first set. */
export class Settings<K extends string = string> {
  private readonly byKey = new Map<K, Setting<K>>();
  /** Stands above the table. */
  comment: string | undefined;
  /** Of an upstream: the lines that say how it is passed to, whatever became of them; of a site: those about its address. */
  readonly sources = new Set<Origin>();

  /** A second value of a key takes the place of the first. */
  set(key: K, value: Value, origin?: Origin, comment?: string): void {
    this.byKey.set(key, { key, value, origin, comment });
  }

  get(key: K): Value | undefined {
    return this.byKey.get(key)?.value;
  }

  has(key: K): boolean {
    return this.byKey.has(key);
  }

  /** Another key and value at the same place. */
  replace(old: K, key: K, value: Value): void {
    const settings = this.all;
    this.byKey.clear();
    for (const setting of settings) {
      const kept = setting.key === old ? { ...setting, key, value } : setting;
      this.byKey.set(kept.key, kept);
    }
  }

  delete(key: K): void {
    this.byKey.delete(key);
  }

  /** One more line above a setting that is there. */
  remark(key: K, comment: string): void {
    const setting = this.byKey.get(key);
    if (setting === undefined) return;
    const both = setting.comment === undefined ? comment : `${setting.comment}\n${comment}`;
    this.byKey.set(key, { ...setting, comment: both });
  }

  get all(): readonly Setting<K>[] {
    return [...this.byKey.values()];
  }

  get isEmpty(): boolean {
    return this.byKey.size === 0;
  }
}

export type ServerKey = keyof typeof SERVER;
export type AppKey = keyof typeof APP;
export type UpstreamKey = keyof typeof UPSTREAM;
export type ServiceKey = keyof typeof SERVICE;
export type CronKey = keyof typeof CRON;
export type MapKey = keyof typeof MAP;
export type LimitKey = keyof typeof LIMIT;
export type SiteKey = Exclude<keyof typeof SITE, "routes">;
export type RouteKey = keyof typeof ROUTE;

export interface Route {
  /** `"/static/"`, `"= /x"`, `"~ regex"` */
  readonly pattern: string;
  readonly settings: Settings<RouteKey>;
  readonly origin: Origin | undefined;
}

export interface Site {
  readonly settings: Settings<SiteKey>;
  /** Regular expressions in the order in which they are tried. */
  readonly routes: Route[];
  readonly origin: Origin | undefined;
}

export interface Plan {
  /** Lines at the head of the file. */
  readonly head: string[];
  readonly server: Settings<ServerKey>;
  readonly apps: Map<string, Settings<AppKey>>;
  readonly services: Map<string, Settings<ServiceKey>>;
  readonly crons: Map<string, Settings<CronKey>>;
  readonly upstreams: Map<string, Settings<UpstreamKey>>;
  readonly maps: Map<string, Settings<MapKey>>;
  readonly limits: Map<string, Settings<LimitKey>>;
  readonly sites: Site[];
}

/** The tables of the root that have a name each, and where the plan keeps them. */
export const NAMED_TABLES = {
  app: "apps",
  service: "services",
  cron: "crons",
  upstream: "upstreams",
  map: "maps",
  limit: "limits",
} as const satisfies { readonly [K in keyof typeof ROOT]?: keyof Plan };

export function emptyPlan(): Plan {
  return {
    head: [],
    server: new Settings(),
    apps: new Map(),
    services: new Map(),
    crons: new Map(),
    upstreams: new Map(),
    maps: new Map(),
    limits: new Map(),
    sites: [],
  };
}

/** A name that is not taken: `mysite`, `mysite2`, … */
export function freeName(wanted: string, taken: { has(name: string): boolean }): string {
  // What a name may be of is schema.ts's NAME.
  const base =
    wanted
      .replace(/[^A-Za-z0-9_.-]+/g, "_")
      .replace(/^[^A-Za-z0-9]+/, "")
      .slice(0, 60) || "main";
  if (!taken.has(base)) return base;
  for (let number = 2; ; number++) if (!taken.has(`${base}${number}`)) return `${base}${number}`;
}
