/** Granian, its HTTP in Rust, with its WSGI interface. */
import { type Peer, PROCESSES, THREADS } from "./peer.ts";
import { Program, together } from "./program.ts";
import { hasPackages, inVenv, packageVersion } from "./venv.ts";

export const granian: Peer = {
  name: "Granian",
  abilities: ["wsgi"],
  packages: { pypi: ["granian"] },
  isThere: () => hasPackages(["granian"]),
  version: () => packageVersion("granian"),
  launch: async ({ app }, { folder, port }) => {
    if (app === undefined) throw new Error("Granian serves applications only");
    const scale = ["--workers", String(PROCESSES), "--blocking-threads", String(THREADS)];
    const where = ["--host", "127.0.0.1", "--port", String(port), "--working-dir", app.root];
    const more = ["--interface", "wsgi", "--access-log"];
    const command = [inVenv("granian"), ...more, ...scale, ...where, `${app.module}:application`];
    const program = new Program("granian", command, { folder, env: app.env ?? {} });
    return together([program], () => program.signal("SIGHUP"));
  },
};
