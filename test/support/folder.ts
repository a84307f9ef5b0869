/** Temporary folders and free addresses for one test. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

export const ROOT = join(import.meta.dir, "../..");
export const PROJECTS = join(ROOT, "test/projects");

/** A new folder that everyone may enter (peers such as nginx's workers run as another user). */
export function makeFolder(name: string): string {
  const path = mkdtempSync(join(tmpdir(), `server-${name}-`));
  Bun.spawnSync(["chmod", "755", path]);
  return path;
}

export function removeFolder(path: string): void {
  rmSync(path, { recursive: true, force: true });
}

/** Files by their path inside `folder`. */
export function writeFiles(folder: string, files: Readonly<Record<string, string | Uint8Array>>): void {
  for (const [name, content] of Object.entries(files)) {
    const path = join(folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
  }
}

/**
 * Ports for servers of tests. Not those that the kernel gives away for port 0: it gives the same to any connection that
 * somebody makes, so that a port which was free a moment ago may be taken, and a server that was stopped may seem to answer.
 * These are below net.ipv4.ip_local_port_range, which begins at 32768; processes of tests that run side by side begin at
 * different ones, and each goes round its own.
 */
const PORT_MIN = 10_000;
const PORTS_OF_A_PROCESS = 200;
const OWN_PORT_MIN = PORT_MIN + (process.pid % 100) * PORTS_OF_A_PROCESS;
let nextPort = Math.trunc(Math.random() * PORTS_OF_A_PROCESS);

/** A TCP port that nobody listens on, and that is not given again soon. */
export async function freePort(host = "127.0.0.1"): Promise<number> {
  for (let tries = 0; tries < PORTS_OF_A_PROCESS; tries++) {
    const port = OWN_PORT_MIN + (nextPort++ % PORTS_OF_A_PROCESS);
    const probe = await listenOn(port, host);
    if (probe === undefined) continue;
    await new Promise((resolve) => probe.close(resolve));
    return port;
  }
  throw new Error(`no port is free from ${OWN_PORT_MIN} on`);
}

function listenOn(port: number, host: string): Promise<Server | undefined> {
  const { promise, resolve } = Promise.withResolvers<Server | undefined>();
  const server = createServer();
  server.once("error", () => resolve(undefined));
  server.listen(port, host, () => resolve(server));
  return promise;
}
