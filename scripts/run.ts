/**
 * The first half of `make run`: everything that the sample project needs, and .build/run/server.toml for a free port.
 * The server itself is started by make, in the foreground.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { sampleConfig } from "./sample/config.ts";
import { chooseDjango } from "./sample/django.ts";
import { prepareProject } from "./sample/prepare.ts";
import { ROOT } from "./sample/run.ts";

const HOST = "127.0.0.1";
const FIRST_PORT = 8000;
const PORTS_TRIED = 100;

async function main(): Promise<void> {
  const directory = join(ROOT, ".build/run");
  const data = join(directory, "data");
  mkdirSync(data, { recursive: true });
  const django = chooseDjango(process.env["DJANGO_FROM"], console.log);
  console.log(`django ${django.version} (${django.source}), python ${django.pythonVersion} at ${django.python}`);
  prepareProject(django, data, console.log);
  const port = await freePort();
  const names = ["localhost", HOST];
  const options = { django, data, listen: `${HOST}:${port}`, names, processes: 2, threads: 2 };
  writeFileSync(join(directory, "server.toml"), sampleConfig(options));
  console.log(`\n  http://${HOST}:${port}          the guestbook`);
  console.log(`  http://${HOST}:${port}/admin/   user admin, password admin\n\nCtrl-C stops it.\n`);
}

/** The first of FIRST_PORT… that nobody listens on. */
async function freePort(): Promise<number> {
  for (let port = FIRST_PORT; port < FIRST_PORT + PORTS_TRIED; port++) {
    if (await isFree(port)) return port;
  }
  throw new Error(`no free port between ${FIRST_PORT} and ${FIRST_PORT + PORTS_TRIED - 1}`);
}

function isFree(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const probe = createServer();
  probe.once("error", () => resolve(false));
  probe.listen(port, HOST, () => probe.close(() => resolve(true)));
  return promise;
}

main().catch((error: unknown) => {
  console.error(`make run: ${error instanceof Error ? error.message : String(error)}`);
  process.exit(1);
});
