/**
 * A Location (RFC 9110 section 10.2.2) from a template: whatever a client sent, it is one field of one line, and it names
 * no other host than the template does. What is decoded is encoded again; what was raw stays, but for bytes that no URI
 * may have. While the host is still being written (`https://www.example.org$1`), a value cannot add to it: it begins the
 * path, or, after a dot, is a label in which `/`, `@`, `:` and the like have no meaning. At the very beginning it is a path.
 */
import type { Exchange } from "./exchange.ts";
import { escapePath, oneSlash, safeLabel, safeTarget } from "./location.ts";
import type { Variable } from "./scope.ts";
import type { Template } from "./template.ts";

/** A URI whose authority has not ended: a value that comes next could still change the host. */
const OPEN_AUTHORITY = /^(?:[A-Za-z][A-Za-z0-9+.-]*:)?\/\/[^/?#]*$/;

export function expandLocation(template: Template, exchange: Exchange): string {
  const location = withoutOpenEnd(appendParts("", template, exchange), template.source);
  // `//x` would name the host x; a template that means it says so.
  return template.source.startsWith("//") ? location : oneSlash(location);
}

/** nginx adds the client's query behind an own one only where there is one. */
function withoutOpenEnd(location: string, source: string): string {
  return location.endsWith("&") && source.endsWith("&$args") ? location.slice(0, -1) : location;
}

function appendParts(before: string, template: Template, exchange: Exchange): string {
  let location = before;
  for (const part of template.parts) {
    if (typeof part === "string") location += safeTarget(part);
    else if (part.chosen !== undefined) location = appendParts(location, part.chosen(exchange), exchange);
    else location = appendValue(location, part, part.read(exchange));
  }
  return location;
}

function appendValue(location: string, { form }: Variable, value: string): string {
  if (form === "own") return location + safeTarget(value);
  const text = encoded(location, form, value);
  if (value === "") return location;
  if (location === "") return value.startsWith("/") ? text : `/${text}`;
  if (!OPEN_AUTHORITY.test(location)) return location + text;
  if (/[/.-]$/.test(location)) return location + safeLabel(value);
  return value.startsWith("/") ? location + text : `${location}/${text}`;
}

/** In a query `&`, `=` and `+` of a decoded value would be separators. */
function encoded(location: string, form: Variable["form"], value: string): string {
  if (form === "raw" || form === "target") return safeTarget(value);
  return location.includes("?") ? safeLabel(value) : escapePath(value);
}
