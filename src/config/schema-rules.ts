/** The schema of `rules`, in a site or a route. How to read it: schema.ts. */
import { byDefault, only, optional, type Schema, table } from "./keys.ts";
import { boolean, listOf, nonEmpty } from "./kinds.ts";
import { ANSWERS } from "./schema-answers.ts";

/** What a rule does: exactly one of these. */
export const RULE_ACTIONS = ["redirect", "respond", "error", "rewrite"] as const;

export const RULE = {
  when: optional(
    listOf(nonEmpty('a condition such as "$host = example.org"')),
    "always",
    'A condition, or a list of which all have to hold: `"$host = example.org"`, `"$request_method !~ ^(GET|HEAD)$"`, ' +
      '`"$http_user_agent ~* bot"`, `"$cookie_beta"` (not empty and not 0), `"-f /srv/maintenance.html"` (-d, -e, -x; ! ' +
      "before them). nginx: if. uWSGI: route-if.",
  ),
  match: optional(
    nonEmpty('a regular expression, or one after "~* " to ignore case'),
    "every path",
    "A regular expression that the path has to match; after `~* ` its case does not matter. What is done may use its " +
      "captures. nginx: rewrite, its first word. uWSGI: route-uri.",
  ),
  ...ANSWERS,
  rewrite: optional(
    nonEmpty('"/path", in which variables may stand'),
    "–",
    "Takes this path in place of the client's: `\"/new/$1\"`. The client's query is added, unless it ends with `?`. nginx: " +
      "rewrite. uWSGI: route rewrite.",
  ),
  stay: only(
    "rewrite",
    byDefault(
      boolean,
      false,
      "In a route: it goes on with the new path. Otherwise the site looks for a route anew. nginx: rewrite … break.",
    ),
  ),
  continue: only(
    "rewrite",
    byDefault(
      boolean,
      false,
      "The rules behind it are asked about the new path, and the site looks for a route when none of them fits. nginx: " +
        "rewrite without a flag.",
    ),
  ),
} satisfies Schema;

export const RULES = {
  rules: optional(
    listOf(table(RULE, 'a table such as { when = "$host = example.org", error = 404 }')),
    "none",
    "What is decided before anything else, by the first that fits: of a site before a route is looked for, of a route before " +
      "its guards. nginx: if, rewrite, return. uWSGI: route.",
  ),
} satisfies Schema;
