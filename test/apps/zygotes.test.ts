/** `preload`: workers that are forked from a process that has imported the project. */
import { afterEach, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Rig, type RigOptions } from "./rig.ts";

setDefaultTimeout(60_000);

let rig: Rig | undefined;
afterEach(() => rig?.close());

async function start(options: RigOptions = {}): Promise<Rig> {
  rig = new Rig({ module: "preloaded", preload: true, processes: 2, ...options });
  await rig.supervisor.start();
  return rig;
}

interface Facts {
  readonly pid: number;
  readonly parent: number;
  readonly importedBy: number;
  readonly forks: number;
  readonly random: number;
}

async function facts(running: Rig): Promise<Facts> {
  const [pid = 0, parent = 0, importedBy = 0, forks = 0, random = 0] = (await running.get("/")).reply.text
    .split(" ")
    .map(Number);
  return { pid, parent, importedBy, forks, random };
}

function pidsOf(running: Rig): number[] {
  return running.supervisor.status().workers.flatMap((worker) => worker.pid ?? []);
}

function exists(pid: number): boolean {
  return existsSync(`/proc/${pid}`);
}

/** What each of the workers says. */
async function allFacts(running: Rig, count: number): Promise<Facts[]> {
  const found = new Map<number, Facts>();
  while (found.size < count) {
    const each = await Promise.all(Array.from({ length: 2 * count }, () => facts(running)));
    for (const one of each) found.set(one.pid, one);
  }
  return [...found.values()];
}

test("the project is imported once, and the workers are children of who imported it", async () => {
  const running = await start();
  const [one, other] = (await allFacts(running, 2)) as [Facts, Facts];
  expect(one.importedBy).toBe(other.importedBy);
  expect(one.importedBy).not.toBe(one.pid);
  expect([one.parent, other.parent]).toEqual([one.importedBy, one.importedBy]);
  expect(pidsOf(running).toSorted()).toEqual([one.pid, other.pid].toSorted());
  // Hooks of the project run in each child, and its random numbers are its own.
  expect([one.forks, other.forks]).toEqual([1, 1]);
  expect(one.random).not.toBe(other.random);
});

test("a worker that dies is reaped, its cause is known, and another is forked without an import", async () => {
  const running = await start({ processes: 1 });
  const before = await facts(running);
  expect((await running.get("/leave")).reply.head?.status).toBe(502);
  await running.until(() => pidsOf(running).some((pid) => pid !== before.pid && pid !== 0));
  const after = await facts(running);
  expect(after.importedBy).toBe(before.importedBy);
  expect(running.log).toContain(`(pid ${before.pid}) exited with code 7`);
  process.kill(after.pid, "SIGSEGV");
  await running.until(() => running.log.includes(`(pid ${after.pid}) was killed by SIGSEGV`));
  await running.until(() => !exists(before.pid) && !exists(after.pid));
  expect((await facts(running)).importedBy).toBe(before.importedBy);
});

test("the process that they are forked from dies: they go on serving, and the next come from another", async () => {
  const running = await start();
  const before = await allFacts(running, 2);
  const [{ importedBy, pid }] = before as [Facts];
  process.kill(importedBy, "SIGKILL");
  await running.until(() => running.log.includes("was killed by SIGKILL; they go on"));
  expect((await allFacts(running, 2)).map((each) => each.pid).toSorted()).toEqual(
    before.map((each) => each.pid).toSorted(),
  );
  await running.until(() => running.log.split("the project is imported").length === 3);
  process.kill(pid, "SIGKILL");
  await running.until(() => running.log.includes(`(pid ${pid}) ended (how is not known`));
  await running.until(() => running.supervisor.status().workers.every((worker) => worker.state === "ready"));
  const imported = (await allFacts(running, 2)).map((each) => each.importedBy);
  expect(new Set(imported).size).toBe(2);
});

test("a reload imports the new code in another process; the one before goes with its last worker", async () => {
  const running = await start();
  const before = await facts(running);
  expect(await running.supervisor.reload("a test")).toMatchObject({ ok: true, replaced: 2 });
  const after = await allFacts(running, 2);
  for (const each of after) expect(each.importedBy).not.toBe(before.importedBy);
  await running.until(() => !exists(before.importedBy) && !exists(before.pid));
});

test("a reload to code that cannot be imported: the old code serves on, and is what is forked again", async () => {
  const folder = mkdtempSync(join(tmpdir(), "zygote-"));
  const broken = join(folder, "broken");
  try {
    const running = await start({ processes: 1, env: { PYTHONDONTWRITEBYTECODE: "1", PRELOAD_FAILS_IF: broken } });
    const before = await facts(running);
    writeFileSync(broken, "");
    const result = await running.supervisor.reload("a test");
    expect(result.ok).toBe(false);
    expect(JSON.stringify(result)).toContain("the new code is broken");
    expect(running.log).toContain("worker 1 could not be forked");
    expect((await facts(running)).pid).toBe(before.pid);
    await running.get("/leave");
    await running.until(() => pidsOf(running).some((pid) => pid !== before.pid && pid !== 0));
    expect((await facts(running)).importedBy).toBe(before.importedBy);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("a project that cannot be imported fails the start with its traceback, and leaves nothing", async () => {
  rig = new Rig({ module: "preloaded", preload: true, env: { PRELOAD_FAILS: "1" } });
  const failure = await rig.supervisor.start().catch((error: Error) => error);
  expect(String(failure)).toContain("RuntimeError: not today");
});

test("threads that the import starts are named in the log", async () => {
  const running = await start({ processes: 1, env: { PRELOAD_THREAD: "1" } });
  expect(running.log).toContain("a-thread-of-the-project");
});

test("the end: workers and the process that they were forked from are gone", async () => {
  const running = await start();
  const all = await allFacts(running, 2);
  await running.supervisor.stop(2000);
  const pids = [...all.map((each) => each.pid), ...all.map((each) => each.importedBy)];
  await running.until(() => pids.every((pid) => !exists(pid)));
  expect(pids.length).toBe(4);
});
