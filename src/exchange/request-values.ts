/** Single values out of a request: one field, one argument of the query, one cookie. Nothing is decoded: as nginx. */
import type { FieldName, Fields } from "../protocol/http/fields.ts";

/** The field of this CGI name (FieldName.cgi); several of them as one list (RFC 9110 section 5.3). A spelling with `_`
 *  does not count: it could pass for the one with `-`. */
export function fieldNamed(fields: Fields, cgi: string): string {
  const { names, values } = fields;
  let found = "";
  let count = 0;
  for (let i = 0; i < names.length; i++) {
    const name = names[i] as FieldName; // i < length
    if (name.cgi !== cgi || name.ambiguous) continue;
    const value = values[i] as string; // names and values have one length
    found = count++ === 0 ? value : `${found}${name.lower === "cookie" ? "; " : ", "}${value}`;
  }
  return found;
}

/** The first argument of that name, whatever its case, as nginx's $arg_. */
export function argumentNamed(query: string | undefined, name: string): string {
  return query === undefined ? "" : valueIn(query, "&", name);
}

/** The first cookie of that name (RFC 6265 section 4.2.1), whatever its case, as nginx's $cookie_. */
export function cookieNamed(fields: Fields, name: string): string {
  const { names, values } = fields;
  for (let i = 0; i < names.length; i++) {
    if ((names[i] as FieldName).lower !== "cookie") continue;
    const value = valueIn(values[i] as string, ";", name); // names and values have one length
    if (value !== "") return value;
  }
  return "";
}

/** Of `a=1&b=2`. No list is made: queries and cookies are long, and one value is asked for. */
function valueIn(text: string, separator: string, name: string): string {
  const wanted = name.toLowerCase();
  for (let start = 0; start < text.length;) {
    const next = text.indexOf(separator, start);
    const end = next === -1 ? text.length : next;
    const pair = text.slice(start, end).trimStart();
    const equals = pair.indexOf("=");
    if (equals === name.length && pair.slice(0, equals).toLowerCase() === wanted) return pair.slice(equals + 1);
    start = end + 1;
  }
  return "";
}
