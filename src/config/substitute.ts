/**
 * Environment variables in the strings of a configuration: `$ENV{NAME}`, and `$ENV{NAME:-default}` for one that may be
 * unset or empty (as in a shell). `$$ENV{` stands for a literal `$ENV{`. Values only, never keys, after TOML was read:
 * so a variable can hold any character and never becomes syntax, and what it holds is not substituted again.
 */
import { nearest } from "./nearest.ts";
import { isTable, type Place, UNRESOLVED } from "./place.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

const REFERENCE = /(\$?)\$ENV\{([^}]*)(\}?)/g;
const BODY = /^([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?$/s;

/** A copy of the value at `place` with every string filled in; what cannot be is reported and UNRESOLVED. */
export function substitute(place: Place, environment: Environment): unknown {
  const { value } = place;
  if (typeof value === "string") return fill(value, place, environment);
  if (Array.isArray(value)) return value.map((_, index) => substitute(place.into(index), environment));
  if (!isTable(value)) return value;
  return Object.fromEntries(Object.keys(value).map((key) => [key, substitute(place.into(key), environment)]));
}

function fill(text: string, place: Place, environment: Environment): string | typeof UNRESOLVED {
  let failed = false;
  const filled = text.replace(REFERENCE, (whole: string, escape: string, body: string, close: string) => {
    if (escape !== "") return whole.slice(1);
    const value = close === "" ? undefined : lookUp(body, place, environment);
    if (close === "")
      place.wrong({ what: "has $ENV{ without a }", should: "should be $ENV{NAME} or $ENV{NAME:-default}" });
    failed ||= value === undefined;
    return value ?? "";
  });
  return failed ? UNRESOLVED : filled;
}

function lookUp(body: string, place: Place, environment: Environment): string | undefined {
  const [, name, fallback] = BODY.exec(body) ?? [];
  if (name === undefined) {
    place.wrong({ what: `has $ENV{${body}}`, should: "should be $ENV{NAME} or $ENV{NAME:-default}" });
    return undefined;
  }
  const value = Object.hasOwn(environment, name) ? environment[name] : undefined;
  if (fallback !== undefined && (value === undefined || value === "")) return fallback;
  if (value === undefined) {
    const should = `should be a variable that is set, or $ENV{${name}:-default}`;
    place.wrong({
      what: `needs the environment variable ${name}, which is not set`,
      should,
      suggestion: nearestSet(name, environment),
    });
  }
  return value;
}

function nearestSet(name: string, environment: Environment): string | undefined {
  return nearest(name, Object.keys(environment));
}
