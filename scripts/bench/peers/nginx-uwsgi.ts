/** The pair that this project replaces: nginx, and uWSGI behind a unix socket. nginx writes the access log. */
import { join } from "node:path";
import { uwsgiArguments, uwsgiMissing } from "../../../test/support/uwsgi.ts";
import { UWSGI_PARAMS } from "../../../test/support/nginx.ts";
import { type Peer, PROCESSES, THREADS } from "./peer.ts";
import { nginxIsThere, nginxVersion, startNginx } from "./nginx.ts";
import { Program, together, versionFrom } from "./program.ts";

export const nginxUwsgi: Peer = {
  name: "nginx + uWSGI",
  abilities: ["wsgi", "files", "fixed", "proxy", "uwsgi", "websocket", "gzip", "tls"],
  packages: { debian: ["nginx-light", "uwsgi-core", "uwsgi-plugin-python3"] },
  hasOneThread: true,
  isThere: () => nginxIsThere() && uwsgiMissing() === undefined,
  version: () => `${nginxVersion()} + ${versionFrom("uwsgi", "--version")}`,
  launch: async (scene, place) => {
    const path = join(place.folder, "uwsgi.sock");
    const nginx = startNginx(scene, place, `include ${UWSGI_PARAMS}; uwsgi_pass unix:${path};`);
    const { app } = scene;
    if (app === undefined) return together([nginx], () => nginx.signal("SIGHUP"));
    const more = ["--disable-logging", "--listen", "1024"];
    for (const [name, value] of Object.entries(app.env ?? {})) more.push("--env", `${name}=${value}`);
    const scale = { processes: PROCESSES, threads: THREADS };
    const options = { address: { path }, root: app.root, module: app.module, folder: place.folder, more, ...scale };
    const uwsgi = new Program("uwsgi", uwsgiArguments(options), { folder: place.folder });
    const reload = () => [nginx, uwsgi].forEach((each) => each.signal("SIGHUP"));
    return together([nginx, uwsgi], reload);
  },
};
