/** What nginx and uWSGI call each key: every name is one that there is, and no key was forgotten. */
import { expect, test } from "bun:test";
import { everyKey, explainKey } from "../../src/config/explain-key.ts";
import { peerNames, peersOf } from "../../src/config/peers.ts";
import { SECTIONS } from "../../src/config/reference.ts";
import { KNOWN_DIRECTIVES } from "../../src/import/nginx/directives.ts";
import { isOption } from "../../src/import/uwsgi/option-names.ts";

/** Keys for which neither has anything: whoever adds a key looks for its names, or adds it here. */
const OURS_ALONE: readonly string[] = [
  [
    "server",
    "log_mask log_rotate_age log_compress log_keep log_total_size max_pipelined_requests min_body_rate min_send_rate run_as_root no_new_privileges",
  ],
  ["acme", "staging fallback dns_hook dns_wait"],
  ["metrics", "token"],
  ["app", "queue_timeout start_timeout static_finders sendfile_roots"],
  ["app.limits", "data stack fsize memlock core"],
  ["upstream", "head_timeout via sendfile_roots"],
  ["upstream.health", "timeout"],
  ["service", "app env umask stop_timeout instances restart"],
  ["cron", "app env umask stop_timeout timezone missed"],
  ["site.routes", "hidden"],
  ["site.routes.cache", "preset max_entry"],
  ["site.headers", "default"],
  ["site.hsts", "ramp_from"],
].flatMap(([table, names = ""]) => names.split(" ").map((name) => `${table}.${name}`));

const KEYS = SECTIONS.flatMap(({ paths, schema }) =>
  Object.entries(schema).map(([name, { doc }]) => ({ key: `${paths[0]}.${name}`, ...peersOf(doc) })),
);

test("every name is a directive of nginx or an option of uWSGI", () => {
  const wrong = KEYS.flatMap(({ key, nginx, uwsgi }) => [
    ...firstNames(nginx).flatMap((name) => (KNOWN_DIRECTIVES.has(name) ? [] : [`${key}: nginx ${name}`])),
    ...firstNames(uwsgi).flatMap((name) => (isOption(name) ? [] : [`${key}: uWSGI ${name}`])),
  ]);
  expect(wrong).toEqual([]);
});

/** The names at the beginning; behind them may stand a remark (`client_body_timeout, 60 s`). */
function firstNames(text: string | undefined): string[] {
  if (text === undefined) return [];
  const [first = "", ...others] = peerNames(text);
  return [
    first,
    ...others.filter((name, i) => /^[a-z0-9_-]+$/.test(text.split(/,\s*/)[i + 1] ?? "") && name.length > 4),
  ];
}

test("every key has a name there, or is known to be ours alone", () => {
  const without = KEYS.filter(({ nginx, uwsgi }) => nginx === undefined && uwsgi === undefined).map(({ key }) => key);
  expect(without.toSorted()).toEqual(OURS_ALONE.toSorted());
});

test("the sentences are taken out of the documentation whole", () => {
  expect(peersOf("Says so: `a.b`. nginx: access_log … if=. uWSGI: log-4xx, log-5xx.")).toEqual({
    doc: "Says so: `a.b`.",
    nginx: "access_log … if=",
    uwsgi: "log-4xx, log-5xx",
  });
  for (const { key, doc } of KEYS) expect({ key, left: /nginx:|uWSGI:/.test(doc) }).toEqual({ key, left: false });
});

test.each([
  ["app.mysite.processes", ["app.processes"]],
  ["app.processes", ["app.processes"]],
  ["processes", ["app.processes"]],
  ["app.mysite.limits.nofile", ["app.limits.nofile"]],
  ['site.routes."/static/".cache.ttl', ["site.routes.cache.ttl"]],
  ["site[0].listen", ["site.listen"]],
  ["[server].fronts", ["server.fronts"]],
  ["client_max_body_size", ["site.max_body_size", "site.routes.max_body_size"]],
  ["--harakiri", ["app.request_timeout", "site.routes.request_timeout"]],
  ["py-autoreload", ["app.reload_on_change"]],
])("%s is found", (asked, keys) => {
  expect(explainKey(asked).keys.map(({ key }) => key)).toEqual(keys);
});

test.each([
  ["server.procceses", "processes"],
  ["app.mysite.treads", "app.threads"],
  ["client_max_bodysize", "client_max_body_size"],
  ["zzzzzz", undefined],
])("for %s, %s is offered", (asked, suggestion) => {
  expect(explainKey(asked)).toEqual({ keys: [], suggestion });
});

test("every key is found by its whole name", () => {
  for (const key of everyKey()) expect(explainKey(key).keys.map((each) => each.key)).toContain(key);
});
