/** Caddy: files, proxying, compression. Its access log is JSON, as it writes it unless told otherwise. */
import { join } from "node:path";
import { writeFiles } from "../../../test/support/folder.ts";
import { FIXED_BODY, type Peer, type Place, type Scene } from "./peer.ts";
import { Program, together, versionFrom } from "./program.ts";

function configuration({ files, upstream, tls }: Scene, { folder, port }: Place): string {
  const proxy =
    upstream === undefined ? [] : [`reverse_proxy /page* 127.0.0.1:${upstream}`, `reverse_proxy 127.0.0.1:${upstream}`];
  const compress = upstream === undefined ? [] : ["encode /page* zstd gzip"];
  const served = files === undefined ? [] : [`respond /fixed "${FIXED_BODY}" 200`, `root * ${files}`, "file_server"];
  const lines = [
    "bind 127.0.0.1",
    `log {\n    output file ${folder}/access.log\n  }`,
    ...(tls === undefined ? [] : [`tls ${tls.pem} ${tls.key}`]),
    ...compress,
    ...proxy,
    ...served,
  ];
  return `{
  admin unix/${folder}/admin.sock
  auto_https off
  log default {
    level ERROR
  }
}
${tls === undefined ? "http://" : "https://"}:${port} {
  ${lines.join("\n  ")}
}
`;
}

export const caddy: Peer = {
  name: "Caddy",
  abilities: ["files", "fixed", "proxy", "websocket", "gzip", "zstd", "tls"],
  packages: { debian: ["caddy"] },
  isThere: () => Bun.which("caddy") !== null,
  version: () => versionFrom("caddy", "version"),
  launch: async (scene, place) => {
    const { folder } = place;
    writeFiles(folder, { Caddyfile: configuration(scene, place) });
    const env = { HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder };
    const program = new Program("caddy", ["caddy", "run", "--config", "Caddyfile"], { folder, env });
    const reload = async () => {
      const command = [
        "caddy",
        "reload",
        "--force",
        "--config",
        "Caddyfile",
        "--address",
        `unix/${join(folder, "admin.sock")}`,
      ];
      await Bun.spawn(command, { cwd: folder, env: { ...process.env, ...env }, stdio: ["ignore", "ignore", "ignore"] })
        .exited;
    };
    return together([program], reload);
  },
};
