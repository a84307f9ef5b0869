/**
 * Trailer fields (RFC 9110 section 6.5) as an intermediary passes them: only to a client that said it takes them, and never
 * one that belongs in the head, where a reader that merges trailers would be deceived by it. Which trailers may come in is
 * the codec's business.
 */
import { Fields } from "./fields.ts";
import { HOP_BY_HOP, type RequestHead } from "./message.ts";

/** Section 6.5.1: fields for framing, routing, authentication, caching, content and its conditions are no trailers. */
const HEAD_ONLY: ReadonlySet<string> = new Set([
  ...HOP_BY_HOP,
  "age",
  "allow",
  "authorization",
  "cache-control",
  "content-encoding",
  "content-length",
  "content-range",
  "content-type",
  "cookie",
  "date",
  "expires",
  "host",
  "location",
  "proxy-authenticate",
  "retry-after",
  "set-cookie",
  "vary",
  "warning",
  "www-authenticate",
]);

/** Section 10.1.4: did the client say `TE: trailers`? An HTTP/1.0 client gets no chunks, so no trailers either. */
export function acceptsTrailers(head: RequestHead): boolean {
  if (head.minor === 0 || !head.fields.has("te")) return false;
  const codings = head.fields.all("te").join(",").toLowerCase().split(",");
  return codings.some((coding) => coding.trim() === "trailers");
}

/** Did it name TE in Connection, as a sender of TE must? A client that did not is given trailers, but not spoken for. */
export function nominatesTe(head: RequestHead): boolean {
  const options = head.fields.all("connection").join(",").toLowerCase().split(",");
  return options.some((option) => option.trim() === "te");
}

/** Those that may go on, in order; undefined when none may. */
export function passableTrailers(trailers: Fields): Fields | undefined {
  const passed = new Fields();
  for (const [name, value] of trailers.pairs()) if (!HEAD_ONLY.has(name.toLowerCase())) passed.add(name, value);
  return passed.length === 0 ? undefined : passed;
}
