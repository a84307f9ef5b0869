/**
 * Server blocks that the real nginx and this server, given what the import makes of them, have to answer alike. One nginx
 * and one server serve all of them, each on a port of its own. `$ROOT` is the folder of FILES, `$BACKEND` an HTTP server
 * that tells what it was asked, `$SECURE` one with a certificate that nobody vouches for. Where the answers are not to be the same, a request says how, and why.
 */

import { bare, type DifferentialCase } from "./differential-case.ts";
import { DECISION_CASES } from "./differential-decisions.ts";
import { REPLY_CASES } from "./differential-replies.ts";
import { REWRITE_CASES } from "./differential-rewrites.ts";

export const CASES: readonly DifferentialCase[] = [
  {
    name: "exact, ^~, prefix and regex locations",
    server: `
      types { } default_type text/plain;
      location = /exact { return 200 "exact"; }
      location ^~ /only/ { return 200 "only"; }
      location ^~ /only/inner/ { return 200 "inner"; }
      location /only/plain/ { return 200 "plain"; }
      location /prefix/ { return 200 "prefix"; }
      location /prefix/long/ { return 200 "long"; }
      location ~ \\.css$ { return 200 "css"; }
      location ~* \\.(jpe?g|png)$ { return 200 "image"; }
      location ~ ^/u/(?<name>[a-z]+)/(.*)$ { return 200 "$name $2"; }
      location / { return 200 "root"; }`,
    requests: [
      "/exact",
      "/exact/",
      "/exactly",
      "/only/x",
      "/only/x.css",
      "/only/inner/x.css",
      "/only/plain/x",
      "/only/plain/x.css",
      "/prefix/x",
      "/prefix/x.css",
      "/prefix/long/y",
      "/a.JPG",
      "/a.jpeg",
      "/a.CSS",
      "/u/ann/x%20y",
      "/",
      "/%65xact",
      "/a/../exact",
      "//exact",
    ],
  },
  {
    name: "nested locations",
    server: `
      types { } default_type text/plain;
      location /a/ {
        location /a/b/ { return 200 "b"; }
        location ~ \\.css$ { return 200 "css in a"; }
        return 200 "a";
      }
      location ~ \\.css$ { return 200 "css"; }
      location / { return 200 "root"; }`,
    requests: ["/a/x", "/a/b/x", "/a/x.css", "/a/b/x.css", "/x.css", "/x"],
  },
  {
    name: "alias and root",
    server: `
      location /static/ { alias $ROOT/assets/; }
      location /noslash { alias $ROOT/assets/; }
      location /rooted/ { root $ROOT; }
      location /site/static/ { root $ROOT/; }
      location = /robots.txt { alias $ROOT/site/robots.txt; }
      location = /page.html { root $ROOT/site; }
      location ~ ^/re/(.+)$ { alias $ROOT/assets/$1; }
      location ~ \\.txt$ { root $ROOT/site; }
      location / { return 404; }`,
    requests: [
      "/static/app.css",
      "/static/missing.css",
      bare("/static/"),
      "/noslash/app.css",
      "/noslash/a.js",
      { path: "/noslash../secret.txt", here: { status: 404, why: "the folder beside it is not given away" } },
      "/rooted/x",
      "/site/static/app.css",
      bare("/site/static/deep/"),
      "/robots.txt",
      "/page.html",
      "/re/a.js",
      "/re/missing",
      "/other.txt",
    ],
  },
  {
    name: "try_files and its ends",
    server: `
      root $ROOT/site;
      location /spa/ { alias $ROOT/site/; try_files $uri $uri/ /index.html; }
      location /strict/ { alias $ROOT/site/static/; try_files $uri =404; }
      location /gone/ { try_files $uri =410; }
      location /html/ { alias $ROOT/site/; try_files $uri $uri.html =404; }
      location /static/ { try_files $uri $uri/ @named; }
      location / { try_files $uri $uri/index.html @app; }
      location @app { return 200 "app $uri"; }
      location @named { proxy_pass http://$BACKEND; proxy_set_header Host $host; }`,
    requests: [
      "/spa/page.html",
      "/strict/app.css",
      "/strict/nothing",
      "/gone/nothing",
      "/html/page",
      "/html/nothing",
      "/static/app.css",
      "/static/missing.css?x=1",
      "/static/deep/x.txt",
      "/page.html",
      "/sub/",
      "/sub",
      "/no/such?q=1",
    ],
  },
  {
    name: "index and directories",
    server: `
      root $ROOT/site;
      index page.html index.html;
      location /sub/ { index index.html; }
      location /listed/ { alias $ROOT/site/static/; index none; }`,
    requests: ["/", "/sub/", "/sub", "/static/", "/static", bare("/media/"), bare("/listed/"), "/nothing/"],
  },
  {
    name: "return in all its forms",
    server: `
      location /301 { return 301 https://example.org$request_uri; }
      location /302 { return 302 /elsewhere; }
      location /303 { return 303 /form; }
      location /307 { return 307 /again; }
      location /308 { return 308 /for-ever; }
      location /url { return https://example.org/; }
      location /text { return 200 "plain text for $host"; }
      location /json { default_type application/json; return 200 '{"ok":true}'; }
      location /created { return 201 "made"; }
      location /none { return 204; }
      location /404 { return 404; }
      location /403 { return 403; }
      location /503 { return 503 "down for now"; }
      location / { return 200 ok; }`,
    requests: [
      "/301/x?y=1",
      "/302",
      "/303",
      "/307",
      "/308",
      "/url",
      "/text",
      "/json",
      "/created",
      "/none",
      "/404",
      "/403",
      "/503",
    ],
  },
  {
    name: "rewrite with every flag",
    server: `
      root $ROOT/site;
      rewrite ^/old/(.*)$ /new/$1 permanent;
      rewrite ^/temp/(.*)$ /new/$1 redirect;
      rewrite ^/query/(.*)$ /new/$1?from=query permanent;
      rewrite ^/bare/(.*)$ /new/$1? permanent;
      rewrite ^/away/(.*)$ https://example.org/$1;
      rewrite ^/last/(.*)$ /static/$1 last;
      location /brk/ { rewrite ^/brk/(.*)$ /static/$1 break; }
      location /api/ { rewrite ^/api/(.*)$ /v2/$1 break; proxy_pass http://$BACKEND; proxy_set_header Host $host; }
      location /loc/ { rewrite ^/loc/(.*)$ /static/$1 last; }
      location /static/ { }
      location / { return 200 "root $uri"; }`,
    requests: [
      "/old/a?x=1",
      "/old/",
      "/temp/a?x=1",
      "/query/a?x=1",
      "/bare/a?x=1",
      "/away/b",
      "/last/app.css",
      "/last/none",
      "/brk/app.css",
      "/api/users?page=2",
      "/loc/app.css",
      "/x",
    ],
  },
  {
    name: "if on host, method, agent, arguments and files",
    http: `map $http_user_agent $is_bot { default 0; "~*(bot|spider)" 1; }`,
    server: `
      root $ROOT/site;
      if ($host = old.test) { return 301 http://new.test$request_uri; }
      if ($host ~* ^www\\.(.*)$) { return 301 http://$1$request_uri; }
      if ($request_method !~ ^(GET|HEAD|POST)$) { return 405; }
      if ($is_bot) { return 403; }
      if ($arg_debug = "1") { return 200 "debug"; }
      if (-f $ROOT/flags/off) { rewrite ^/maintained$ /page.html last; }
      if (!-f $ROOT/flags/on) { return 503; }
      location / { return 200 "never"; }`,
    requests: [
      { path: "/a?b=1", headers: { host: "old.test" } },
      { path: "/a?b=1", headers: { host: "www.shop.test" } },
      { path: "/", method: "DELETE" },
      { path: "/", method: "OPTIONS" },
      { path: "/", headers: { "user-agent": "Googlebot/2" } },
      "/?debug=1",
      "/?debug=2",
    ],
  },
  {
    name: "conditions in a location",
    server: `
      location /a/ {
        if ($request_method = POST) { return 403; }
        if ($http_x_key != "sesame") { return 401; }
        return 200 "in";
      }
      location /b/ { if ($cookie_beta) { rewrite ^/b/(.*)$ /beta/$1 last; } return 200 "old"; }
      location /beta/ { return 200 "beta $uri"; }
      location / { return 200 "root"; }`,
    requests: [
      { path: "/a/", method: "POST", body: "x" },
      "/a/",
      { path: "/a/", headers: { "x-key": "sesame" } },
      "/b/x",
      { path: "/b/x", headers: { cookie: "beta=1" } },
      { path: "/b/x", headers: { cookie: "beta=0" } },
    ],
  },
  ...DECISION_CASES,
  ...REPLY_CASES,
  ...REWRITE_CASES,
];
