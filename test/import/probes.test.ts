import { expect, test } from "bun:test";
import { importFiles } from "../../src/import/import.ts";
import { probesOf } from "../../src/import/probes.ts";
import { SourceFile } from "../../src/import/source.ts";

test("requests are made from the routes of each site, and one for a host that nobody has", () => {
  const conf = `server {
    listen 80; server_name *.b.org a.org; client_max_body_size 1k;
    location /static/ { alias /srv/static/; }
    location = /one { return 204; }
    location ~ ^/x { return 204; }
    location /old/ { return 301 /new/; }
    location / { proxy_pass http://web:1; }
  }`;
  const { plan } = importFiles([new SourceFile("nginx.conf", "/srv/nginx.conf", conf)], {});
  const probes = probesOf(plan, (directory) => (directory === "/srv/static/" ? ["a b.css"] : []));
  expect(probes.map(({ method, host, path, bodyBytes }) => `${method} ${host} ${path} ${bodyBytes}`)).toEqual([
    "GET a.org /static/ 0",
    "GET a.org /static/a%20b.css 0",
    "GET a.org /static/no-such-file.txt 0",
    "GET a.org /static../ 0",
    "GET a.org /one 0",
    "GET a.org /old/x?a=1 0",
    "GET a.org / 0",
    "GET a.org /no-such-file.txt 0",
    "POST a.org / 3",
    "GET a.org /no-such-page-here 0",
    "POST a.org / 1025",
    "GET no-such-host.invalid / 0",
  ]);
});

test("of several directories files of each are asked for", () => {
  const ini = "[uwsgi]\nhttp-socket = :80\nmodule = x\nchdir = /srv\nstatic-map = /s=one\nstatic-map = /s=two\n";
  const { plan } = importFiles([new SourceFile("uwsgi.ini", "/srv/uwsgi.ini", ini)], {});
  const probes = probesOf(plan, (directory) => [`${directory.replaceAll("/", "")}.txt`]);
  expect(probes.map(({ path }) => path).filter((path) => path.startsWith("/s"))).toEqual([
    "/s/",
    "/s/srvone.txt",
    "/s/srvtwo.txt",
    "/s/no-such-file.txt",
    "/s../",
  ]);
});
