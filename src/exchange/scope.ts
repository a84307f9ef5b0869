/** What a variable is, and where names of variables are looked up. The built-in ones: variables.ts. */
import type { Exchange } from "./exchange.ts";
import type { Template } from "./template.ts";

/**
 * From when on a variable has its value: from the request's head, from the reply's head, or when all is over. A
 * template may use only what is known by the time it is needed.
 */
export const PHASES = ["request", "reply", "log"] as const;
export type Phase = (typeof PHASES)[number];

/**
 * What a value may hold, for those who put it in a URL (location-template.ts):
 *
 *   own      ours, the administrator's, or checked to be a host, a number or a scheme
 *   target   begins with `/`, percent-encoded: $request_uri
 *   path     begins with `/`, decoded: $uri
 *   decoded  a part of a decoded path: captures
 *   raw      what a client sent, as it was sent
 */
export type VariableForm = "own" | "target" | "path" | "decoded" | "raw";

export interface Variable {
  readonly phase: Phase;
  readonly form: VariableForm;
  /** Latin-1, one character per byte; "" when there is none. Never looked at for further variables. */
  readonly read: (exchange: Exchange) => string;
  /** Of a variable whose value is a template itself (map.ts): that template, for those who treat its parts differently. */
  readonly chosen?: (exchange: Exchange) => Template;
}

export interface Scope {
  find(name: string): Variable | undefined;
  /** For the offer of the nearest one. */
  names(): readonly string[];
}

export function isLater(phase: Phase, than: Phase): boolean {
  return PHASES.indexOf(phase) > PHASES.indexOf(than);
}

/** `inner` first. */
export function nested(inner: Scope, outer: Scope): Scope {
  return {
    find: (name) => inner.find(name) ?? outer.find(name),
    names: () => [...inner.names(), ...outer.names()],
  };
}
