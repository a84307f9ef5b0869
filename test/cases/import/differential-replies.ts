/** Cases about what is passed, added to replies, refused and chosen by name. See differential.ts. */
import type { DifferentialCase } from "./differential-case.ts";

export const REPLY_CASES: readonly DifferentialCase[] = [
  {
    name: "proxy_pass with and without a path",
    server: `
      proxy_set_header Host $host;
      location /plain/ { proxy_pass http://$BACKEND; }
      location /strip/ { proxy_pass http://$BACKEND/; }
      location /move/ { proxy_pass http://$BACKEND/to/; }
      location /same/ { proxy_pass http://$BACKEND/same/; }
      location = /one { proxy_pass http://$BACKEND/other; }
      location ~ ^/re/(\\d+)$ { proxy_pass http://$BACKEND/item/$1; }
      location / { return 404; }`,
    requests: [
      "/plain/a%20b?x=1",
      "/strip/a?x=1",
      "/strip/",
      "/move/a/b?x=1",
      "/same/a",
      "/one?x=1",
      "/re/42",
      { path: "/plain/form", method: "POST", body: "a=1&b=2" },
      { path: "/plain/x", method: "PUT", body: "put" },
    ],
  },
  {
    name: "a server behind TLS whose certificate nobody vouches for",
    server: `
      proxy_set_header Host $host;
      location /believed/ { proxy_pass https://$SECURE; }
      location /said/ { proxy_pass https://$SECURE; proxy_ssl_verify off; proxy_ssl_server_name on; }
      location /verified/ {
        proxy_pass https://$SECURE;
        proxy_ssl_verify on;
        proxy_ssl_trusted_certificate /etc/ssl/certs/ca-certificates.crt;
        proxy_ssl_name backend.example;
      }`,
    requests: ["/believed/x", "/said/x", "/verified/x"],
  },
  {
    name: "what a proxy is told",
    http: `upstream pool { server $BACKEND; keepalive 8; }`,
    server: `
      location /host/ { proxy_pass http://$BACKEND; }
      location /pool/ { proxy_pass http://pool; }
      location /set/ {
        proxy_pass http://pool;
        proxy_set_header Host backend.internal;
        proxy_set_header X-Tenant "t-$arg_tenant";
        proxy_set_header Accept-Encoding "";
        proxy_hide_header X-Powered-By;
      }`,
    requests: ["/host/x", "/pool/x", { path: "/set/x?tenant=7", headers: { "accept-encoding": "gzip" } }],
  },
  {
    name: "fields of replies and their inheritance",
    server: `
      root $ROOT/site;
      add_header X-Site "of the site" always;
      add_header X-Frame-Options SAMEORIGIN;
      location /inherits/ { alias $ROOT/assets/; }
      location /own/ { alias $ROOT/assets/; add_header X-Own yes; }
      location /proxied/ { proxy_pass http://$BACKEND; proxy_set_header Host $host; add_header X-Own proxied always; }
      location /none/ { return 404; }`,
    requests: ["/page.html", "/inherits/app.css", "/own/app.css", "/proxied/x", { path: "/none/", here: { status: 404, why: "fields are on errors, too" } }],
  },
  {
    name: "charset",
    server: `
      charset gbk;
      root $ROOT/site;
      location /app/ { proxy_pass http://$BACKEND; }
      location /off/ { charset off; proxy_pass http://$BACKEND; }
      location /other/ { charset koi8-r; charset_types text/css; proxy_pass http://$BACKEND; }
      location /all/ { charset_types *; override_charset on; proxy_pass http://$BACKEND; }
      location /text/ { charset utf-8; default_type text/plain; return 200 "text"; }
      location /json/ { default_type application/json; return 200 "{}"; }
      location /page/ { error_page 404 /404.html; return 404; }
      location /media/ { charset off; }`,
    requests: [
      "/page.html",
      "/robots.txt",
      "/media/cat.jpg",
      "/app/?type=text/html",
      "/app/?type=TEXT/HTML",
      "/app/?type=text/html%3Bcharset=utf-16",
      "/app/?type=text/html%3B%20level=1",
      "/app/?type=text/css",
      "/app/?type=text/xml&status=404",
      "/app/?type=text/html&status=302",
      "/app/?type=text/html&status=303",
      "/app/?type=application/json",
      "/app/?type=application/rss%2Bxml",
      "/off/?type=text/html",
      "/other/?type=text/html",
      "/other/?type=text/css",
      "/other/?type=text/plain",
      "/all/?type=image/png",
      "/all/?type=text/html%3Bcharset=latin1",
      "/text/",
      "/json/",
      "/page/",
      { path: "/app/?type=text/html", method: "HEAD" },
    ],
  },
  {
    name: "expires and Cache-Control",
    server: `
      root $ROOT/site;
      location /static/ { expires 30d; }
      location /media/ { expires max; add_header Cache-Control "public"; }
      location /fresh/ { alias $ROOT/assets/; expires -1; }
      location /immutable/ { alias $ROOT/assets/; add_header Cache-Control "public, max-age=31536000, immutable"; }
      location /app/ { proxy_pass http://$BACKEND; proxy_set_header Host $host; expires 1h; }`,
    requests: ["/static/app.css", "/fresh/a.js", "/immutable/a.js", "/app/x", "/app/x?status=404", "/static/none.css"],
  },
  {
    name: "expires by the type of what is answered",
    http: `map $sent_http_content_type $by_type { default off; text/css 1h; ~image/ max; text/plain -1; text/x-app 2h; }
      map $sent_http_content_type $mostly { default 1h; ~image/ 2h; text/css 3h; }
      map $uri $by_path { default off; ~/kept/ 1d; }`,
    server: `
      root $ROOT/site;
      expires $by_type;
      location /mostly/ { alias $ROOT/site/; expires $mostly; }
      location /app/ { proxy_pass http://$BACKEND; proxy_set_header Host $host; }
      location /path/ { proxy_pass http://$BACKEND; proxy_set_header Host $host; expires $by_path; }`,
    requests: [
      "/static/app.css",
      "/media/cat.jpg",
      "/robots.txt",
      "/mostly/static/app.css",
      "/mostly/media/cat.jpg",
      "/mostly/page.html",
      "/mostly/robots.txt",
      "/app/?type=text/css",
      "/app/?type=text/x-app",
      "/app/?type=image/png",
      "/app/?type=image/png&status=404",
      "/app/?type=text/html",
      "/path/x",
      "/path/kept/x",
      "/path/kept/x?status=404",
    ],
  },
  {
    name: "an index that another location answers",
    server: `
      root $ROOT/site;
      location / { }
      location = /index.html { expires 1h; }
      location ~ \\.html$ { expires 2h; }
      location /static/ { expires 3d; location ~ \\.html?$ { } }
      location = /sub/index.html { expires 4h; }`,
    requests: ["/", "/?x=1", "/index.html", "/sub/", "/sub", "/sub/index.html", "/page.html", "/static/", "/static/app.css", "/static/index.html", "/robots.txt"],
  },
  {
    name: "pages of errors",
    server: `
      root $ROOT/site;
      error_page 404 /404.html;
      error_page 500 502 503 504 /50x.html;
      location = /404.html { internal; }
      location = /50x.html { }
      location /down/ { proxy_pass http://127.0.0.1:1; }
      location /busy { return 503; }
      location /ok { error_page 404 =200 /page.html; return 404; }
      location /kept/ { proxy_pass http://$BACKEND; proxy_set_header Host $host; }
      location /taken/ { proxy_pass http://$BACKEND; proxy_set_header Host $host; proxy_intercept_errors on; }`,
    requests: [
      "/missing",
      "/404.html",
      "/50x.html",
      "/down/",
      "/busy",
      "/ok",
      "/kept/?status=404",
      "/taken/?status=404",
      "/taken/?status=200",
    ],
  },
  {
    name: "who may",
    server: `
      root $ROOT/site;
      location /closed/ { deny all; }
      location /local/ { alias $ROOT/assets/; allow 127.0.0.1; deny all; }
      location /others/ { alias $ROOT/assets/; allow 10.0.0.0/8; deny all; }
      location /secret/ { alias $ROOT/assets/; auth_basic "Staff only"; auth_basic_user_file $ROOT/htpasswd; }
      location /either/ {
        alias $ROOT/assets/; satisfy any; allow 10.0.0.0/8; deny all;
        auth_basic "Staff only"; auth_basic_user_file $ROOT/htpasswd;
      }
      location ~ /\\.(git|ht) { deny all; }
      location /limited/ { client_max_body_size 10; proxy_pass http://$BACKEND; proxy_set_header Host $host; }`,
    requests: [
      "/closed/x",
      "/local/app.css",
      "/others/app.css",
      "/secret/app.css",
      { path: "/secret/app.css", headers: { authorization: `Basic ${btoa("ann:secret")}` } },
      { path: "/secret/app.css", headers: { authorization: `Basic ${btoa("ann:wrong")}` } },
      "/either/app.css",
      { path: "/either/app.css", headers: { authorization: `Basic ${btoa("ann:secret")}` } },
      "/.git/config",
      { path: "/limited/", method: "POST", body: "123456789" },
      { path: "/limited/", method: "POST", body: "1234567890123" },
    ],
  },
  {
    name: "set, map and variables",
    http: `map $host $tenant { default none; a.test alpha; ~^(?<sub>[a-z]+)\\.b\\.test$ $sub; }`,
    server: `
      set $where "elsewhere.test";
      location /set { return 302 http://$where/x; }
      location /map { return 200 "tenant $tenant"; }
      location /vars { return 200 "$scheme $request_method $uri $args $arg_a $http_x_a"; }
      location / { return 200 "root"; }`,
    requests: [
      "/set",
      { path: "/map", headers: { host: "a.test" } },
      { path: "/map", headers: { host: "zed.b.test" } },
      { path: "/map", headers: { host: "c.test" } },
      { path: "/vars?a=1&b=2", headers: { "x-a": "y" } },
    ],
  },
  {
    name: "names of hosts, and who gets what no other has",
    server: `
      server_name first.test;
      return 200 "first";
    }
    server {
      listen $LISTEN;
      server_name *.wild.test;
      return 200 "wild";
    }
    server {
      listen $LISTEN default_server;
      server_name _;
      return 200 "default";
    }
    server {
      listen $LISTEN;
      server_name ~^(?<user>[a-z]+)\\.re\\.test$ www.end.*;
      return 200 "regex $user";`,
    requests: [
      { path: "/", headers: { host: "first.test" } },
      { path: "/", headers: { host: "FIRST.test" } },
      { path: "/", headers: { host: "a.b.wild.test" } },
      { path: "/", headers: { host: "wild.test" } },
      { path: "/", headers: { host: "ann.re.test" } },
      { path: "/", headers: { host: "www.end.com" } },
      { path: "/", headers: { host: "unknown.test" } },
    ],
  },
];
