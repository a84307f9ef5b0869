/** The schema of what a route or a rule answers by itself. How to read it: schema.ts. */
import { CONTENT_TYPE } from "./http-kinds.ts";
import { byDefault, only, optional, type Schema } from "./keys.ts";
import { integer, nonEmpty, string } from "./kinds.ts";

/** nginx's `return 302`: a browser forgets it, so that a mistake can be mended. */
export const DEFAULT_REDIRECT_STATUS = 302;
export const DEFAULT_RESPOND_STATUS = 200;

export const ANSWERS = {
  redirect: optional(
    nonEmpty('"https://host/path" or "/path", in which variables may stand'),
    "–",
    'Redirects there: `"https://www.example.org$request_uri"`, `"/new/$1"`. What a client sent is encoded, and cannot ' +
      "change the host. An empty value (of a map) is answered 404. nginx: return 302. uWSGI: route redirect.",
  ),
  respond: optional(
    string(),
    "–",
    "Answers with this text, in which variables may stand; they go in as they are, also in HTML. nginx: return 200.",
  ),
  error: optional(
    integer(400, 599),
    "–",
    "Answers with this error, and the page that error_pages have for it. `444` closes the connection without an answer. " +
      "nginx: return 404.",
  ),
  status: optional(
    integer(200, 599),
    `\`${DEFAULT_REDIRECT_STATUS}\` for redirect, \`${DEFAULT_RESPOND_STATUS}\` for respond`,
    "The status of a redirect (301, 302, 303, 307 or 308) or of a respond (200 to 599). nginx: return.",
  ),
  type: only(
    "respond",
    byDefault(
      CONTENT_TYPE,
      "text/plain; charset=utf-8",
      "Content-Type of the text, which is sent as UTF-8. nginx: default_type.",
    ),
  ),
} satisfies Schema;
