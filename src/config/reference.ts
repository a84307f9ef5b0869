/**
 * The manual of server.toml, generated from the schema, so that it cannot fall behind the program: what
 * `server help config` shows, and docs/config.md. A test compares the two. After a change of the schema:
 *
 *   make docs
 */
import { upperFirst } from "../base/words.ts";
import { LISTEN_TABLE, UPSTREAM_SERVER_TABLE } from "./address-kinds.ts";
import { PROCESSES_TABLE } from "./schema-app-pool.ts";
import type { Key, Schema } from "./keys.ts";
import { SERVER } from "./schema.ts";
import { ACME } from "./schema-acme.ts";
import { APP } from "./schema-app.ts";
import { RLIMITS } from "./schema-app-process.ts";
import { COMPRESS } from "./schema-encoding.ts";
import { AUTH, ERROR_PAGE, LIMIT } from "./schema-guards.ts";
import { RULE } from "./schema-rules.ts";
import { RESPONSE_CACHE } from "./schema-cache.ts";
import { HEADERS } from "./schema-headers.ts";
import { MAP } from "./schema-map.ts";
import { METRICS } from "./schema-metrics.ts";
import { CRON, SERVICE } from "./schema-services.ts";
import { ROUTE, SITE } from "./schema-site.ts";
import { HEALTH, UPSTREAM } from "./schema-upstream.ts";
import { HSTS_TABLE, SITE_TLS } from "./schema-tls.ts";
import { UPSTREAM_TLS } from "./schema-upstream-tls.ts";

export interface ReferenceSection {
  readonly title: string;
  /** Where its keys stand, without names and indexes: `app`, `site.routes`. */
  readonly paths: readonly string[];
  readonly intro: string;
  readonly schema: Schema;
}

export const SECTIONS: readonly ReferenceSection[] = [
  { title: "[server]", paths: ["server"], intro: "The server as a whole. May be left out.", schema: SERVER },
  {
    title: "[acme]",
    paths: ["acme", "acme.fallback"],
    intro: `Whom certificates of sites with \`tls = "auto"\` are ordered from. May be left out: then it is Let's Encrypt.`,
    schema: ACME,
  },
  {
    title: "[app.NAME]",
    paths: ["app"],
    intro: "A Python (WSGI) application, run by the server. Routes and messages call it by its name.",
    schema: APP,
  },
  {
    title: "[upstream.NAME]",
    paths: ["upstream"],
    intro: "Other servers, to which routes forward requests.",
    schema: UPSTREAM,
  },
  {
    title: "[service.NAME]",
    paths: ["service"],
    intro: `A program that runs beside the apps, such as Celery's worker: started with the server, logged line by line, started
again when it ends, and ended with the server. None outlives it.

\`\`\`toml
[service.celery]
app = "mysite"
command = ["celery", "-A", "mysite", "worker"]
\`\`\``,
    schema: SERVICE,
  },
  {
    title: "[cron.NAME]",
    paths: ["cron"],
    intro: `A command at certain times, while the server runs. Its output is logged, \`server status\` shows how the last run ended.

\`\`\`toml
[cron.clearsessions]
app = "mysite"
command = "python manage.py clearsessions"
schedule = "30 4 * * *"
\`\`\``,
    schema: CRON,
  },
  {
    title: "[metrics]",
    paths: ["metrics"],
    intro: `A private listener of the server itself, off by default: \`/\` is a status page for browsers, \`/metrics\` is for Prometheus.

\`\`\`toml
[metrics]
listen = "127.0.0.1:9145"
\`\`\``,
    schema: METRICS,
  },
  {
    title: "[map.NAME]",
    paths: ["map"],
    intro: `Variables of your own: \`$NAME\` is looked up by another string.

\`\`\`toml
[map.backend]
source = "$http_user_agent"
default = "none"
values = { "~* bot" = "robot", "~ ^curl/(?<version>[0-9.]+)" = "curl $version" }
\`\`\``,
    schema: MAP,
  },
  {
    title: "[[site]]",
    paths: ["site"],
    intro: "What is served to whom: one for each site, in double brackets.",
    schema: SITE,
  },
  {
    title: "[site.routes]",
    paths: ["site.routes"],
    intro: `\`"pattern" = { target, options }\`, with exactly one target: \`files\`, \`app\`, \`upstream\`, \`redirect\`, \`respond\` or \`error\`.

- \`"/x/"\` matches every path below it, at segment boundaries; the longest one wins.
- \`"= /x"\` matches that path only.
- \`"~ regex"\` and \`"~* regex"\` (ignoring case) match by a JavaScript regular expression.

Patterns are compared with the path after decoding, without its query.`,
    schema: ROUTE,
  },
  {
    title: "headers",
    paths: ["site.headers", "site.routes.headers", "upstream.headers_up", "upstream.headers_down"],
    intro:
      "In a site or a route. Values may have variables, `$status` and `$sent_http_NAME` too. Applied to every reply. " +
      "`headers_up` and `headers_down` of an upstream have the same form, for its requests and its replies.",
    schema: HEADERS,
  },
  {
    title: "[limit.NAME]",
    paths: ["limit"],
    intro: "A limit of the rate of requests, one for all fronts together, which sites and routes name in `limit`.",
    schema: LIMIT,
  },
  {
    title: "A rule as a table",
    paths: ["site.rules", "site.routes.rules"],
    intro: `In \`rules\` of a site or a route: exactly one of \`redirect\`, \`respond\`, \`error\` and \`rewrite\`.

\`\`\`toml
[[site.rules]]
when = "$host = www.example.org"
redirect = "https://example.org$request_uri"
status = 301
\`\`\``,
    schema: RULE,
  },
  { title: "auth as a table", paths: ["site.auth", "site.routes.auth"], intro: "In a site or a route.", schema: AUTH },
  {
    title: "compress as a table",
    paths: ["server.compress", "site.compress", "site.routes.compress"],
    intro: "In the server, a site or a route. What it leaves out is that of the outer one.",
    schema: COMPRESS,
  },
  {
    title: "An error page as a table",
    paths: ["site.error_pages", "site.routes.error_pages"],
    intro: "In `error_pages` of a site or a route: exactly one of `file`, `respond` and `route`.",
    schema: ERROR_PAGE,
  },
  {
    title: "A listening address as a table",
    paths: ["site.listen", "app.uwsgi_socket", "metrics.listen"],
    intro: "In `listen` and `uwsgi_socket`.",
    schema: LISTEN_TABLE,
  },
  { title: "health as a table", paths: ["upstream.health"], intro: "In an upstream.", schema: HEALTH },
  {
    title: "cache as a table",
    paths: ["site.routes.cache"],
    intro: "In a route to an app or upstream.",
    schema: RESPONSE_CACHE,
  },
  {
    title: "tls as a table",
    paths: ["site.tls"],
    intro: `In a site: its certificates.

\`\`\`toml
[[site]]
names = ["www.example.org"]
tls = { cert = "fullchain.pem", key = "privkey.pem" }
hsts = "1y"
\`\`\``,
    schema: SITE_TLS,
  },
  { title: "hsts as a table", paths: ["site.hsts"], intro: "In a site.", schema: HSTS_TABLE },
  {
    title: "tls of an upstream",
    paths: ["upstream.tls"],
    intro: 'In an upstream with `protocol = "https"`.',
    schema: UPSTREAM_TLS,
  },
  {
    title: "limits as a table",
    paths: ["app.limits"],
    intro: "In an app: what the kernel lets each Python process have.",
    schema: RLIMITS,
  },
  {
    title: "Processes as a table",
    paths: ["app.processes"],
    intro: "In `processes` of an app.",
    schema: PROCESSES_TABLE,
  },
  {
    title: "A server as a table",
    paths: ["upstream.servers"],
    intro: "In `servers` of an upstream.",
    schema: UPSTREAM_SERVER_TABLE,
  },
];

export const INTRO = `# server.toml

Everything that is not said has a safe default. \`server check\` finds every mistake at once, and nothing is silently ignored.

- Relative paths are relative to the directory of the file, except \`wsgi\`, which is looked for below \`root\`.
- Durations: \`"250ms"\`, \`"30s"\`, \`"5m"\`, \`"1h30m"\`, \`"30d"\`, \`"2w"\`, \`"1y"\`; a plain number is seconds.
- Sizes: \`"16KiB"\`, \`"8m"\`, \`"1G"\` (K, M, G, T and KiB to TiB are powers of 1024), \`"100MB"\` (KB to TB are powers of 1000);
  a plain number is bytes.
- In every string, \`$ENV{NAME}\` is replaced by an environment variable, \`$ENV{NAME:-default}\` by a default when it is
  unset or empty. \`$$ENV{\` is a literal \`$ENV{\`.
- Where it says so, strings may have variables with nginx's names: \`$host\`, \`$uri\`, \`$request_uri\`, \`$args\`,
  \`$arg_NAME\`, \`$http_NAME\`, \`$cookie_NAME\`, \`$remote_addr\`, \`$scheme\`, \`$request_id\`, …, the captures of regular
  expressions (\`$1\`, \`$name\`) and those of \`[map.NAME]\`. \`\${name}\` where a letter follows, \`$$\` for a dollar.

\`\`\`toml
[app.mysite]
root = "/www/mysite"
wsgi = "mysite.wsgi:application"

[[site]]
names = ["www.example.org"]
listen = [80]

[site.routes]
"/static/" = { files = "/www/mysite/static/", cache = "30d" }
"/" = { app = "mysite" }
\`\`\`
`;

const ORIGIN = "This page is generated from the schema in src/config.\n";

export function referenceMarkdown(): string {
  return [INTRO, ORIGIN, ...SECTIONS.map(showSection)].join("\n");
}

function showSection({ title, intro, schema }: ReferenceSection): string {
  const keys = Object.entries(schema).map(([name, key]) => showKey(name, key));
  return `## ${title}\n\n${intro}\n\n${keys.join("\n")}`;
}

function showKey(name: string, key: Key<unknown>): string {
  const beside = key.only === undefined ? "" : ` Only beside \`${key.only}\`.`;
  return `### ${name}\n\n${key.doc}${beside}\n\n${upperFirst(quoteStars(key.kind.expected))}.${standing(key)}\n`;
}

/** With a blank before it; "" for one of several of which one is written. */
export function standing({ fallbackText }: Key<unknown>): string {
  if (fallbackText === undefined) return " Required.";
  return fallbackText === "–" ? "" : ` Default: ${fallbackText}.`;
}

/** A star in plain Markdown would begin emphasis. */
function quoteStars(text: string): string {
  return text.replace(/"[^"]*\*[^"]*"/g, (quoted) => `\`${quoted}\``);
}
