/**
 * A text from a template in which what clients send stays text: in a page of HTML or XML its characters become entities, in
 * JSON they are escaped as within a string. What the configuration itself says, a map's value among it, goes in as it is.
 */
import type { Exchange } from "./exchange.ts";
import type { Template } from "./template.ts";

export type Escape = (value: string) => string;

/** For a Content-Type; undefined where nothing in a text means anything but itself. */
export function escapeFor(contentType: string): Escape | undefined {
  const type = contentType.split(";", 1)[0]?.trim().toLowerCase() ?? "";
  if (/^(?:text\/html|(?:text|application)\/xml|.*\+xml)$/.test(type)) return escapeMarkup;
  return /^(?:application\/json|.*\+json)$/.test(type) ? escapeJson : undefined;
}

export function evaluateEscaped(template: Template, exchange: Exchange, escape: Escape): string {
  let text = "";
  for (const part of template.parts) {
    if (typeof part === "string") text += part;
    else if (part.chosen !== undefined) text += evaluateEscaped(part.chosen(exchange), exchange, escape);
    else text += escape(part.read(exchange));
  }
  return text;
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Text for HTML and XML, within attributes too. */
export function escapeMarkup(value: string): string {
  return value.replace(/[&<>"']/g, (char) => ENTITIES[char] ?? char);
}

function escapeJson(value: string): string {
  return JSON.stringify(value).slice(1, -1);
}
