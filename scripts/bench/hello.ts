/**
 * The application server's price against the pair it replaces: a hello-world WSGI application, 4 processes of 2 threads,
 * and a 1 KiB static file. What is measured, and how, stands in duel.ts; larger applications are apps.ts.
 *
 *   make bench        bun scripts/bench/hello.ts --seconds 5 --rounds 3 --connections 64
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { makeFolder, removeFolder, writeFiles } from "../../test/support/folder.ts";
import { WSGI_FOLDER } from "../../test/support/toml.ts";
import type { Answer } from "../../test/support/wire.ts";
import { type Contender, duel } from "./duel.ts";
import { requirements, startBoth } from "./pair.ts";

const FILE_BYTES = 1024;

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "5" },
    rounds: { type: "string", default: "3" },
    connections: { type: "string", default: "64" },
  },
});

const ofLength = (bytes: number) => (answer: Answer) =>
  answer.body.length === bytes ? undefined : `${answer.body.length} bytes instead of ${bytes}`;

const connections = Number(values.connections);

const ROWS = [
  { name: "WSGI hello", path: "/", connections, wrong: ofLength(13), bar: { perSecond: 1.7, cpu: 0.6 } },
  { name: "1 KiB file", path: "/static/1k.txt", connections, wrong: ofLength(FILE_BYTES), bar: { perSecond: 1.25 } },
];

async function main(): Promise<void> {
  const missing = requirements();
  if (missing !== undefined) throw new Error(missing);
  const folder = makeFolder("bench");
  let running: Contender[] = [];
  try {
    writeFiles(folder, { "static/1k.txt": "x".repeat(FILE_BYTES) });
    running = await startBoth({ folder, root: WSGI_FOLDER, module: "hello", files: join(folder, "static") });
    const how = { rounds: Number(values.rounds), seconds: Number(values.seconds), folder };
    for (const row of ROWS) await duel(running, row, how);
  } finally {
    for (const contender of running) await contender.stop();
    removeFolder(folder);
  }
}

main().catch((error: unknown) => {
  console.error(`bench: ${error instanceof Error ? error.message : String(error)}`);
  process.exit(1);
});
