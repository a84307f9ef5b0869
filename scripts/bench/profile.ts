/**
 * Where the time of a row goes: the row's load on this server, run from its sources, under the sampling profilers of
 * JavaScriptCore (every front thread) and of Python (py-spy on one worker), and the processor time of each process.
 *
 *   make profile ROW=hello SECONDS=6 TOP=20
 *
 * Rows are those of `make bench`. Of one that measures instances of its own (their start, their memory) those are sampled. A frame that ends in native code stands for what it calls: `sendDirect` is sendto(2).
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { descendants } from "../../test/support/processes.ts";
import { makeFolder, removeFolder } from "../../test/support/folder.ts";
import { installDebian } from "../sample/debian.ts";
import { isBrokenOff, takenBack, watchSignals } from "./break-off.ts";
import { readCount } from "./count.ts";
import { wrkMissing } from "./load/wrk.ts";
import { ALL_CORES } from "./peers/peer.ts";
import { stopAll } from "./peers/program.ts";
import { hasPackages, installPackages, inVenv } from "./peers/venv.ts";
import { Instances } from "./profile/instances.ts";
import { fromPySpy, selfShares, type Share, type Stack, totalShares } from "./profile/stacks.ts";
import { ROWS } from "./rows/all.ts";
import type { Row } from "./rows/row.ts";
import { PREPARE } from "./scenes/prepare.ts";
import { start, type Subject } from "./subject.ts";

const { values } = parseArgs({
  options: {
    row: { type: "string", default: process.env["ROW"] ?? "" },
    seconds: { type: "string", default: process.env["SECONDS"] || "6" },
    top: { type: "string", default: process.env["TOP"] || "20" },
  },
});

/** From the start of a thread until the row's load has warmed it up. */
const AFTER_MS = 6_000;
const PY_SPY = ["py-spy"];
const PY_SPY_RATE = "500";

function rowNamed(id: string): Row {
  const row = ROWS.find((each) => each.id === id);
  if (row !== undefined) return row;
  const what = id === "" ? "ROW names the row" : `no row is called "${id}"`;
  throw new Error(`${what}; there are ${ROWS.map((each) => each.id).join(", ")}`);
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
async function samplePython(subject: Subject, folder: string, seconds: number): Promise<Stack[]> {
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
  if (busy.length === 0) return;
  list("at work themselves", selfShares(busy));
  list("with what they called", totalShares(busy));
}

function list(title: string, shares: readonly Share[]): void {
  console.log(`  ${title}`);
  for (const { frame, share } of shares.slice(0, readCount("TOP", values.top))) {
    console.log(`    ${(share * 100).toFixed(1).padStart(5)} %  ${frame}`);
  }
}

/** What a request has cost, shared out by who spent it. A row that counts no requests says nothing of that. */
function showTimes(before: readonly Times[], after: readonly Times[], cpuUs: number): void {
  const spent = before.map((first, i) => {
    const last = after[i] as Times; // asked of the same
    return { name: first.name, parts: [last.userMs - first.userMs, last.systemMs - first.systemMs] as const };
  });
  const all = spent.reduce((sum, { parts: [user, system] }) => sum + user + system, 0);
  if (!Number.isFinite(cpuUs) || all === 0) return;
  console.log("\nprocessor time for each request");
  for (const { name, parts } of spent) {
    const [user, system] = parts.map((part) => `${((cpuUs * part) / all).toFixed(1).padStart(7)} µs`);
    console.log(`  ${name.padEnd(18)} ${user} user ${system} system`);
  }
}

async function profile(row: Row, instances: Instances, folder: string, seconds: number): Promise<void> {
  const preparing = PREPARE[row.scene](folder, { manyFiles: row.id.includes("many") });
  const unprepare = takenBack(async () => (await preparing).stop());
  try {
    const { scene } = await preparing;
    const subject = await start(instances.peer, { ...scene, ...(row.shape ?? ALL_CORES) }, folder);
    const wrong = await row.check(subject);
    if (wrong !== undefined) throw new Error(`its answer is wrong: ${wrong}`);
    await row.measure(subject, { seconds: Math.ceil(AFTER_MS / 1000), folder }, -1);
    const before = times(subject);
    instances.isMeasuring = true;
    const [sample, python] = await Promise.all([
      row.measure(subject, { seconds, folder }, 0),
      samplePython(subject, folder, seconds),
    ]);
    if (instances.further === 0) showTimes(before, times(subject), sample["cpuUs"] ?? Number.NaN);
    const which = instances.further === 0 ? "fronts" : "fronts of what the row has started, all of its life";
    show(which, await instances.stacks());
    if (instances.further === 0) show("one Python worker", python);
  } finally {
    await stopAll();
    await unprepare();
  }
}

async function main(): Promise<void> {
  const row = rowNamed(values.row);
  const seconds = readCount("SECONDS", values.seconds);
  readCount("TOP", values.top);
  if (wrkMissing() !== undefined) installDebian(["wrk"], console.log);
  const missing = wrkMissing();
  if (missing !== undefined) throw new Error(missing);
  const folder = makeFolder("profile");
  const remove = takenBack(() => removeFolder(folder));
  const instances = new Instances(folder, { afterMs: AFTER_MS, forMs: seconds * 1000 });
  await profile(row, instances, folder, seconds).finally(remove);
}

watchSignals();

main().catch((error: unknown) => {
  if (isBrokenOff()) return;
  console.error(`profile: ${error instanceof Error ? error.message : String(error)}`);
  process.exit(1);
});
