/** Cases of the comparison with nginx about who may pass, and what conditions decide. See differential.ts. */
import type { DifferentialCase } from "./differential-case.ts";

const PHONE = { "user-agent": "Mozilla/5.0 (iPhone)" };

export const DECISION_CASES: readonly DifferentialCase[] = [
  {
    name: "auth_request",
    server: `
      proxy_set_header Host $host;
      location /in/ {
        auth_request /asked;
        auth_request_set $by $upstream_http_x_powered_by;
        add_header X-Own $by;
        proxy_set_header X-Tenant $by;
        proxy_pass http://$BACKEND;
      }
      location /login/ { auth_request /asked-401; error_page 401 = @login; proxy_pass http://$BACKEND; }
      location /plain/ { auth_request /asked-401; proxy_pass http://$BACKEND; }
      location /forbidden/ { auth_request /asked-403; proxy_pass http://$BACKEND; }
      location /broken/ { auth_request /asked-302; proxy_pass http://$BACKEND; }
      location /open/ { auth_request off; proxy_pass http://$BACKEND; }
      location = /asked {
        internal;
        proxy_pass http://$BACKEND/ok;
        proxy_pass_request_body off;
        proxy_set_header Content-Length "";
      }
      location = /asked-401 { internal; proxy_pass http://$BACKEND/no?status=401; }
      location = /asked-403 { internal; proxy_pass http://$BACKEND/no?status=403; }
      location = /asked-302 { internal; proxy_pass http://$BACKEND/no?status=302; }
      location @login { return 302 http://login.example.org/?next=$scheme://$host$request_uri; }`,
    requests: [
      "/in/a?b=c",
      { path: "/in/a", method: "POST", body: "x=1" },
      { path: "/in/a", method: "HEAD" },
      "/login/deep/page?x=1",
      "/plain/a",
      "/forbidden/a",
      "/broken/a",
      "/open/a",
      "/asked",
    ],
  },
  {
    name: "set under conditions",
    server: `
      types { } default_type text/plain;
      set $mobile 0;
      if ($http_user_agent ~* (iphone|android)) { set $mobile 1; }
      if ($cookie_desktop = 1) { set $mobile 0; }
      if ($mobile = 1) { return 302 http://m.example.org$request_uri; }
      set $marks "";
      if ($request_method = POST) { set $marks "\${marks}P"; }
      if ($arg_x) { set $marks "\${marks}X"; }
      if ($marks = PX) { return 403; }
      set $closed 0;
      if (-f $ROOT/flags/off) { set $closed 1; }
      if ($arg_in = yes) { set $closed 0; }
      location /gate/ { if ($closed) { return 503 "closed"; } return 200 "open"; }
      location / { return 200 "page"; }`,
    requests: [
      "/a",
      { path: "/a?b", headers: PHONE },
      { path: "/a?b", headers: { ...PHONE, cookie: "desktop=1" } },
      { path: "/a?x=1", method: "POST", body: "1" },
      { path: "/a?x=0", method: "POST", body: "1" },
      { path: "/a", method: "POST", body: "1" },
      "/a?x=1",
      "/gate/",
      "/gate/?in=yes",
    ],
  },
  {
    name: "limit_except, sole rewrites, pages of errors that named locations return",
    server: `
      types { } default_type text/plain;
      error_page 404 = @gone;
      error_page 403 http://elsewhere.example.org/denied;
      location @gone { return 302 /start?from=$request_uri; }
      location /read/ { limit_except GET { deny all; } proxy_pass http://$BACKEND; proxy_set_header Host $host; }
      location = /wiki { rewrite ^ /wiki/ permanent; }
      location /moved/ { rewrite ^/moved/(.*)$ http://other.example.org/$1 redirect; }
      location /all/ { rewrite ^(.*)$ http://other.example.org$1 permanent; }
      location /denied/ { deny all; }
      location /lost/ { return 404; }
      location / { return 200 "page"; }`,
    requests: [
      "/read/a",
      { path: "/read/a", method: "HEAD" },
      { path: "/read/a", method: "POST", body: "1" },
      "/wiki?a=b",
      "/moved/a/b%20c?d=e",
      "/all/a%20b?c",
      "/denied/x",
      "/lost/x",
    ],
  },
  {
    name: "a prefix with and without a slash",
    server: `
      default_type text/plain;
      location /f { return 200 "f"; }
      location /f/ { return 200 "f/"; }
      location = /f/x { return 200 "x"; }
      location /docs { return 301 /docs/; }
      location /docs/ { alias $ROOT/site/static/; }
      location /plain { alias $ROOT/site/static; }
      location / { return 200 "root"; }`,
    requests: [
      "/f",
      "/f/",
      "/f/x",
      "/f/y",
      "/docs",
      "/docs/app.css",
      "/plain",
      "/plain/app.css",
      { path: "/fx", here: { status: 200, body: "root", why: "a prefix ends at a segment" } },
    ],
  },
  {
    name: "who a proxy says the client is",
    server: `
      types { } default_type text/plain;
      set_real_ip_from 127.0.0.0/8;
      real_ip_header X-Forwarded-For;
      real_ip_recursive on;
      location /who { return 200 $remote_addr; }
      location /in/ { allow 192.0.2.0/24; deny all; return 200 "never"; }
      location /pass/ { allow 192.0.2.0/24; deny all; proxy_pass http://$BACKEND; proxy_set_header Host $host; }`,
    requests: [
      "/who",
      { path: "/who", headers: { "x-forwarded-for": "192.0.2.1" } },
      { path: "/who", headers: { "x-forwarded-for": "198.51.100.1, 192.0.2.7, 127.0.0.9" } },
      { path: "/pass/", headers: { "x-forwarded-for": "192.0.2.1" } },
      "/pass/",
    ],
  },
  {
    name: "add_header under conditions, as for CORS",
    server: `
      types { } default_type text/plain;
      add_header X-Site outer always;
      location /cors/ {
        if ($request_method = OPTIONS) {
          add_header X-Own preflight;
          add_header X-Frame-Options "GET, POST";
          add_header Content-Length 0;
          return 204;
        }
        if ($request_method = POST) { add_header X-Own post; }
        if ($request_method = GET) { add_header X-Own get; }
        proxy_pass http://$BACKEND;
        proxy_set_header Host $host;
      }
      location /both/ {
        add_header X-Own plain;
        if ($arg_a ~ ^x) { add_header X-Own $arg_a; add_header X-Site inner; }
        proxy_pass http://$BACKEND;
        proxy_set_header Host $host;
      }`,
    requests: [
      "/cors/a",
      { path: "/cors/a", method: "OPTIONS" },
      { path: "/cors/a", method: "POST", body: "1" },
      { path: "/cors/a", method: "PUT", body: "1" },
      "/both/",
      "/both/?a=xyz",
      "/both/?a=yx",
    ],
  },
  {
    name: "a path that is a variable behind the port",
    server: `
      proxy_set_header Host $host;
      location /raw/ { proxy_pass http://$BACKEND$request_uri; }
      location /uri/ { proxy_pass http://$BACKEND$uri$is_args$args; }
      set $target $BACKEND;
      location / { proxy_pass http://$target; }`,
    requests: ["/raw/a%20b?c=d", "/uri/a/b?c", "/x?y"],
  },
];
