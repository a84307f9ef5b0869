/**
 * What a configuration changes in the one that is in force, for people; and what of it cannot be changed while the server
 * runs. Pure.
 */
import type { Config, ServerConfig } from "../config/config.ts";

export interface Change {
  /** `site`, `app`, `listener`, … */
  readonly what: string;
  readonly name: string;
  readonly how: "added" | "removed" | "changed";
}

/** Settings of [server] that hold until a restart, as the file and as the configuration name them. */
const FIXED = [
  ["fronts", "fronts"],
  ["user", "user"],
  ["umask", "umask"],
  ["no_new_privileges", "noNewPrivileges"],
  ["control", "control"],
  ["state_directory", "stateDirectory"],
  ["pid_file", "pidFile"],
  ["error_log_format", "errorLogFormat"],
] as const satisfies readonly (readonly [string, keyof ServerConfig])[];

/** Of what a successor of the same process cannot change either. */
const UNTIL: Readonly<Partial<Record<keyof ServerConfig, string>>> = {
  user: "it is stopped and started by root",
  noNewPrivileges: "it is stopped and started",
};

export interface Feasible {
  readonly config: Config;
  /** What it says and what holds instead: `fronts is 4, and stays 2 until a restart`. */
  readonly unchanged: readonly string[];
}

/** What of `next` can be in force without a restart. */
export function feasible(next: Config, now: Config): Feasible {
  const fixed = FIXED.filter(([, key]) => JSON.stringify(next.server[key]) !== JSON.stringify(now.server[key]));
  const unchanged = fixed.map(
    ([name, key]) =>
      `server.${name} is ${shown(next.server[key])}, and stays ${shown(now.server[key])} until ${UNTIL[key] ?? "a restart"}`,
  );
  const old = Object.fromEntries(FIXED.map(([, key]) => [key, now.server[key]]));
  return { config: { ...next, server: { ...next.server, ...old } }, unchanged };
}

/** `site www.example.org changed`, one after the other. */
export function changesText(changes: readonly Change[]): string {
  if (changes.length === 0) return "nothing in it has changed";
  return changes.map(({ what, name, how }) => `${what} ${name} ${how}`).join(", ");
}

/** Of what is more than a name, that. */
function shown(value: unknown): string {
  if (typeof value === "object" && value !== null && "uid" in value) return "name" in value ? shown(value.name) : "";
  return value === undefined ? "not set" : JSON.stringify(value);
}

type Named = Readonly<Record<string, unknown>>;

export function changesBetween(now: Config, next: Config): Change[] {
  const kinds: readonly (readonly [string, Named, Named])[] = [
    ["server", { settings: now.server }, { settings: next.server }],
    ["app", byName(now.apps), byName(next.apps)],
    ["upstream", byName(now.upstreams), byName(next.upstreams)],
    ["service", byName(now.services), byName(next.services)],
    ["cron", byName(now.crons), byName(next.crons)],
    ["map", byName(now.maps), byName(next.maps)],
    ["limit", byName(now.rateLimits), byName(next.rateLimits)],
    ["site", sitesOf(now), sitesOf(next)],
  ];
  return kinds.flatMap(([what, before, after]) => compare(what, before, after));
}

function compare(what: string, before: Named, after: Named): Change[] {
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...names].flatMap((name): Change[] => {
    const [was, is] = [before[name], after[name]];
    if (was === undefined) return [{ what, name, how: "added" }];
    if (is === undefined) return [{ what, name, how: "removed" }];
    return JSON.stringify(was) === JSON.stringify(is) ? [] : [{ what, name, how: "changed" }];
  });
}

function byName(all: readonly { readonly name: string }[]): Named {
  return Object.fromEntries(all.map((each) => [each.name, each]));
}

/** Two sites of one label are told apart by where they listen. */
function sitesOf({ sites }: Config): Named {
  const found: Record<string, unknown> = {};
  for (const site of sites) {
    let name = site.label;
    for (let nth = 2; name in found; nth++) name = `${site.label} (${nth})`;
    found[name] = site;
  }
  return found;
}
