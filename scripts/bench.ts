/**
 * `make bench`: this server beside those that one would use instead, on this machine.
 *
 *   make bench                                     every row, every peer; writes docs/bench.md, its charts, docs/bench/results.json
 *   make bench ROW=hello,1k PEER="server,Caddy"    a part; what else was measured on this machine stays
 *   make bench-quick                               the main rows against nginx + uWSGI; writes to .build/bench only
 *
 * ROUNDS (3) and SECONDS (2) say how long. Rows are scripts/bench/rows, peers scripts/bench/peers.
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { makeFolder, removeFolder, ROOT } from "../test/support/folder.ts";
import { wrkMissing } from "./bench/load/wrk.ts";
import { gather, OURS, PEERS, REFERENCE } from "./bench/peers/all.ts";
import type { Peer } from "./bench/peers/peer.ts";
import { stopAll } from "./bench/peers/program.ts";
import { Progress } from "./bench/progress.ts";
import { writePages } from "./bench/report/page.ts";
import { rowTable, summary } from "./bench/report/table.ts";
import { describe, merge, readResults, type RowResult, writeResults } from "./bench/results.ts";
import { runRow } from "./bench/rounds.ts";
import { ROWS } from "./bench/rows/all.ts";
import type { Row } from "./bench/rows/row.ts";
import { PREPARE } from "./bench/scenes/prepare.ts";
import type { SceneName } from "./bench/scenes/scene.ts";
import { start, type Subject } from "./bench/subject.ts";
import { installDebian } from "./sample/debian.ts";
import { run } from "./sample/run.ts";

const { values } = parseArgs({
  options: {
    row: { type: "string", default: process.env["ROW"] ?? "" },
    peer: { type: "string", default: process.env["PEER"] ?? "" },
    rounds: { type: "string", default: process.env["ROUNDS"] ?? "3" },
    seconds: { type: "string", default: process.env["SECONDS"] ?? "2" },
    quick: { type: "boolean", default: false },
  },
});

const say = (line: string) => console.log(`bench: ${line}`);

/** Those of `all` that a comma-separated list names; all for an empty list. */
function chosen<T>(list: string, all: readonly T[], nameOf: (item: T) => string, what: string): readonly T[] {
  const words = list
    .split(",")
    .map((word) => word.trim())
    .filter((word) => word !== "");
  if (words.length === 0) return all;
  return words.map((word) => {
    const found = all.find((item) => nameOf(item).toLowerCase() === word.toLowerCase());
    if (found === undefined) throw new Error(`no ${what} is called "${word}"; there are ${all.map(nameOf).join(", ")}`);
    return found;
  });
}

function rowsAndPeers(): { rows: readonly Row[]; peers: readonly Peer[] } {
  const rows = chosen(values.row, ROWS, ({ id }) => id, "row");
  const peers = chosen(values.peer, PEERS, ({ name }) => name, "peer");
  if (!values.quick) return { rows, peers };
  const few = values.peer === "" ? [OURS, REFERENCE] : peers;
  return { rows: values.row === "" ? rows.filter(({ isQuick }) => isQuick === true) : rows, peers: few };
}

interface Plan {
  readonly peers: readonly Peer[];
  readonly progress: Progress;
  readonly rounds: number;
  readonly seconds: number;
}

/** All rows of one scene, with those who can do any of them running beside each other. */
async function runScene(name: SceneName, rows: readonly Row[], plan: Plan): Promise<RowResult[]> {
  const folder = makeFolder(`bench-${name}`);
  const subjects: Subject[] = [];
  plan.progress.show(`preparing ${name}`);
  const prepared = await PREPARE[name](folder, { manyFiles: rows.some(({ id }) => id.startsWith("many")) });
  try {
    const able = plan.peers.filter(({ abilities }) => rows.some(({ needs }) => abilities.includes(needs)));
    for (const peer of able) {
      plan.progress.show(`starting for ${name}`, peer.name);
      const started = await start(peer, prepared.scene, folder).catch((error: unknown) => String(error));
      if (typeof started === "string") say(`${peer.name} cannot be started for ${name}: ${started}`);
      else subjects.push(started);
    }
    const results: RowResult[] = [];
    for (const row of rows) {
      const result = await runRow(row, subjects, { ...plan, folder }, plan.progress);
      plan.progress.next();
      console.log(rowTable(result));
      results.push(result);
    }
    return results;
  } finally {
    for (const { running } of subjects) await running.stop();
    await prepared.stop();
    removeFolder(folder);
  }
}

async function main(): Promise<void> {
  const { rows, peers } = rowsAndPeers();
  if (wrkMissing() !== undefined) installDebian(["wrk"], say);
  const missing = wrkMissing();
  if (missing !== undefined) throw new Error(missing);
  const { here, absent } = gather(peers, say);
  for (const { peer, why } of absent) say(`without ${peer}: ${why}`);
  const [rounds, seconds] = values.quick ? [1, 1] : [Number(values.rounds), Number(values.seconds)];
  const plan: Plan = { peers: here, progress: new Progress(rows.length), rounds, seconds };
  const results: RowResult[] = [];
  for (const scene of new Set(rows.map((row) => row.scene))) {
    const ofScene = rows.filter((row) => row.scene === scene);
    results.push(...(await runScene(scene, ofScene, plan)));
  }
  console.log(summary(results));
  write({ ...describe(here, absent), rows: results });
}

function write(now: Parameters<typeof merge>[1]): void {
  const folder = values.quick ? join(ROOT, ".build/bench") : join(ROOT, "docs");
  const path = join(folder, values.quick ? "results.json" : "bench/results.json");
  const results = values.quick
    ? now
    : merge(
        readResults(path),
        now,
        ROWS.map(({ id }) => id),
      );
  writeResults(path, results);
  writePages(results, folder, values.quick ? undefined : join(ROOT, "README.md"));
  // They are sources like others: `make check` looks at their format.
  const written = [path, join(folder, "bench.md"), ...(values.quick ? [] : [join(ROOT, "README.md")])];
  run([process.execPath, "fmt", "--no-script", ...written]);
  say(`${path.slice(ROOT.length).replace(/^[./]*\//, "")} and bench.md are written`);
}

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => void stopAll().finally(() => process.exit(130)));
}

main().catch((error: unknown) => {
  console.error(`bench: ${error instanceof Error ? error.message : String(error)}`);
  process.exit(1);
});
