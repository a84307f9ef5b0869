import { describe, expect, test } from "bun:test";
import { importFiles } from "../../src/import/import.ts";
import { SourceFile } from "../../src/import/source.ts";
import { writePlan } from "../../src/import/write.ts";

function imported(nginx: string, ini: string) {
  const files = [
    new SourceFile("nginx.conf", "/srv/nginx.conf", nginx),
    new SourceFile("uwsgi.ini", "/srv/uwsgi.ini", ini),
  ];
  const { plan, report } = importFiles(files, {});
  return { plan, report, text: writePlan(plan) };
}

const INI =
  "[uwsgi]\nsocket=127.0.0.1:8997\nchdir=/srv/mysite/\nwsgi-file=mysite/wsgi.py\nprocesses=4\nthreads=2\nmaster=True\n";

const server = (lines: string) => `server { listen 80; server_name www.django.cn; ${lines} }`;

describe("nginx and an app that it passed to become one server", () => {
  test("the article's pair has no socket between them any more", () => {
    const pass =
      "include uwsgi_params; uwsgi_pass 127.0.0.1:8997; uwsgi_param UWSGI_SCRIPT mysite.wsgi; uwsgi_param UWSGI_CHDIR /srv/mysite/;";
    const { plan, report, text } = imported(
      server(`location / { ${pass} } location /static/ { alias /srv/mysite/static/; }`),
      INI,
    );
    expect(report.findings.filter(({ changesMeaning }) => changesMeaning)).toEqual([]);
    expect([...plan.apps.keys()]).toEqual(["mysite"]);
    expect([plan.upstreams.size, plan.apps.get("mysite")?.has("uwsgi_socket")]).toEqual([0, false]);
    expect(text).toMatch(/^"\/" +=/m);
    const [site] = plan.sites;
    expect(
      site?.routes.map(({ pattern, settings }) => [pattern, settings.get("app") ?? settings.get("files")]),
    ).toEqual([
      ["/", "mysite"],
      ["/static/", "/srv/mysite/static/"],
    ]);
  });

  test("a path below the root is passed in whole, and what was said of the pass holds for the route", () => {
    const { plan } = imported(
      server("location /app/ { uwsgi_pass localhost:8997; uwsgi_read_timeout 300; uwsgi_hide_header X-A; }"),
      INI,
    );
    const settings = plan.sites[0]?.routes[0]?.settings;
    expect(settings?.all.map(({ key, value }) => [key, value])).toEqual([
      ["app", "mysite"],
      ["mount", false],
      ["request_timeout", "5m"],
      ["headers", { remove: ["X-A"] }],
    ]);
  });

  test("a socket that is passed to in two ways is no socket for either", () => {
    const lines =
      "location / { uwsgi_pass 127.0.0.1:8997; } location /slow/ { uwsgi_pass 127.0.0.1:8997; uwsgi_buffering off; }";
    const { plan } = imported(server(lines), INI);
    expect([...plan.upstreams.keys()]).toEqual([]);
    expect(plan.sites[0]?.routes.map(({ settings }) => settings.get("app"))).toEqual(["mysite", "mysite"]);
    expect(plan.apps.get("mysite")?.has("uwsgi_socket")).toBe(false);
    const http = INI.replace("socket=", "http-socket=");
    const passes =
      "proxy_set_header Host $host; location / { proxy_pass http://127.0.0.1:8997; } location /slow/ { proxy_pass http://127.0.0.1:8997; proxy_buffering off; }";
    const both = imported(server(passes), http);
    expect([...both.plan.upstreams.keys()]).toEqual([]);
    expect(both.plan.sites).toHaveLength(1);
    expect(both.plan.sites[0]?.routes.map(({ settings }) => settings.get("app"))).toEqual(["mysite", "mysite"]);
  });

  test("one of two ways that cannot be joined leaves the socket", () => {
    const lines =
      "proxy_set_header Host other.example; location / { proxy_pass http://127.0.0.1:8997; } location /a/ { proxy_set_header Host $host; proxy_pass http://127.0.0.1:8997; }";
    const { plan } = imported(server(lines), INI.replace("socket=", "http-socket="));
    const addresses = plan.sites.flatMap(({ settings }) => settings.get("listen"));
    expect([...plan.upstreams.keys()].length > 0 ? addresses : []).toContain("127.0.0.1:8997");
  });

  test("files first leads to the app otherwise", () => {
    const { plan } = imported(
      server("root /srv/www; location / { try_files $uri @app; } location @app { uwsgi_pass 127.0.0.1:8997; }"),
      INI,
    );
    expect(plan.sites[0]?.routes[0]?.settings.get("otherwise")).toEqual({ app: "mysite" });
  });

  test("another socket stays an upstream", () => {
    const { plan } = imported(server("location / { uwsgi_pass 127.0.0.1:9000; }"), INI);
    expect([...plan.upstreams.keys()]).toEqual(["local9000"]);
    expect(plan.apps.get("mysite")?.has("uwsgi_socket")).toBe(true);
  });

  test("a variable that an app is not told of fails the import", () => {
    const { report } = imported(server("location / { uwsgi_pass 127.0.0.1:8997; uwsgi_param MY_TENANT a; }"), INI);
    expect(report.findings.filter(({ changesMeaning }) => changesMeaning).map(({ directive }) => directive)).toEqual([
      "uwsgi_param MY_TENANT a",
    ]);
  });
});

describe("nginx and a gunicorn that it passed to become one server", () => {
  const unit = (bind: string) =>
    `[Service]\nUser=www-data\nWorkingDirectory=/srv/mysite\nExecStart=/srv/mysite/.venv/bin/gunicorn ${bind} ` +
    "--threads 2 --keep-alive 5 --limit-request-fields 50 --access-logfile /srv/access.log mysite.wsgi\n";
  const both = (nginx: string, service: string) => {
    const files = [
      new SourceFile("nginx.conf", "/srv/nginx.conf", nginx),
      new SourceFile("gunicorn.service", "/srv/gunicorn.service", service),
    ];
    const { plan, report } = importFiles(files, {});
    return { plan, report, text: writePlan(plan) };
  };
  const told =
    "proxy_set_header Host $host; proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; proxy_set_header X-Forwarded-Proto $scheme;";

  test.each(["unix:/srv/gunicorn.sock", "127.0.0.1:8001"])("bound to %s", (address) => {
    const pass = `http://${address}`;
    const { plan, report, text } = both(
      server(`${told} location / { proxy_pass ${pass}; } location /static/ { alias /srv/mysite/static/; }`),
      unit(`-b ${address}`),
    );
    expect(report.changesMeaning).toBe(false);
    expect([plan.upstreams.size, plan.sites.length]).toEqual([0, 1]);
    const [site] = plan.sites;
    expect(site?.routes.find(({ pattern }) => pattern === "/")?.settings.get("app")).toBe("mysite");
    // What gunicorn said of its own address is nobody's any more.
    expect(text).not.toMatch(
      /keepalive_timeout|max_header_fields|merge_slashes|access_log|trusted_proxies|X-Forwarded/,
    );
    const gone = report.findings.filter(({ directive }) => /^(-b|--keep-alive|--limit|--access)/.test(directive));
    expect(gone.map(({ verdict }) => verdict)).toEqual(Array(4).fill("not-needed"));
    const fields = report.findings.filter(({ directive }) => directive.startsWith("proxy_set_header"));
    expect(fields.map(({ verdict }) => verdict)).toEqual(Array(3).fill("not-needed"));
  });

  test("what nginx says of connections stays", () => {
    const { plan } = both(
      `keepalive_timeout 30; ${server(`${told} location / { proxy_pass http://127.0.0.1:8001; }`)}`,
      unit("-b 127.0.0.1:8001"),
    );
    expect([plan.sites.length, plan.server.get("keepalive_timeout")]).toEqual([1, "30s"]);
  });

  test("another address stays one", () => {
    const { plan, text } = both(
      server(`${told} location / { proxy_pass http://127.0.0.1:9000; }`),
      unit("-b 127.0.0.1:8001"),
    );
    expect([plan.upstreams.size, plan.sites.length]).toEqual([1, 2]);
    expect(text).toContain("127.0.0.1:8001");
  });
});
