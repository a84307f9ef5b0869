/** The machine's nginx, in the foreground, on a configuration in a folder of the test. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { writeFiles } from "./folder.ts";
import { Peer } from "./peer.ts";

/** Debian's, as its package installs it. */
export const UWSGI_PARAMS = "/etc/nginx/uwsgi_params";

export function nginxMissing(): string | undefined {
  if (program() === undefined) return "nginx is not installed (apt-get install nginx-light)";
  return existsSync(UWSGI_PARAMS) ? undefined : `${UWSGI_PARAMS} is not there`;
}

function program(): string | undefined {
  return Bun.which("nginx") ?? (existsSync("/usr/sbin/nginx") ? "/usr/sbin/nginx" : undefined);
}

export interface NginxOptions {
  readonly folder: string;
  readonly port: number;
  /** Inside `server { }`. */
  readonly server: string;
  /** Inside `http { }`, before the server. */
  readonly http?: string;
  readonly workers?: number;
  readonly accessLog?: boolean;
}

export function startNginx(options: NginxOptions): Promise<Peer> {
  const { folder, port } = options;
  writeFiles(folder, { "nginx.conf": configuration(options) });
  const command = [program() ?? "nginx", "-p", folder, "-c", "nginx.conf", "-e", join(folder, "nginx-error.log")];
  return Peer.start(command, { host: "127.0.0.1", port }, folder, "SIGTERM");
}

/** `http`: the whole `http { }`; where it spools, and what main says, is put around it. */
export function startNginxOn(http: string, folder: string, port: number): Promise<Peer> {
  const lines = http.replace("{", `{ access_log off; ${spools(folder)}`);
  writeFiles(folder, { "nginx-peer.conf": `${mainLines(folder, 1)}\n${lines}\n` });
  const command = [program() ?? "nginx", "-p", folder, "-c", "nginx-peer.conf", "-e", join(folder, "nginx-error.log")];
  return Peer.start(command, { host: "127.0.0.1", port }, folder, "SIGTERM");
}

function mainLines(folder: string, workers: number): string {
  const user = process.getuid?.() === 0 ? "user root;" : "";
  return `daemon off; ${user} pid ${folder}/nginx.pid; worker_processes ${workers}; events { worker_connections 1024; }`;
}

function spools(folder: string): string {
  const names = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
  return names.map((name) => `${name}_temp_path ${folder}/nginx-${name};`).join("\n  ");
}

function configuration({ folder, port, server, http = "", workers = 1, accessLog = false }: NginxOptions): string {
  return `
${mainLines(folder, workers)}
http {
  access_log ${accessLog ? `${folder}/nginx-access.log` : "off"};
  ${spools(folder)}
  client_max_body_size 100m;
  types { text/css css; text/html html; text/plain txt; }
  ${http}
  server {
    listen 127.0.0.1:${port};
    ${server}
  }
}
`;
}
