/** haproxy with a thread for each core: proxying alone. It logs to its standard output, which is a file here. */
import { join } from "node:path";
import { writeFiles } from "../../../test/support/folder.ts";
import { type Peer, type Place, type Scene } from "./peer.ts";
import { Program, program, together, versionFrom } from "./program.ts";

function configuration({ upstream, fronts, hasLog }: Scene, { port }: Place): string {
  const server = `server one 127.0.0.1:${upstream}`;
  return `
global
  nbthread ${fronts}
  maxconn 8000
${hasLog ? "  log stdout format raw local0\n" : ""}defaults
  mode http
  log global
  option httplog
  option forwardfor
  http-reuse always
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  timeout tunnel 1h
frontend bench
  bind 127.0.0.1:${port} backlog 4096
  use_backend page if { path_beg /page }
  default_backend http
backend http
  ${server}
backend page
  compression algo gzip
  compression type text/html
  ${server}
`;
}

export const haproxy: Peer = {
  name: "haproxy",
  abilities: ["proxy", "websocket", "gzip"],
  packages: { debian: ["haproxy"] },
  hasOneThread: true,
  isThere: () => program("haproxy") !== undefined,
  version: () => versionFrom(program("haproxy") ?? "haproxy", "-v"),
  note: "its gzip (libslz) has no level",
  launch: async (scene, place) => {
    const { folder } = place;
    writeFiles(folder, { "haproxy.cfg": configuration(scene, place) });
    const command = [program("haproxy") ?? "haproxy", "-W", "-f", join(folder, "haproxy.cfg")];
    const running = new Program("haproxy", command, { folder });
    return together([running], () => running.signal("SIGUSR2"));
  },
};
