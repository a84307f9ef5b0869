/** uvicorn with uvloop and httptools; a WSGI application stands in it by a2wsgi, as its manual says. */
import { writeFiles } from "../../../test/support/folder.ts";
import { type Peer, PROCESSES, THREADS } from "./peer.ts";
import { Program, together } from "./program.ts";
import { hasPackages, inVenv, packageVersion } from "./venv.ts";

const PACKAGES = ["uvicorn", "a2wsgi", "httptools", "uvloop"];

export const uvicorn: Peer = {
  name: "uvicorn",
  abilities: ["wsgi"],
  packages: { pypi: PACKAGES },
  isThere: () => hasPackages(PACKAGES),
  version: () => packageVersion("uvicorn"),
  note: "an ASGI server: the WSGI application stands in a2wsgi",
  launch: async ({ app }, { folder, port }) => {
    if (app === undefined) throw new Error("uvicorn serves applications only");
    const module = `from a2wsgi import WSGIMiddleware
from ${app.module} import application as wsgi
application = WSGIMiddleware(wsgi, workers=${THREADS})
`;
    writeFiles(folder, { "bench_asgi.py": module });
    const engine = [
      "--loop",
      "uvloop",
      "--http",
      "httptools",
      "--ws",
      "none",
      "--lifespan",
      "off",
      "--interface",
      "asgi3",
    ];
    const where = ["--host", "127.0.0.1", "--port", String(port), "--workers", String(PROCESSES)];
    const command = [inVenv("uvicorn"), ...engine, ...where, "--timeout-keep-alive", "75", "bench_asgi:application"];
    const env = { PYTHONPATH: `${folder}:${app.root}`, ...app.env };
    const program = new Program("uvicorn", command, { folder, env });
    return together([program], () => program.signal("SIGHUP"));
  },
};
