/** lighttpd with a worker for each core: files, proxying, compression. */
import { join } from "node:path";
import { writeFiles } from "../../../test/support/folder.ts";
import { type Peer, type Place, type Scene } from "./peer.ts";
import { Program, program, together, versionFrom } from "./program.ts";

function configuration({ files, upstream, fronts, hasLog }: Scene, { folder, port }: Place): string {
  const modules = [
    ...(hasLog ? ["mod_accesslog"] : []),
    ...(upstream === undefined ? [] : ["mod_proxy", "mod_deflate"]),
  ];
  const proxy = `
proxy.server = ("" => (("host" => "127.0.0.1", "port" => ${upstream})))
proxy.header = ("upgrade" => "enable")
$HTTP["url"] =~ "^/page" {
  deflate.mimetypes = ("text/html")
  deflate.allowed-encodings = ("gzip")
  deflate.compression-level = 5
}
server.stream-response-body = 0`;
  return `
server.modules = (${modules.map((name) => `"${name}"`).join(", ")})
server.bind = "127.0.0.1"
server.port = ${port}
server.document-root = "${files ?? folder}"
server.max-worker = ${fronts === 1 ? 0 : fronts}
server.max-connections = 16384
server.max-fds = 33000
server.listen-backlog = 4096
server.max-keep-alive-requests = 100000000
server.max-keep-alive-idle = 65
server.stat-cache-engine = "inotify"
server.upload-dirs = ("${folder}")
${hasLog ? `accesslog.filename = "${folder}/access.log"` : ""}
mimetype.assign = (".css" => "text/css", ".html" => "text/html", ".txt" => "text/plain", "" => "application/octet-stream")
${upstream === undefined ? "" : proxy}
`;
}

export const lighttpd: Peer = {
  name: "lighttpd",
  abilities: ["files", "proxy", "websocket", "gzip"],
  packages: { debian: ["lighttpd", "lighttpd-mod-deflate"] },
  hasOneThread: true,
  isThere: () => program("lighttpd") !== undefined,
  version: () => versionFrom(program("lighttpd") ?? "lighttpd", "-v"),
  note: "its proxy opens a connection to the upstream for each request",
  launch: async (scene, place) => {
    const { folder } = place;
    writeFiles(folder, { "lighttpd.conf": configuration(scene, place) });
    const command = [program("lighttpd") ?? "lighttpd", "-D", "-f", join(folder, "lighttpd.conf")];
    const running = new Program("lighttpd", command, { folder, hasOwnGroup: true });
    return together([running], () => running.signal("SIGUSR1"));
  },
};
