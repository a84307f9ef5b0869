/**
 * nginx with what its manual has for speed: a worker for each core, sendfile, open_file_cache, kept connections to upstreams, with
 * several workers buffers for replies of 1 MiB (its own are 64 KiB; what fits in the first of them has that alone), a buffered access log. A body of 1 MB is
 * a temporary file here as it is in our server. In front of uWSGI, of gunicorn, or of nothing.
 */
import { join } from "node:path";
import { existsSync } from "node:fs";
import { UWSGI_PARAMS } from "../../../test/support/nginx.ts";
import { writeFiles } from "../../../test/support/folder.ts";
import { FIXED_BODY, type Place, type Scene } from "./peer.ts";
import { Program, program, versionFrom } from "./program.ts";

/** Not by one thread: those rows are of bars that are of nginx as it is but for what they name. */
const LARGE_BUFFERS =
  "proxy_buffers 16 64k; proxy_busy_buffers_size 512k; uwsgi_buffers 16 64k; uwsgi_busy_buffers_size 512k;";

export const nginxIsThere = () => program("nginx") !== undefined && existsSync(UWSGI_PARAMS);
export const nginxVersion = () => versionFrom(program("nginx") ?? "nginx", "-v");

/** What it passes everything to that has no file: a location's content. */
export function startNginx(scene: Scene, place: Place, app: string): Program {
  const { folder } = place;
  writeFiles(folder, { "nginx.conf": configuration(scene, place, app) });
  const command = [
    program("nginx") ?? "nginx",
    "-p",
    folder,
    "-c",
    "nginx.conf",
    "-e",
    join(folder, "nginx-error.log"),
  ];
  return new Program("nginx", command, { folder });
}

function configuration(scene: Scene, { folder, port }: Place, app: string): string {
  const user = process.getuid?.() === 0 ? "user root;" : "";
  const spools = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
  const { tls, fronts, hasLog } = scene;
  const certificate = `ssl_certificate ${tls?.pem}; ssl_certificate_key ${tls?.key}; ssl_protocols TLSv1.2 TLSv1.3;
    ssl_session_cache shared:bench:1m;`;
  return `
daemon off; ${user} pid ${folder}/nginx.pid; worker_processes ${fronts}; worker_rlimit_nofile 65536;
events { worker_connections 16384; }
http {
  access_log ${hasLog ? `${folder}/access.log combined buffer=64k flush=1s` : "off"};
  ${spools.map((name) => `${name}_temp_path ${folder}/nginx-${name};`).join("\n  ")}
  client_max_body_size 100m; client_body_buffer_size 128k;
  ${fronts > 1 ? LARGE_BUFFERS : ""}
  types { text/css css; text/html html; text/plain txt; }
  sendfile on; tcp_nopush on; keepalive_requests 100000000;
  open_file_cache max=15000 inactive=60s; open_file_cache_valid 60s; open_file_cache_min_uses 1;
  map $http_upgrade $connection_upgrade { default upgrade; "" ""; }
  gzip_types text/css; gzip_comp_level 5;
  ${scene.upstream === undefined ? "" : `upstream http { server 127.0.0.1:${scene.upstream}; keepalive 64; keepalive_requests 100000000; }`}
  ${app.startsWith("upstream") ? app : ""}
  server {
    listen 127.0.0.1:${port}${tls === undefined ? "" : " ssl"} backlog=4096;
    ${tls === undefined ? "" : certificate}
    ${locations(scene, app).join("\n    ")}
  }
}
`;
}

const FORWARD = `proxy_http_version 1.1; proxy_set_header Host $host; proxy_set_header X-Real-IP $remote_addr;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; proxy_set_header X-Forwarded-Proto $scheme;
      proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade;`;

function locations({ app, files, upstream, uwsgi }: Scene, behind: string): string[] {
  const found: string[] = [];
  if (app !== undefined) {
    const pass = behind.startsWith("upstream") ? `proxy_pass http://app; ${FORWARD}` : behind;
    found.push(`location / { ${pass} }`);
  }
  if (files !== undefined) {
    found.push(`location / { root ${files}; }`);
    found.push(`location = /fixed { default_type text/plain; return 200 "${FIXED_BODY}"; }`);
  }
  if (upstream !== undefined) {
    found.push(`location / { proxy_pass http://http; ${FORWARD} }`);
    found.push(`location /page { gzip on; proxy_pass http://http; ${FORWARD} }`);
  }
  if (uwsgi !== undefined) found.push(`location /uwsgi { include ${UWSGI_PARAMS}; uwsgi_pass unix:${uwsgi}; }`);
  return found;
}
