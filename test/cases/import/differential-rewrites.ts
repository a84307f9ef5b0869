/** Cases about paths that are changed, and what is answered before anybody asks who may. See differential.ts. */
import type { DifferentialCase } from "./differential-case.ts";

export const REWRITE_CASES: readonly DifferentialCase[] = [
  {
    name: "rewrites without a flag, and what follows them",
    server: `
      proxy_set_header Host $host;
      rewrite ^/first/(.*)$ /second/$1;
      rewrite ^/second/(.*)$ /third/$1;
      rewrite ^/alone/(.*)$ /plain/$1;
      if ($http_user_agent ~ bad) { return 403; }
      location /a/ {
        rewrite ^/a/(.*)$ /b/$1;
        rewrite ^/b/(.*)$ /c/$1 break;
        proxy_pass http://$BACKEND;
      }
      location /returned/ { rewrite ^/returned/x$ /plain/; return 410; }
      location /broken/ { rewrite ^/broken/(.*)$ /kept/$1; break; proxy_pass http://$BACKEND; }
      location /b/ { return 402; }
      location / { proxy_pass http://$BACKEND; }`,
    requests: [
      "/first/x?y=1",
      "/second/x",
      "/alone/x",
      { path: "/alone/x", headers: { "user-agent": "bad" } },
      "/a/x%20y?z=1",
      "/returned/x",
      "/returned/y",
      "/broken/x",
    ],
  },
  {
    name: "captures at the beginning of a path",
    server: `
      proxy_set_header Host $host;
      location /strip/ { rewrite ^/strip(/.*)$ $1 break; proxy_pass http://$BACKEND; }
      location /slash { rewrite ^(.*[^/])$ $1/ permanent; proxy_pass http://$BACKEND; }
      rewrite ^(/download/.*)/media/(.*)\\..*$ $1/mp3/$2.mp3 last;
      location / { proxy_pass http://$BACKEND; }`,
    requests: ["/strip/a/b?c=d", "/strip/", "/slash/a?b=c", "/slash/a/", "/download/x/media/y.ogg"],
  },
  {
    name: "a rewrite beside a pass that changes the path, too",
    server: `
      proxy_set_header Host $host;
      location /grafana/ { rewrite ^/grafana/(\\d.*) /n/$1 break; proxy_pass http://$BACKEND/; }
      location /api/ { proxy_pass http://$BACKEND/v2/; }
      location /plain/ { proxy_pass http://$BACKEND; }
      location /kept { return 204; }
      location /kept/ { proxy_pass http://$BACKEND/; }
      location / { return 404; }`,
    requests: ["/grafana/1/x?y", "/grafana/x?y", "/grafana", "/grafana?x=1", "/api", "/api/x", "/kept", "/kept/x"],
  },
  {
    name: "captures of a condition as the path of a redirect",
    server: `
      root $ROOT/site;
      location / { if ($request_uri ~* "^(.*/)index\\.html$") { return 301 $1; } }`,
    requests: ["/index.html", "/sub/index.html", "/sub/"],
  },
  {
    name: "a name without its www",
    server: `
      if ($host ~* ^www\\.(.*)) { set $bare $1; rewrite ^(.*)$ http://$bare$1 permanent; }
      if ($host ~* ^m\\.(.+)$) { set $rest $1; return 302 https://$rest$request_uri; }
      location / { return 404; }`,
    requests: [
      { path: "/a/b?c=d", headers: { host: "www.example.org" } },
      { path: "/a%20b", headers: { host: "WWW.example.org" } },
      { path: "/a?b", headers: { host: "m.example.org" } },
      { path: "/a", headers: { host: "example.org" } },
    ],
  },
  {
    name: "redirects to the host and port that were asked, and with a query of their own",
    server: `
      location = /host { return 301 $scheme://$http_host/to; }
      location = /other { return 302 https://$http_host$request_uri; }
      location /query { rewrite ^/query/(.*)$ /to?id=$1 redirect; }
      location / { return 404; }`,
    requests: [
      { path: "/host", headers: { host: "example.org:8081" } },
      { path: "/other?x=1", headers: { host: "[::1]:8081" } },
      { path: "/other", headers: { host: "example.org" } },
      "/query/7",
      "/query/7?x=1",
    ],
  },
  {
    name: "what return answers comes before who may",
    server: `
      allow 10.0.0.1;
      deny all;
      auth_basic "inside";
      auth_basic_user_file $ROOT/htpasswd;
      root $ROOT/site;
      location = /ping { default_type text/plain; return 200 "pong"; }
      location /hidden/ { deny all; return 404; }
      location /moved/ { return 301 /page.html; }
      location /all/ { rewrite ^ /page.html permanent; }
      location /open/ { auth_basic off; allow all; alias $ROOT/assets/; }
      location /in/ { alias $ROOT/assets/; }`,
    requests: ["/ping", "/hidden/x", "/moved/x", "/all/x", "/open/app.css", "/in/app.css", "/page.html"],
  },
  {
    name: "try_files of a server is for what no location has",
    server: `
      root $ROOT/site;
      try_files $uri $uri/index.html @app;
      location ^~ /static/ { expires 1h; }
      location = /50x.html { }
      location @app { proxy_pass http://$BACKEND; proxy_set_header Host $host; }`,
    requests: ["/static/app.css", "/static/none.css", "/page.html", "/sub", "/nothing/there", "/50x.html"],
  },
  {
    name: "the type of a text is that of the extension",
    server: `
      default_type text/plain;
      location = /health.json { return 200 "{}"; }
      location = /app.js { return 200 "1"; }
      location = /plain { return 200 "1"; }
      location /robots.txt { default_type application/octet-stream; return 200 "User-agent: *"; }
      types { application/json json; application/javascript js; text/plain txt; }`,
    requests: ["/health.json", "/app.js", "/plain", "/robots.txt"],
  },
  {
    name: "pages that give their own status",
    server: `
      root $ROOT/site;
      error_page 404 = /page.html;
      error_page 403 /404.html;
      location /forbidden/ { deny all; }`,
    requests: ["/none", "/forbidden/x"],
  },
];
