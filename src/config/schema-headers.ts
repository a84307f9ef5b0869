/** The schema of `headers`, in a site and in a route. How to read it: schema.ts. */
import { byDefault, type Schema } from "./keys.ts";
import { type Kind, listOf, namedOf, Refusal, text } from "./kinds.ts";

/** RFC 9110 section 5.1. */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** Framing is decided where the reply is written; a wrong word about it would split replies. */
export const FRAMING: ReadonlySet<string> = new Set([
  "connection",
  "content-length",
  "keep-alive",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

function refuseFieldName(name: string): string | undefined {
  if (!TOKEN.test(name)) return "a field name: letters, digits and -";
  return FRAMING.has(name.toLowerCase()) ? "left to the server, which frames the reply" : undefined;
}

const fieldName: Kind<string> = text("a field name", (name) => {
  const should = refuseFieldName(name);
  return should === undefined ? name : new Refusal(should);
});

// eslint-disable-next-line no-control-regex
const CONTROL = /[\x00-\x08\x0a-\x1f\x7f]/;

const fieldValue: Kind<string> = text("a string without line breaks and control characters", (value) =>
  CONTROL.test(value) ? new Refusal() : value,
);

function fieldsOf<T>(kind: Kind<T>) {
  return namedOf(kind, "a table of field = value", (name) => {
    const should = refuseFieldName(name);
    return should === undefined ? undefined : `should be ${should}`;
  });
}

/** `headers = { … }` */
export const HEADERS = {
  set: byDefault(
    fieldsOf(fieldValue),
    [],
    "Fields that the reply has exactly once, with this value; an empty value removes the field. nginx: more_set_headers.",
    "none",
  ),
  default: byDefault(
    fieldsOf(fieldValue),
    [],
    "As `set`, unless the reply has such a field: what an app or a view chose itself stays.",
    "none",
  ),
  add: byDefault(
    fieldsOf(listOf(fieldValue)),
    [],
    "Fields that are added to those of the same name; a value, or a list of them. nginx: add_header … always. " +
      "uWSGI: add-header.",
    "none",
  ),
  remove: byDefault(
    listOf(fieldName),
    [],
    "Fields that the reply has not. nginx: proxy_hide_header, uwsgi_hide_header. uWSGI: del-header.",
    "none",
  ),
} satisfies Schema;
