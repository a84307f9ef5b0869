/** gunicorn with threads (gthread), alone and behind nginx; alone it writes the access log, else nginx does. */
import { join } from "node:path";
import { type App, type Peer, type Place, PROCESSES, THREADS } from "./peer.ts";
import { nginxIsThere, nginxVersion, startNginx } from "./nginx.ts";
import { Program, together } from "./program.ts";
import { hasPackages, inVenv, packageVersion } from "./venv.ts";

const PACKAGES = ["gunicorn"];

function startGunicorn(app: App, { folder }: Place, bind: string, more: readonly string[]): Program {
  const scale = ["--workers", String(PROCESSES), "--threads", String(THREADS), "--worker-class", "gthread"];
  const where = ["--bind", bind, "--chdir", app.root, "--backlog", "1024", "--keep-alive", "75", "--no-control-socket"];
  const command = [inVenv("gunicorn"), ...scale, ...where, ...more, `${app.module}:application`];
  return new Program("gunicorn", command, { folder, env: app.env ?? {} });
}

export const gunicorn: Peer = {
  name: "gunicorn",
  abilities: ["wsgi"],
  packages: { pypi: PACKAGES },
  isThere: () => hasPackages(PACKAGES),
  version: () => packageVersion("gunicorn"),
  launch: async ({ app }, place) => {
    if (app === undefined) throw new Error("gunicorn serves applications only");
    const more = ["--access-logfile", join(place.folder, "access.log")];
    const program = startGunicorn(app, place, `127.0.0.1:${place.port}`, more);
    return together([program], () => program.signal("SIGHUP"));
  },
};

export const nginxGunicorn: Peer = {
  name: "nginx + gunicorn",
  abilities: ["wsgi"],
  packages: { debian: ["nginx-light"], pypi: PACKAGES },
  isThere: () => nginxIsThere() && hasPackages(PACKAGES),
  version: () => `${nginxVersion()} + ${packageVersion("gunicorn")}`,
  launch: async (scene, place) => {
    if (scene.app === undefined) throw new Error("for files and proxying it is nginx, which is compared already");
    const path = join(place.folder, "gunicorn.sock");
    const nginx = startNginx(scene, place, `upstream app { server unix:${path}; keepalive 32; }`);
    const program = startGunicorn(scene.app, place, `unix:${path}`, []);
    return together([nginx, program], () => [nginx, program].forEach((each) => each.signal("SIGHUP")));
  },
};
