/**
 * The handler of `redirect` routes. nginx: `return 301 …`. Without a place to go to (a map that had no value) it is 404.
 * What may come into the Location is decided in location-template.ts.
 */
import { Fields } from "../protocol/http/fields.ts";
import { answer } from "./canned.ts";
import type { Handler } from "./exchange.ts";
import { expandLocation } from "./location-template.ts";
import type { Template } from "./template.ts";

export interface RedirectOptions {
  /** A URL or a path. */
  readonly to: Template;
  /** 301, 302, 303, 307 or 308. */
  readonly status: number;
}

export function makeRedirectHandler({ to, status }: RedirectOptions): Handler {
  return (exchange) => {
    const location = expandLocation(to, exchange);
    if (location === "") return answer(exchange, 404);
    answer(exchange, status, Fields.of([["Location", location]]));
  };
}
