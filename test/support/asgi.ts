/** Debian's uvicorn and daphne, in the foreground, with the ASGI application of test/projects/asgi. */
import { existsSync } from "node:fs";
import { PROJECTS } from "./folder.ts";
import { Peer } from "./peer.ts";

export type AsgiServer = "uvicorn" | "daphne";

const PYTHON = "/usr/bin/python3";
const MODULES = { uvicorn: ["uvicorn", "websockets"], daphne: ["daphne"] } as const;

export function asgiMissing(server: AsgiServer): string | undefined {
  const there =
    existsSync(PYTHON) &&
    Bun.spawnSync([PYTHON, "-c", `import ${MODULES[server].join(", ")}`], { stderr: "ignore" }).exitCode === 0;
  if (there) return undefined;
  const packages = server === "uvicorn" ? "python3-uvicorn python3-websockets" : "daphne";
  return `${server} is not installed (apt-get install ${packages})`;
}

export function startAsgi(server: AsgiServer, port: number): Promise<Peer> {
  const where =
    server === "uvicorn" ? ["--host", "127.0.0.1", "--port", String(port)] : ["-b", "127.0.0.1", "-p", String(port)];
  const more = server === "uvicorn" ? ["--ws", "websockets", "--ws-max-size", "33554432", "--lifespan", "off"] : [];
  const command = [PYTHON, "-m", server, ...where, ...more, "echo:application"];
  return Peer.start(command, { host: "127.0.0.1", port }, `${PROJECTS}/asgi`, "SIGTERM");
}
