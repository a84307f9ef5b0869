/**
 * What configurations in use consist of: options and directives by how often they stood in 102 uwsgi.ini files and in 91
 * files of nginx with uwsgi_pass, all of those that were counted twice or more. Each is imported, in a file that is a
 * configuration otherwise, and has to be told of: as translated, with what server.toml says for it; as default or not needed
 * here; or as not carried over, with the reason and the remedy.
 */
import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { importFiles } from "../../src/import/import.ts";
import type { Finding, Verdict } from "../../src/import/report.ts";
import { KNOWN_DIRECTIVES } from "../../src/import/nginx/directives.ts";
import { optionNames } from "../../src/import/uwsgi/option-names.ts";
import { SourceFile } from "../../src/import/source.ts";
import { writePlan } from "../../src/import/write.ts";

/** A line, and what becomes of it: text of server.toml for what is translated, else the verdict. */
type Row = readonly [line: string, becomes: RegExp | Exclude<Verdict, "translated" | "error">];

/** Of the plugin, which is the system's; on a machine without one it says nothing. */
const SYSTEM_PYTHON = existsSync("/usr/bin/python3") ? /python += "\/usr\/bin\/python3"/ : "not-needed";

const UWSGI: readonly Row[] = [
  ["master = true", "not-needed"],
  ["processes = 4", /^processes += 4/m],
  ["workers = 4", /^processes += 4/m],
  ["module = mysite.wsgi", /^wsgi += "mysite.wsgi"/m],
  ["wsgi = mysite.wsgi:app", /^wsgi += "mysite.wsgi:app"/m],
  ["socket = 127.0.0.1:8997", /^uwsgi_socket += "127.0.0.1:8997"/m],
  ["uwsgi-socket = 127.0.0.1:8997", /^uwsgi_socket += "127.0.0.1:8997"/m],
  ["chdir = /srv/mysite", /^root += "\/srv\/mysite"/m],
  ["vacuum = true", "not-needed"],
  ["socket = /run/x.sock\nchmod-socket = 664", /mode = "664"/],
  ["threads = 2", /^threads += 2/m],
  ["uid = www-data", /^user += "www-data"/m],
  ["uid = www-data\ngid = adm", /^group += "adm"/m],
  ["max-requests = 5000", /^max_requests += 5000/m],
  ["pidfile = /run/x.pid", /^pid_file += "\/run\/x.pid"/m],
  ["die-on-term = true", "not-needed"],
  ["home = /srv/venv", /^python += "\/srv\/venv"/m],
  ["virtualenv = /srv/venv", /^python += "\/srv\/venv"/m],
  ["venv = /srv/venv", /^python += "\/srv\/venv"/m],
  ["enable-threads = true", "not-needed"],
  ["harakiri = 30", /^request_timeout += "30s"/m],
  ["wsgi-file = mysite/wsgi.py", /^wsgi += "mysite\/wsgi.py"/m],
  ["file = mysite/wsgi.py", /^wsgi += "mysite\/wsgi.py"/m],
  ["daemonize = /var/log/x.log", /^error_log += "\/var\/log\/x.log"/m],
  ["env = A=b", /^env += \{ A = "b" \}/m],
  ["buffer-size = 32768", "default-here"],
  ["http = :8000", /^listen += 8000/m],
  ["plugin = python3", SYSTEM_PYTHON],
  ["plugins = python3,http", SYSTEM_PYTHON],
  ["lazy-apps = true", "default-here"],
  ["http-socket = :8000", /^listen += 8000/m],
  ["socket = /run/x.sock\nchown-socket = a:b", /owner = "a", group = "b"/],
  ["single-interpreter = true", "not-needed"],
  ["logto = /var/log/x.log", /^error_log += "\/var\/log\/x.log"/m],
  ["pythonpath = /srv/lib", /^pythonpath += \["\/srv\/lib"\]/m],
  ["pp = /srv/lib", /^pythonpath += \["\/srv\/lib"\]/m],
  ["stats = 127.0.0.1:9191", "not-supported"],
  ["wsgi-file = x.py\ncallable = app", /^wsgi += "x.py:app"/m],
  ["disable-logging = true", /^access_log += "off"/m],
  ["need-app = true", "not-needed"],
  ["static-map = /static=/srv/static", /^"\/static\/" += \{ files = "\/srv\/static\/"/m],
  ["project = shop\nchdir = /srv/%(project)", /^root += "\/srv\/shop"/m],
  ["touch-reload = /srv/x", /^touch_reload += \["\/srv\/x"\]/m],
  ["env = HOME_DIR=$(HOME)", /HOME_DIR = "\$ENV\{HOME\}"/],
  ["post-buffering = 8192", "default-here"],
  ["http-timeout = 60", "default-here"],
  ["strict = true", "not-needed"],
  ["thunder-lock = true", "not-needed"],
  ["auto-procname = true", "not-needed"],
  ["memory-report = true", "not-needed"],
  ["log-maxsize = 1000000", /^log_rotate_size += "1MB"/m],
  ["reload-on-rss = 300", /^max_rss += "300MiB"/m],
  ["reload-mercy = 8", /^drain_timeout += "8s"/m],
  ["procname-prefix = x", "not-needed"],
  ["gevent = 50", /^threads += 50/m],
  ["socket-timeout = 30", "default-here"],
  ["processes = 4\ncheaper = 2", /^processes += \{ min = 2, max = 4 \}/m],
  ["cheaper-algo = spare", "default-here"],
  ["cheaper-overload = 3", "default-here"],
  ["cheaper-initial = 2", "default-here"],
  ["cheaper-step = 1", "default-here"],
  ["harakiri-verbose = true", "default-here"],
  ["max-worker-lifetime = 3600", /^max_lifetime += "1h"/m],
  ["socket = :8001\nprotocol = http", /^listen += \[8001|^listen += 8001/m],
  ["ignore-sigpipe = true", "not-needed"],
  ["ignore-write-errors = true", "not-needed"],
  ["disable-write-exception = true", "not-needed"],
  ["worker-reload-mercy = 60", /^drain_timeout += "1m"/m],
  ["log-format = %(method) %(uri)", /^access_log_format += "\$request_method \$request_uri"/m],
  ["procname-prefix-spaced = x", "not-needed"],
  ["offload-threads = 4", "not-needed"],
  ["logger = file:/var/log/x.log", /^error_log += "\/var\/log\/x.log"/m],
  ["idle = 60", /idle = "1m"/],
  ["procname = x", "not-needed"],
  ["mount = /app=mysite.wsgi:application\nmanage-script-name = true", /^"\/app\/" += \{ app = /m],
  ["manage-script-name = true\nmount = /app=mysite.wsgi:application", /^"\/app\/" += \{ app = /m],
  ["endif =\nif-env = HOME", /./],
  ["py-autoreload = 1", /^reload_on_change += true/m],
  ["hook-master-start = unix_signal:15 gracefully_kill_them_all", "default-here"],
  ["hook-master-start = exec:date", "not-supported"],
  ["http-keepalive = 1", "default-here"],
  ["lazy = true", "default-here"],
  ["disable-logging = 1\nlog-4xx = true", /^access_log_status += \["4xx"\]/m],
  ["disable-logging = 1\nlog-5xx = true", /^access_log_status += \["5xx"\]/m],
  ["logdate = true", "default-here"],
  ["die-on-idle = true", "not-supported"],
  ["cheap = true", /min = 0/],
  ["py-call-osafterfork = true", "not-needed"],
  ["no-defer-accept = true", "not-needed"],
  ["http-auto-chunked = true", "default-here"],
  ["http-enable-proxy-protocol = true", /proxy_protocol = true/],
  ["stats-http = true", "not-supported"],
  ["cache2 = name=x,items=100", "default-here"],
  ["limit-post = 1000000", /^max_body_size += "1MB"/m],
  ["no-orphans = true", "not-needed"],
  ["master-fifo = /run/fifo", "not-needed"],
  ["listen = 1024", "default-here"],
  ["mule-reload-mercy = 5", "not-needed"],
  ["spooler = /srv/spool", "not-supported"],
  ["spooler-chdir = /srv", "not-needed"],
  ["spooler-import = x", "not-supported"],
  ["ini = :more", /^processes += 3/m],
];

/** The last line is what is asked about; `location / { … }` stands beside it unless it has one. */
const SERVER: readonly Row[] = [
  ["listen 8080;", /^listen += 8080/m],
  ["listen [::]:8080;", /^listen += 8080/m],
  ["listen 8080 default_server; server_name a;", /^default += true/m],
  ["server_name example.org;", /^names += "example.org"/m],
  ["client_max_body_size 10m;", /^max_body_size += "10MiB"/m],
  ["location /static/ { alias /srv/static/; }", /files = "\/srv\/static\/"/],
  ["access_log /var/log/a.log;", /^access_log += "\/var\/log\/a.log"/m],
  ["error_log /var/log/e.log;", /^error_log += "\/var\/log\/e.log"/m],
  ["location /x/ { root /srv; }", /files = "\/srv\/x\/"/],
  ["charset utf-8;", /^charset += "utf-8"/m],
  ["charset off;", "default-here"],
  ["location /p/ { proxy_pass http://127.0.0.1:9; proxy_ssl_verify on; }", "no-effect-there"],
  [
    "location /p/ { proxy_pass https://127.0.0.1:9; proxy_ssl_name a.example; }",
    /server_name = "a.example", verify = false/,
  ],
  ["location /p/ { proxy_pass https://127.0.0.1:9; proxy_cookie_path ~^/a /b; }", "not-supported"],
  ["root /srv; autoindex on; autoindex_exact_size off;", "not-supported"],
  ["server_name b\u00fccher.example xn--bcher-kva.example;", /^names += "xn--bcher-kva.example"/m],
  ["location = /r { allow all; root /srv; }", /"= \/r" += \{ files = "\/srv\/?" \}/],
  ["rewrite ^/a$ /b; rewrite ^/c$ /d;", /match = "\^\/a\$", rewrite = "\/b" \}/],
  ["rewrite ^/a$ /c; rewrite ^/c$ /d;", /rewrite = "\/c", continue = true \}/],
  ["charset gbk; location /x/ { root /srv; charset off; }", /charset = "off"/],
  ["location /x/ { root /srv; charset gbk; }", /"\/x\/" += \{ files = .*, charset = "gbk" \}/],
  ["charset gbk; charset_types text/css;", /^charset_types = \["text\/html", "text\/css"\]/m],
  ["charset_types text/css;", "no-effect-there"],
  ["charset gbk; override_charset on;", "no-effect-there"],
  ["charset gbk; source_charset gbk;", "no-effect-there"],
  ["charset $arg_c;", "not-supported"],
  ["charset utf-88;", "not-supported"],
  ["location /s/ { alias /srv/s/; expires 30d; }", /cache = "30d"/],
  ["ssl_certificate c.pem; ssl_certificate_key k.pem; listen 443 ssl;", /^listen += \[80, 443\]/m],
  ["listen 443 ssl; ssl_certificate_key k.pem; ssl_certificate c.pem;", /cert = "\/srv\/c.pem"/],
  ["keepalive_timeout 65;", /^keepalive_timeout += "1m5s"/m],
  ["add_header X-A b;", /X-A = "b"/],
  ["location /p/ { proxy_pass http://127.0.0.1:9; proxy_set_header X-A b; }", /X-A = "b"/],
  ["return 301 https://$host$request_uri;", /redirect = "https:\/\/\$host\$request_uri"/],
  ["root /srv; location / { try_files $uri @a; } location @a { uwsgi_pass 127.0.0.1:9; }", /otherwise = /],
  ["location ~* ^/x/.*css$ { root /srv; }", /'?"?~\* \^\/x\/\.\*css\$/],
  ["location /p/ { proxy_pass http://127.0.0.1:9; proxy_redirect off; }", /^rewrite_redirects += false/m],
  ["location /i/ { alias /srv/; index a.html; }", /index = "a.html"/],
  ["location /p/ { proxy_pass http://127.0.0.1:9; }", /"\/p\/" += \{ upstream = /],
  ["rewrite ^/a$ /b permanent;", /match = "\^\/a\$", redirect = "\/b/],
  ["location = /x { return 204; }", /"= \/x" = \{ respond = "", status = 204 \}/],
  ["location /p/ { proxy_pass http://127.0.0.1:9; proxy_http_version 1.1; }", "default-here"],
  ["client_body_buffer_size 128k;", "not-needed"],
  ["location ^~ /.well-known/acme-challenge/ { root /srv/acme; }", /acme-challenge\/"/],
  ["location /v/ { return 200 $v; } set $v w;", /respond = "w"/],
  ["location = /favicon.ico { log_not_found off; }", "not-needed"],
  ["location = /50x.html { root /srv; } error_page 500 502 /50x.html;", /"500 502" = \{ route = "\/50x.html" \}/],
  ["ssl_dhparam /srv/x.pem;", "no-effect-there"],
  ["http2 on;", "not-needed"],
  [
    "listen 443 ssl http2; ssl_certificate c.pem; ssl_certificate_key k.pem; ssl_trusted_certificate t.pem;",
    "not-needed",
  ],
  ["if ($host = x.org) { return 444; }", /when = "\$host = x.org", error = 444/],
];

const PASS: readonly Row[] = [
  ["include uwsgi_params;", "default-here"],
  ["uwsgi_param TENANT a;", /params += \{ TENANT = "a" \}/],
  ["uwsgi_read_timeout 300;", /^read_timeout += "5m"/m],
  ["uwsgi_send_timeout 300;", /^send_timeout += "5m"/m],
  ["uwsgi_connect_timeout 75;", /^connect_timeout += "1m15s"/m],
  ["uwsgi_buffer_size 32k;", "default-here"],
  ["uwsgi_buffers 8 16k;", "default-here"],
  ["uwsgi_busy_buffers_size 32k;", "default-here"],
  ["proxy_redirect off;", "no-effect-there"],
];

const HTTP: readonly Row[] = [
  ["upstream app { server 127.0.0.1:9; }", /^\[upstream.app\]/m],
  ["log_format x '$remote_addr'; access_log /var/log/a.log x;", /^access_log_format += "\$remote_addr"/m],
  ["access_log /var/log/a.log x; log_format x '$remote_addr';", /^access_log_format += "\$remote_addr"/m],
  ["sendfile on;", "not-needed"],
  ["default_type text/plain;", /^default_type += "text\/plain"/m],
  ["gzip on;", /^compress += true/m],
  ["gzip on; gzip_types text/css;", "default-here"],
  ["tcp_nopush on;", "not-needed"],
  ["gzip_disable msie6;", "not-needed"],
  ["tcp_nodelay on;", "not-needed"],
  ["gzip_proxied any;", "not-needed"],
  ["gzip_http_version 1.1;", "not-needed"],
  ["gzip on; gzip_comp_level 6;", /gzip_level = 6/],
  ["server_tokens off;", "default-here"],
  ["gzip_vary on;", "not-needed"],
  ["limit_req zone=one; limit_req_zone $binary_remote_addr zone=one:10m rate=1r/s;", /^\[limit.one\]/m],
  ["limit_req_zone $binary_remote_addr zone=one:10m rate=1r/s;", "no-effect-there"],
  ["gzip on; gzip_min_length 1000;", /min_size = 1000/],
  ["gzip_buffers 16 8k;", "not-needed"],
  ["types_hash_max_size 2048;", "not-needed"],
  ["client_header_buffer_size 1k;", "not-needed"],
  ["large_client_header_buffers 4 32k;", /^max_header_size += "128KiB"/m],
];

const MAIN: readonly Row[] = [
  ["user www-data;", /^user += "www-data"/m],
  ["worker_processes 4;", /^fronts += 4/m],
  ["pid /run/nginx.pid;", "not-needed"],
  ["pid /srv/site.pid;", /^pid_file += "\/srv\/site.pid"/m],
  ["worker_processes 4; events { worker_connections 8192; }", /^max_connections += 32768/m],
  ["events { multi_accept on; }", "not-needed"],
];

interface Imported {
  readonly toml: string;
  readonly findings: readonly Finding[];
}

function imported(name: string, text: string): Imported {
  const { plan, report } = importFiles([new SourceFile(name, `/srv/${name}`, text)], {});
  return { toml: writePlan(plan), findings: report.findings };
}

function ini(line: string): string {
  const has = (names: string) => new RegExp(`^(?:${names}) =`, "m").test(line);
  const app = has("module|wsgi|wsgi-file|file") ? "" : "module = base.wsgi\n";
  const address = has("socket|uwsgi-socket|http|http-socket") ? "" : "http-socket = :3031\n";
  const block = line.includes("if-env") ? "endif =\n" : "";
  return `[uwsgi]\n${app}${address}${line}\n${block}[more]\nprocesses = 3\n`;
}

const PASSED = "location / { uwsgi_pass 127.0.0.1:8997; }";

const inServer = (line: string) => {
  const all = line.includes("location / ") ? line : `${line} ${PASSED}`;
  return `http { server { ${line.startsWith("listen") ? "" : "listen 80;"} ${all} } }`;
};
const inPass = (line: string) => `http { server { listen 80; location / { uwsgi_pass 127.0.0.1:8997; ${line} } } }`;
const inHttp = (line: string) => {
  const pass = line.startsWith("upstream") ? "app" : "127.0.0.1:8997";
  return `http { ${line} server { listen 80; location / { uwsgi_pass ${pass}; } } }`;
};
const inMain = (line: string) => `${line} http { server { listen 80; ${PASSED} } }`;

/** What is said of the last directive of the line, or of all that stands in it. */
function findingsOf(line: string, text: string, { findings }: Imported): Finding[] {
  const from = text.indexOf(line);
  const inside = findings.filter(({ origin }) => origin.offset >= from && origin.offset < from + line.length);
  return inside.toSorted((a, b) => a.origin.offset - b.origin.offset);
}

function expectTold([line, becomes]: Row, name: string, text: string): void {
  const result = imported(name, text);
  const told = findingsOf(line, text, result);
  expect(told.filter(({ verdict }) => verdict === "error")).toEqual([]);
  const last = told.at(-1);
  if (last === undefined) throw new Error(`nothing is told of ${line}`);
  if (becomes instanceof RegExp) {
    expect(last.verdict).toBe("translated");
    expect(result.toml).toMatch(becomes);
    return;
  }
  expect(last.verdict).toBe(becomes);
  expect(last.sentence).toMatch(/\w{3}/);
  // The reason, and behind it what to do.
  if (becomes === "not-supported") expect(last.sentence).toMatch(/; \w/);
}

describe("an option of uwsgi.ini that is in use is told of", () => {
  test.each(UWSGI.map((row) => [row[0].replace("\n", ", "), row] as const))("%s", (_, row) =>
    expectTold(row, "uwsgi.ini", ini(row[0])),
  );
});

describe("a directive of nginx.conf that is in use is told of", () => {
  const all = [
    ...SERVER.map((row) => [row, inServer(row[0])] as const),
    ...PASS.map((row) => [row, inPass(row[0])] as const),
    ...HTTP.map((row) => [row, inHttp(row[0])] as const),
    ...MAIN.map((row) => [row, inMain(row[0])] as const),
  ];
  test.each(all.map(([row, text]) => [row[0], row, text] as const))("%s", (_, row, text) =>
    expectTold(row, "nginx.conf", text),
  );
});

const SWEEP_MS = 60_000;

describe("nothing that there is, is passed over in silence", () => {
  test(
    "of all options of uWSGI",
    () => {
      // They act as they are met, and name files that are not there or blocks.
      const acting =
        /^(?:ini|yaml|yml|xml|xmlconfig|json|js|include|config|inherit|set|set-ph|set-placeholder|for|for-.*|end.*|if|if-.*)$/;
      const silent = optionNames().filter((name) => {
        if (acting.test(name)) return false;
        const line = `${name} = 1`;
        const text = `[uwsgi]\nmodule = base.wsgi\nhttp-socket = :3031\n${line}\n`;
        return findingsOf(line, text, imported("uwsgi.ini", text)).length === 0;
      });
      expect(silent).toEqual([]);
    },
    SWEEP_MS,
  );

  test(
    "of all directives of nginx, wherever they stand",
    () => {
      const places = [inMain, inHttp, inServer, inPass, (line: string) => inHttp(`upstream app { server a; ${line} }`)];
      const silent = [...KNOWN_DIRECTIVES].flatMap((name) =>
        places.flatMap((place, index) => {
          const line = `${name} 1;`;
          const text = place(line);
          return findingsOf(line, text, imported("nginx.conf", text)).length === 0 ? [`${name} in place ${index}`] : [];
        }),
      );
      expect(silent).toEqual([]);
    },
    SWEEP_MS,
  );
});
