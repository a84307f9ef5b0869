/** waitress: one process by design, so it gets as many threads as the others have in all their processes. */
import { type Peer, PROCESSES, THREADS } from "./peer.ts";
import { Program, together } from "./program.ts";
import { hasPackages, inVenv, packageVersion } from "./venv.ts";

export const waitress: Peer = {
  name: "waitress",
  abilities: ["wsgi"],
  packages: { pypi: ["waitress"] },
  isThere: () => hasPackages(["waitress"]),
  version: () => packageVersion("waitress"),
  note: "one process, no access log, no reload",
  launch: async ({ app }, { folder, port }) => {
    if (app === undefined) throw new Error("waitress serves applications only");
    const scale = [`--threads=${PROCESSES * THREADS}`, "--connection-limit=1000", "--backlog=1024"];
    const command = [inVenv("waitress-serve"), `--listen=127.0.0.1:${port}`, ...scale, `${app.module}:application`];
    const program = new Program("waitress", command, { folder, env: { PYTHONPATH: app.root, ...app.env } });
    return together([program]);
  },
};
