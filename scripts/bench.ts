/**
 * `make bench`: this server beside those that one would use instead, on this machine.
 *
 *   make bench                                     every row, every peer; writes docs/bench.md, its charts, docs/bench/results.json
 *   make bench ROW=hello,1k PEER="server,Caddy"    a part; what else was measured on this machine stays. docs/bench of another
 *                                                  machine is left alone: then .build/bench is written
 *   make bench-quick                               the main rows against nginx + uWSGI; writes to .build/bench only
 *
 * ROUNDS (3) and SECONDS (2) say how long. Rows are scripts/bench/rows, peers scripts/bench/peers; one-1k is 1k by one thread against one
 * worker, without an access log. It ends with 1 when nobody could be measured in a row.
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { makeFolder, removeFolder, ROOT } from "../test/support/folder.ts";
import { isBrokenOff, takenBack, watchSignals } from "./bench/break-off.ts";
import { readCount } from "./bench/count.ts";
import { wrkMissing } from "./bench/load/wrk.ts";
import { unmeasured } from "./bench/outcome.ts";
import { type Absent, gather, OURS, PEERS, REFERENCE } from "./bench/peers/all.ts";
import { ALL_CORES, ONE_THREAD, type Peer, type Shape } from "./bench/peers/peer.ts";
import { Progress } from "./bench/progress.ts";
import { writePages } from "./bench/report/page.ts";
import { rowTable, summary } from "./bench/report/table.ts";
import { describe, merge, readResults, type Results, type RowResult, writeResults } from "./bench/results.ts";
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
    rounds: { type: "string", default: process.env["ROUNDS"] || "3" },
    seconds: { type: "string", default: process.env["SECONDS"] || "2" },
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
  /** Told of each row when it is measured, so that a bench which is broken off has not been in vain. */
  readonly measured: (row: RowResult) => void;
}

/** All rows of one scene, with those who can do any of them running beside each other. */
async function runScene(name: SceneName, shape: Shape, rows: readonly Row[], plan: Plan): Promise<void> {
  const folder = makeFolder(`bench-${name}`);
  const remove = takenBack(() => removeFolder(folder));
  const subjects: Subject[] = [];
  const refused: Absent[] = [];
  plan.progress.show(`preparing ${name}`);
  const preparing = PREPARE[name](folder, { manyFiles: rows.some(({ id }) => id.includes("many")) });
  const unprepare = takenBack(async () => (await preparing).stop());
  try {
    const prepared = await preparing;
    const able = plan.peers.filter(
      ({ abilities, hasOneThread }) =>
        rows.some(({ needs }) => abilities.includes(needs)) && (shape !== ONE_THREAD || hasOneThread === true),
    );
    for (const peer of able) {
      plan.progress.show(`starting for ${name}`, peer.name);
      const started = await start(peer, { ...prepared.scene, ...shape }, folder).catch((error: unknown) =>
        String(error),
      );
      if (typeof started === "string") refused.push({ peer: peer.name, why: `it cannot be started: ${started}` });
      else subjects.push(started);
    }
    for (const row of rows) {
      if (isBrokenOff()) return;
      const result = await runRow(row, subjects, { ...plan, folder }, plan.progress);
      plan.progress.next();
      const outside = refused.filter(({ peer }) =>
        able.find(({ name: each }) => each === peer)?.abilities.includes(row.needs),
      );
      const whole = { ...result, refused: [...result.refused, ...outside] };
      console.log(rowTable(whole));
      plan.measured(whole);
    }
  } finally {
    for (const { running } of subjects) await running.stop();
    await unprepare().finally(remove);
  }
}

async function main(): Promise<void> {
  const { rows, peers } = rowsAndPeers();
  const given = [readCount("ROUNDS", values.rounds), readCount("SECONDS", values.seconds)] as const;
  if (wrkMissing() !== undefined) installDebian(["wrk"], say);
  const missing = wrkMissing();
  if (missing !== undefined) throw new Error(missing);
  const { here, absent } = gather(peers, say);
  for (const { peer, why } of absent) say(`without ${peer}: ${why}`);
  const [rounds, seconds] = values.quick ? [1, 1] : given;
  const told = describe(here, absent);
  const all: RowResult[] = [];
  const now = () => ({ ...told, rows: all.filter(({ entries }) => entries.length > 0) });
  const place = placeFor({ isWhole: values.row === "" && values.peer === "", machine: told.machine });
  const measured = (row: RowResult) => {
    if (isBrokenOff()) return;
    all.push({ ...row, entries: row.entries.map((entry) => ({ ...entry, date: told.date })) });
    if (row.entries.length > 0) keep(now(), place.meanwhile);
  };
  const plan: Plan = { peers: here, progress: new Progress(rows.length), rounds, seconds, measured };
  for (const shape of [ALL_CORES, ONE_THREAD]) {
    const ofShape = rows.filter((row) => (row.shape ?? ALL_CORES) === shape);
    for (const scene of new Set(ofShape.map((row) => row.scene))) {
      if (isBrokenOff()) return;
      const ofScene = ofShape.filter((row) => row.scene === scene);
      await runScene(scene, shape, ofScene, plan);
    }
  }
  if (isBrokenOff()) return;
  const missed = unmeasured(all, values.row !== "");
  if (now().rows.length > 0) {
    console.log(summary(now().rows));
    show(keep(now(), place.atLast), place.atLast);
  }
  if (missed !== undefined) throw new Error(missed);
}

interface Folder {
  readonly path: string;
  readonly results: string;
  /** What was measured before stays. */
  readonly adds: boolean;
  readonly readme: string | undefined;
}

const DOCS: Folder = {
  path: join(ROOT, "docs"),
  results: join(ROOT, "docs/bench/results.json"),
  adds: true,
  readme: join(ROOT, "README.md"),
};
const SCRATCH: Folder = {
  path: join(ROOT, ".build/bench"),
  results: join(ROOT, ".build/bench/results.json"),
  adds: false,
  readme: undefined,
};

/** Of two machines nothing stands beside each other: docs/bench becomes that of this one when everything was measured here. */
function placeFor(run: { isWhole: boolean; machine: string }): { meanwhile: Folder; atLast: Folder } {
  const known = readResults(DOCS.results)?.machine ?? run.machine;
  if (values.quick) return { meanwhile: SCRATCH, atLast: SCRATCH };
  if (known === run.machine) return { meanwhile: DOCS, atLast: DOCS };
  if (run.isWhole) return { meanwhile: SCRATCH, atLast: DOCS };
  say(`docs/bench is of another machine, and stays: ${known}; make bench without ROW and PEER measures all of it here`);
  return { meanwhile: SCRATCH, atLast: SCRATCH };
}

/** What is known now: of before, too, unless it was but a quick look. */
function keep(now: Results, { results: path, adds }: Folder): Results {
  const order = ROWS.map(({ id }) => id);
  const results = adds ? merge(readResults(path), now, order) : now;
  writeResults(path, results);
  return results;
}

function show(results: Results, { path, results: file, readme }: Folder): void {
  writePages(results, path, readme, file);
  // They are sources like others: `make check` looks at their format.
  const written = [file, join(path, "bench.md"), ...(readme === undefined ? [] : [readme])];
  run([process.execPath, "fmt", "--no-script", ...written]);
  say(`${file.slice(ROOT.length).replace(/^[./]*\//, "")} and bench.md are written`);
}

watchSignals();

main().catch((error: unknown) => {
  if (isBrokenOff()) return;
  console.error(`bench: ${error instanceof Error ? error.message : String(error)}`);
  process.exit(1);
});
