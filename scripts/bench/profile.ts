/**
 * Where the time of a row goes: the row's load on this server, run from its sources, under the sampling profilers of
 * JavaScriptCore (every front thread) and of Python (py-spy on one worker), and the processor time of each process.
 *
 *   bun scripts/bench/profile.ts hello --seconds 6 --top 25
 *
 * Rows are those of `make bench`. A frame that ends in native code stands for what it calls: `sendDirect` is sendto(2).
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { descendants } from "../../test/support/processes.ts";
import { makeFolder, removeFolder, ROOT } from "../../test/support/folder.ts";
import { ALL_CORES } from "./peers/peer.ts";
import { stopAll } from "./peers/program.ts";
import { serverPeer } from "./peers/server.ts";
import { hasPackages, installPackages, inVenv } from "./peers/venv.ts";
import { fromJsc, fromPySpy, PARTIAL, selfShares, type Share, type Stack, totalShares } from "./profile/stacks.ts";
import { ROWS } from "./rows/all.ts";
import type { Row } from "./rows/row.ts";
import { PREPARE } from "./scenes/prepare.ts";
import { start, type Subject } from "./subject.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { seconds: { type: "string", default: "6" }, top: { type: "string", default: "20" } },
});

/** From the start of a thread until the row's load has warmed it up. */
const AFTER_MS = 6_000;
const PRELOAD = fileURLToPath(new URL("./profile/preload.ts", import.meta.url));
const PY_SPY = ["py-spy"];
const PY_SPY_RATE = "500";

/** A front thread may take so long to write what it has seen: it grows with the seconds. */
const WRITTEN_MS = 60_000;
const LOOK_MS = 100;

const seconds = Number(values.seconds);

function rowNamed(id: string | undefined): Row {
  const row = ROWS.find((each) => each.id === id);
  if (row === undefined) throw new Error(`name a row: ${ROWS.map((each) => each.id).join(", ")}`);
  return row;
}

interface Times {
  readonly name: string;
  readonly userMs: number;
  readonly systemMs: number;
}

/** utime and stime of /proc/PID/stat, in ticks of 10 ms: the server, and all its workers together. */
function times({ running }: Subject): Times[] {
  const [pid = 0] = running.pids;
  const workers = descendants(pid).map((process) => process.pid);
  return [
    { name: "master and fronts", ...timesOf([pid]) },
    { name: "Python", ...timesOf(workers) },
  ];
}

function timesOf(pids: readonly number[]): Omit<Times, "name"> {
  const sums = { userMs: 0, systemMs: 0 };
  for (const pid of pids) {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    sums.userMs += Number(fields[11]) * 10;
    sums.systemMs += Number(fields[12]) * 10;
  }
  return sums;
}

/** Of the first worker; none where the row has no application. */
async function samplePython(subject: Subject, folder: string): Promise<Stack[]> {
  const worker = descendants(subject.running.pids[0] ?? 0).find(({ command }) => command.includes("worker"));
  if (worker === undefined || subject.scene.app === undefined) return [];
  const problem = hasPackages(["py_spy"]) ? undefined : installPackages(PY_SPY);
  if (problem !== undefined) {
    console.log(`without Python: ${problem}`);
    return [];
  }
  const out = join(folder, "python.txt");
  const how = ["--format", "raw", "--rate", PY_SPY_RATE, "--duration", String(seconds), "--nonblocking", "--gil"];
  const command = [inVenv("py-spy"), "record", ...how, "--output", out, "--pid", String(worker.pid)];
  const child = Bun.spawn(command, { stdio: ["ignore", "ignore", "pipe"] });
  if ((await child.exited) !== 0) throw new Error(`py-spy: ${await new Response(child.stderr).text()}`);
  return fromPySpy(readFileSync(out, "utf8"));
}

/** The files of all front threads, whole; those that are by then. */
async function writtenBy(folder: string, untilMs: number): Promise<string[]> {
  for (;;) {
    const files = readdirSync(folder).filter((name) => name.startsWith("front-"));
    const missing = files.filter((name) => name.endsWith(PARTIAL));
    if (missing.length > 0 && performance.now() < untilMs) {
      await Bun.sleep(LOOK_MS);
      continue;
    }
    for (const name of missing) console.log(`without ${name.slice(0, -PARTIAL.length)}: it was not written in time`);
    return files.filter((name) => !missing.includes(name));
  }
}

/** For something to do: a front in its epoll. (Of Python only threads are seen that hold the interpreter's lock.) */
function isWaiting({ frames }: Stack): boolean {
  return /^(?:wait src\/os\/epoll|epoll_wait)/.test(frames[0] ?? "");
}

function show(title: string, stacks: readonly Stack[]): void {
  if (stacks.length === 0) return;
  const count = (some: readonly Stack[]) => some.reduce((sum, stack) => sum + stack.samples, 0);
  const busy = stacks.filter((stack) => !isWaiting(stack));
  const share = ((count(busy) / count(stacks)) * 100).toFixed(0);
  console.log(`\n${title}: ${count(busy)} samples at work, ${share} % of all; shares are of these`);
  list("at work themselves", selfShares(busy));
  list("with what they called", totalShares(busy));
}

function list(title: string, shares: readonly Share[]): void {
  console.log(`  ${title}`);
  for (const { frame, share } of shares.slice(0, Number(values.top))) {
    console.log(`    ${(share * 100).toFixed(1).padStart(5)} %  ${frame}`);
  }
}

function showTimes(before: readonly Times[], after: readonly Times[], requests: number): void {
  console.log("\nprocessor time for each request");
  before.forEach((first, i) => {
    const last = after[i] as Times; // asked of the same
    const each = (spentMs: number) => `${((spentMs * 1000) / requests).toFixed(1).padStart(7)} µs`;
    const spent = [last.userMs - first.userMs, last.systemMs - first.systemMs].map(each);
    console.log(`  ${first.name.padEnd(18)} ${spent[0]} user ${spent[1]} system`);
  });
}

async function main(): Promise<void> {
  const row = rowNamed(positionals[0]);
  const folder = makeFolder("profile");
  const env = { PROFILE_FOLDER: folder, PROFILE_AFTER_MS: String(AFTER_MS), PROFILE_FOR_MS: String(seconds * 1000) };
  const peer = serverPeer({ command: [process.execPath, "--preload", PRELOAD, join(ROOT, "src/main.ts")], env });
  const prepared = await PREPARE[row.scene](folder, { manyFiles: row.id.includes("many") });
  try {
    const subject = await start(peer, { ...prepared.scene, ...(row.shape ?? ALL_CORES) }, folder);
    const began = performance.now();
    const wrong = await row.check(subject);
    if (wrong !== undefined) throw new Error(`its answer is wrong: ${wrong}`);
    const how = { seconds: Math.ceil(AFTER_MS / 1000), folder };
    await row.measure(subject, how, -1);
    const before = times(subject);
    const [sample, python] = await Promise.all([
      row.measure(subject, { seconds, folder }, 0),
      samplePython(subject, folder),
    ]);
    showTimes(before, times(subject), (sample["perSecond"] ?? Number.NaN) * seconds);
    const files = await writtenBy(folder, began + AFTER_MS + seconds * 1000 + WRITTEN_MS);
    show(
      "fronts",
      files.flatMap((name) => fromJsc(readFileSync(join(folder, name), "utf8"), ROOT)),
    );
    show("one Python worker", python);
  } finally {
    await stopAll();
    await prepared.stop();
    removeFolder(folder);
  }
}

main().catch((error: unknown) => {
  console.error(`profile: ${error instanceof Error ? error.message : String(error)}`);
  process.exit(1);
});
