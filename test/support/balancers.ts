/** Balancers that pass on TCP connections with a PROXY protocol header: nginx's stream module and HAProxy, real ones. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { writeFiles } from "./folder.ts";
import { Peer } from "./peer.ts";

const STREAM_MODULE = "/usr/lib/nginx/modules/ngx_stream_module.so";

const nginx = Bun.which("nginx") ?? "/usr/sbin/nginx";
const haproxy = Bun.which("haproxy") ?? "/usr/sbin/haproxy";

export function streamMissing(): string | undefined {
  if (existsSync(nginx) && existsSync(STREAM_MODULE)) return undefined;
  return "nginx's stream module is not installed (apt-get install nginx-light libnginx-mod-stream)";
}

export function haproxyMissing(): string | undefined {
  return existsSync(haproxy) ? undefined : "haproxy is not installed (apt-get install haproxy)";
}

interface Balancing {
  readonly folder: string;
  /** Where it listens on 127.0.0.1. */
  readonly port: number;
  readonly backend: number;
}

/** Version 1: all that it speaks. */
export function startStream({ folder, port, backend }: Balancing): Promise<Peer> {
  const user = process.getuid?.() === 0 ? "user root;" : "";
  const configuration = `
load_module ${STREAM_MODULE};
daemon off;
${user}
pid ${folder}/stream.pid;
worker_processes 1;
events { worker_connections 256; }
stream {
  server {
    listen 127.0.0.1:${port};
    proxy_pass 127.0.0.1:${backend};
    proxy_protocol on;
  }
}
`;
  writeFiles(folder, { "stream.conf": configuration });
  const command = [nginx, "-p", folder, "-c", "stream.conf", "-e", join(folder, "stream-error.log")];
  return Peer.start(command, { host: "127.0.0.1", port }, folder, "SIGTERM");
}

/** `server`: what stands behind the address of the server. `mode` http: it writes X-Forwarded-For and -Proto. */
export function startHaproxy(
  { folder, port, backend }: Balancing,
  server: string,
  mode: "tcp" | "http",
): Promise<Peer> {
  const name = `haproxy-${port}.cfg`;
  const fields = mode === "tcp" ? "" : "option forwardfor\n  http-request set-header X-Forwarded-Proto https";
  const configuration = `
defaults
  mode ${mode}
  timeout connect 5s
  timeout client 10s
  timeout server 10s
listen balanced
  bind 127.0.0.1:${port}
  ${fields}
  server one 127.0.0.1:${backend} ${server}
`;
  writeFiles(folder, { [name]: configuration });
  return Peer.start([haproxy, "-db", "-f", name], { host: "127.0.0.1", port }, folder, "SIGTERM");
}
