/** The schema of logs: what [server] says of them, and what a [[site]] or a route may say otherwise. How to read it: schema.ts. */
import { LOG_FORMATS, LOG_LEVELS } from "../base/log.ts";
import { DEFAULT_MASKED } from "../exchange/masking.ts";
import { anyOf, TEXT } from "./json-schema.ts";
import { byDefault, durationKey, optional, type Schema, sizeKey } from "./keys.ts";
import { boolean, choice, duration, type Kind, listOf, nonEmpty, Refusal, size, text } from "./kinds.ts";

const DAY = 86_400_000;
const MIB = 1024 * 1024;
const TIB = MIB * MIB;

/** Caddy's; a day of a busy site, or a year of a quiet one. */
const ROTATE_BYTES = 100 * MIB;
/** As Debian's logrotate has it for nginx. */
const ROTATE_AGE_MS = DAY;
/** Caddy's; Debian keeps two weeks. */
const KEEP_MS = 90 * DAY;
/** Of all logs together, so that they never are what fills a disk. */
const TOTAL_BYTES = 1024 * MIB;

/** nginx's. */
export const DEFAULT_LOG_FORMAT = "combined";

const PLACE = nonEmpty('"stdout", "stderr", "off" or a file');
const FORMAT = text('"combined", "common", "json", "short", or a line with variables', (format) =>
  /^(?:\t|\P{Cc})+$/u.test(format) ? format : new Refusal(),
);
const ESCAPE = choice(["default", "json"]);
const STATUS: Kind<string> = {
  expected: 'a status such as 404, or "1xx" to "5xx"',
  json: () => anyOf({ type: "integer", minimum: 100, maximum: 599 }, TEXT),
  read: (place) => {
    const written = typeof place.value === "number" ? String(place.value) : place.value;
    if (typeof written === "string" && /^[1-5](?:\d\d|xx)$/.test(written)) return written;
    return void place.unfit(STATUS.expected);
  },
};
const STATUSES = listOf(STATUS);
const SLOW = duration(1, DAY);
const NAME = text("the name of a query argument, a cookie or a header field", (name) =>
  /^[A-Za-z0-9_.[\]-]{1,100}$/.test(name) ? name : new Refusal(),
);

const STATUS_DOC =
  'Only requests with one of these statuses get a line: `[404, "5xx"]`; beside access_log_slow, also the slow ones. ' +
  "nginx: access_log … if=. uWSGI: log-4xx, log-5xx.";
const SLOW_DOC =
  "Only requests that took at least so long get a line, from their first byte to the last of the reply; beside " +
  "access_log_status, also those with such a status. uWSGI: log-slow.";

export const LOGS = {
  error_log: byDefault(
    nonEmpty('"stderr", "stdout" or a file'),
    "stderr",
    "Where the error log goes: `stderr`, `stdout` or a file. nginx: error_log. uWSGI: logto.",
  ),
  error_log_format: byDefault(
    choice(LOG_FORMATS),
    "text",
    "Lines of the error log: `text` for people, `json` for programs that collect them, `short` for who watches while developing. uWSGI: log-encoder.",
  ),
  log_level: byDefault(
    choice(LOG_LEVELS),
    "info",
    "The least important messages that are still logged. nginx: error_log, whose default is error.",
  ),
  access_log: byDefault(
    PLACE,
    "stdout",
    "Where one line for each request goes: `stdout`, `stderr`, `off` or a file. Lines are up to half a second behind. " +
      "nginx: access_log. uWSGI: req-logger.",
  ),
  access_log_format: byDefault(
    FORMAT,
    DEFAULT_LOG_FORMAT,
    'A line of the access log: `"combined"` as nginx writes it, `"common"` (without Referer and User-Agent), `"json"`, `"short"` (what one watches while one develops, in colours on a terminal), or a ' +
      'string with variables such as `"$remote_addr $status $request_time $upstream_response_time"`. nginx: log_format. uWSGI: log-format.',
  ),
  access_log_escape: byDefault(
    ESCAPE,
    "default",
    "How values are escaped in an access_log_format: `json` for lines that are JSON. nginx: log_format escape=.",
  ),
  access_log_status: optional(STATUSES, "all", STATUS_DOC),
  access_log_slow: optional(SLOW, "all", SLOW_DOC),
  log_mask: optional(
    listOf(NAME),
    DEFAULT_MASKED.map((name) => `\`${name}\``).join(", "),
    "Names of query arguments, cookies and header fields whose values are `***` in access logs. Case does not matter, and `-` " +
      "is `_`. An empty list: none. Caddy: Authorization, Cookie and Set-Cookie.",
  ),
  log_rotate_size: sizeKey(
    size(0, TIB),
    ROTATE_BYTES,
    "A log file of this size is renamed (`access.log.20261129T140312Z`) and begun anew; 0: never for its size. uWSGI: log-maxsize.",
  ),
  log_rotate_age: durationKey(
    duration(0, 3650 * DAY),
    ROTATE_AGE_MS,
    "The same for its age; 0: never. Both are 0 where logrotate does it, which then sends USR1.",
  ),
  log_compress: byDefault(boolean, true, "Rotated files are compressed (gzip)."),
  log_keep: durationKey(duration(0, 3650 * DAY), KEEP_MS, "Older rotated files are deleted; 0: none for its age."),
  log_total_size: sizeKey(
    size(0, 1024 * TIB),
    TOTAL_BYTES,
    "All log files together: beyond it the oldest rotated ones are deleted; 0: no bound.",
  ),
} satisfies Schema;

/** What a site may say otherwise. */
export const SITE_LOGS = {
  access_log: optional(
    PLACE,
    "that of the server",
    "Where its lines go: `stdout`, `stderr`, `off` or a file. nginx: access_log. uWSGI: req-logger.",
  ),
  access_log_format: optional(
    FORMAT,
    "that of the server",
    "A line of its access log; see [server]. nginx: log_format. uWSGI: log-format.",
  ),
  access_log_escape: optional(
    ESCAPE,
    "that of the server",
    "How values are escaped in it; see [server]. nginx: log_format escape=.",
  ),
  access_log_status: optional(STATUSES, "those of the server", STATUS_DOC),
  access_log_slow: optional(SLOW, "that of the server", SLOW_DOC),
} satisfies Schema;

export const ROUTE_LOGS = {
  access_log: byDefault(
    choice(["on", "off"]),
    "on",
    "`off`: its requests get no line in the access log, as for health checks. nginx: access_log off.",
  ),
} satisfies Schema;
