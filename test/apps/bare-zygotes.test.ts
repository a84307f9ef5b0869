/** Workers that are forked without `preload`: from a process that has imported nothing of the project. */
import { afterEach, expect, setDefaultTimeout, test } from "bun:test";
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { processAt } from "../support/processes.ts";
import { findPythons } from "../support/pythons.ts";
import { PROJECTS, PYTHON, Rig, type RigOptions } from "./rig.ts";

setDefaultTimeout(60_000);

const MINE = "def application(environ, start_response):\n    start_response('200 OK', [])\n    return [WHAT]\n";

/** They start threads, hold random or thread-wide state, count time from their import, or are replaced by gevent. */
const KEPT_OUT = new Set(
  "asyncio concurrent.futures ctypes decimal logging multiprocessing queue ssl subprocess tempfile uuid".split(" "),
);
/** Prints what library.py, its argument, adds to an interpreter. */
const PROBE = `import os, sys
before, files = set(sys.modules), len(os.listdir("/proc/self/fd"))
exec(compile(sys.argv.pop(1), "library.py", "exec"))
import_library()
modules, threads = sorted(set(sys.modules) - before), len(os.listdir("/proc/self/task"))
import json
print(json.dumps({"modules": modules, "threads": threads, "fds": len(os.listdir("/proc/self/fd")) - files}))`;

let rig: Rig | undefined;
let folder: string | undefined;
afterEach(async () => {
  await rig?.close();
  if (folder !== undefined) rmSync(folder, { recursive: true });
  rig = folder = undefined;
});

function makeFolder(): string {
  return (folder = realpathSync(mkdtempSync(join(tmpdir(), "bare-"))));
}

async function start(options: RigOptions = {}): Promise<Rig> {
  rig = new Rig({ module: "preloaded", processes: 3, ...options });
  await rig.supervisor.start();
  return rig;
}

/** With `text` run at the start of each interpreter. */
function withSitecustomize(text: string): Promise<Rig> {
  const place = folder ?? makeFolder();
  writeFileSync(join(place, "sitecustomize.py"), text);
  return start({ env: { PYTHONDONTWRITEBYTECODE: "1", PYTHONPATH: place } });
}

function pidsOf(running: Rig): number[] {
  return running.supervisor.status().workers.flatMap((worker) => (worker.state === "ready" ? (worker.pid ?? []) : []));
}

const parentOf = (pid: number) => processAt(pid)?.parent ?? 0;
const parents = (running: Rig) => new Set(pidsOf(running).map(parentOf));
const exists = (pid: number) => existsSync(`/proc/${pid}`);

/** The one process that all are forked from. */
function zygoteOf(running: Rig): number {
  const [zygote = 0, ...others] = parents(running);
  expect(others).toEqual([]);
  expect(zygote).not.toBe(process.pid);
  expect(parentOf(zygote)).toBe(process.pid);
  return zygote;
}

/** Kills the worker; the pid of the next. */
async function replace(running: Rig, pid: number): Promise<number> {
  const others = new Set(pidsOf(running));
  process.kill(pid, "SIGKILL");
  await running.until(
    () => pidsOf(running).length === others.size && pidsOf(running).some((each) => !others.has(each)),
  );
  return pidsOf(running).find((each) => !others.has(each)) as number;
}

test("three workers are forked from one process, and each of them imports the project", async () => {
  const running = await start();
  zygoteOf(running);
  const random = new Set<number>();
  const seen = new Set<number>();
  while (seen.size < 3) {
    const replies = await Promise.all(Array.from({ length: 6 }, () => running.get("/")));
    for (const { reply } of replies) {
      const [pid = 0, , importedBy, forks, number = 0] = reply.text.split(" ").map(Number);
      expect([importedBy, forks]).toEqual([pid, 0]);
      seen.add(pid);
      random.add(number);
    }
  }
  expect(random.size).toBeGreaterThanOrEqual(3);
});

test("fewer are spawned, and so are those of a pool that may have fewer", async () => {
  expect(parents(await start({ processes: 2 }))).toEqual(new Set([process.pid]));
  await rig?.close();
  expect(parents(await start({ processesMin: 2 }))).toEqual(new Set([process.pid]));
});

test("a forked worker has the descriptors, the group, the name and the limits of a spawned one", async () => {
  const options = { process: { umask: 0o27, limits: [{ name: "nofile", value: 512 }] } };
  const [single = 0] = pidsOf(await start({ ...options, processes: 1 }));
  await isServing(single);
  const spawned = look(single);
  await rig?.close();
  const forked = await start(options);
  zygoteOf(forked);
  for (const pid of pidsOf(forked)) {
    await isServing(pid);
    expect(look(pid)).toEqual(spawned);
  }
  expect(spawned.limits).toContain("512");
  expect(spawned.umask).toBe("0027");
});

/** It has its sockets, and has begun to listen to what the master says. */
function isServing(pid: number): Promise<void> {
  return rig?.until(() => readdirSync(`/proc/${pid}/task`).length === 2) ?? Promise.resolve();
}

/** What should be the same for each worker. */
function look(pid: number) {
  const status = readFileSync(`/proc/${pid}/status`, "latin1");
  const field = (name: string) => new RegExp(`^${name}:\\s*(.*)$`, "m").exec(status)?.[1];
  const fds = new Bun.Glob("*").scanSync({ cwd: `/proc/${pid}/fd`, onlyFiles: false });
  const limits = /^Max open files.*$/m.exec(readFileSync(`/proc/${pid}/limits`, "latin1"))?.[0];
  const names = readFileSync(`/proc/${pid}/cmdline`, "latin1").replace(/\0+$/, "").replace(/\d+$/, "N");
  const group = Number(readFileSync(`/proc/${pid}/stat`, "latin1").split(") ")[1]?.split(" ")[2]);
  return {
    fds: [...fds].map(Number).toSorted((a, b) => a - b),
    leads: group === pid,
    title: names,
    comm: field("Name"),
    umask: field("Umask"),
    threads: field("Threads"),
    limits: limits ?? "",
    cwd: realpathSync(`/proc/${pid}/cwd`),
    environ: readFileSync(`/proc/${pid}/environ`, "latin1"),
    scheduler: /^policy\s.*$/m.exec(readFileSync(`/proc/${pid}/sched`, "latin1"))?.[0],
  };
}

test("a worker that dies is reaped, its cause is known, and another is forked", async () => {
  const running = await start();
  const zygote = zygoteOf(running);
  const [first = 0] = pidsOf(running);
  await replace(running, first);
  expect(running.log).toContain(`(pid ${first}) was killed by SIGKILL`);
  expect(exists(first)).toBe(false);
  expect(zygoteOf(running)).toBe(zygote);
  const before = pidsOf(running);
  expect((await running.get("/leave")).reply.head?.status).toBe(502);
  await running.until(() => pidsOf(running).length === 3 && pidsOf(running).some((pid) => !before.includes(pid)));
  expect(running.log).toContain("exited with code 7");
});

test("what they are forked from is killed: they go on, and there is another when one is needed", async () => {
  const running = await start();
  const zygote = zygoteOf(running);
  const before = pidsOf(running);
  process.kill(zygote, "SIGKILL");
  await running.until(() => running.log.includes("was killed by SIGKILL; they go on"));
  expect((await running.get("/")).reply.head?.status).toBe(200);
  expect(pidsOf(running)).toEqual(before);
  const next = await replace(running, before[0] as number);
  expect(running.log).toContain(`(pid ${before[0]}) ended (how is not known`);
  expect([process.pid, zygote]).not.toContain(parentOf(next));
  expect(parentOf(await replace(running, before[1] as number))).toBe(parentOf(next));
});

test("what they are forked from is stopped: it is ended, and the end of its workers is noticed", async () => {
  const running = await start();
  const zygote = zygoteOf(running);
  process.kill(zygote, "SIGSTOP");
  await replace(running, pidsOf(running)[0] as number);
  expect(exists(zygote)).toBe(false);
});

test("after a reload they are forked from another, with the new code; the one before is gone", async () => {
  writeFileSync(join(makeFolder(), "changing.py"), MINE.replace("WHAT", "b'old'"));
  const running = await start({ root: folder as string, module: "changing" });
  const zygote = zygoteOf(running);
  writeFileSync(join(folder as string, "changing.py"), MINE.replace("WHAT", "b'new code'"));
  expect(await running.supervisor.reload("a test")).toMatchObject({ ok: true, replaced: 3 });
  expect((await running.get("/")).reply.text).toBe("new code");
  await running.until(() => !exists(zygote));
  const second = zygoteOf(running);
  writeFileSync(join(folder as string, "changing.py"), "raise RuntimeError('broken')");
  expect(await running.supervisor.reload("a test")).toMatchObject({ ok: false });
  expect((await running.get("/")).reply.text).toBe("new code");
  expect(zygoteOf(running)).toBe(second);
});

test("packages are installed: the next worker comes from an interpreter that has started since", async () => {
  const python = join(makeFolder(), "venv/bin/python");
  expect(Bun.spawnSync([PYTHON, "-m", "venv", "--without-pip", join(folder as string, "venv")]).success).toBe(true);
  const running = await start({ python });
  const zygote = zygoteOf(running);
  expect(parentOf(await replace(running, pidsOf(running)[0] as number))).toBe(zygote);
  const [packages = ""] = new Bun.Glob("venv/lib/python*/site-packages").scanSync({
    cwd: folder as string,
    onlyFiles: false,
    absolute: true,
  });
  writeFileSync(join(packages, "more.pth"), "import sys; sys.added_by_more = True\n");
  utimesSync(packages, 1_000_000_000, 1_000_000_000);
  const next = await replace(running, pidsOf(running)[0] as number);
  expect([zygote, process.pid]).not.toContain(parentOf(next));
  expect(exists(zygote)).toBe(true);
  for (const pid of pidsOf(running).filter((each) => parentOf(each) === zygote)) await replace(running, pid);
  await running.until(() => !exists(zygote));
});

test("threads that start with the interpreter: workers are spawned, and the log says why", async () => {
  const running = await withSitecustomize(
    "import threading, time\nthreading.Thread(target=time.sleep, args=(600,), daemon=True).start()\n",
  );
  expect(parents(running)).toEqual(new Set([process.pid]));
  expect(running.log).toContain("started one by one instead of forked: threads are started with the interpreter");
  expect(parentOf(await replace(running, pidsOf(running)[0] as number))).toBe(process.pid);
});

test("sockets that are opened with the interpreter: workers are spawned", async () => {
  const running = await withSitecustomize("import socket\nsocket.kept = socket.socket()\n");
  expect(parents(running)).toEqual(new Set([process.pid]));
  expect(running.log).toContain("sockets are opened with the interpreter");
});

test("a Python without one of those modules: they are forked all the same", async () => {
  zygoteOf(await withSitecustomize("import sys\nsys.modules['difflib'] = None\n"));
});

test("a module of the project that is named as one of Python's comes first, as in a spawned worker", async () => {
  writeFileSync(join(makeFolder(), "calendar.py"), "MINE = b'my calendar'\n");
  writeFileSync(
    join(folder as string, "dates.py"),
    `import calendar\n${MINE.replace("WHAT", "getattr(calendar, 'MINE', b'not mine')")}`,
  );
  const running = await start({ root: folder as string, module: "dates" });
  expect((await running.get("/")).reply.text).toBe("my calendar");
  expect(running.log).toContain("the project has a module calendar, and so has Python");
  expect(parents(running)).toEqual(new Set([process.pid]));
});

test("an interpreter that cannot start fails the start with what it says", async () => {
  rig = new Rig({ processes: 3, env: { PYTHONHOME: "/nonexistent" } });
  const failure = await rig.supervisor.start().catch((error: Error) => error);
  expect(String(failure)).toContain("exited with code 1");
  expect(String(failure)).toContain("encodings");
});

test("a project that cannot be imported fails the start with its traceback, and leaves nothing", async () => {
  rig = new Rig({ processes: 3, module: "preloaded", env: { PRELOAD_FAILS: "1" } });
  const failure = await rig.supervisor.start().catch((error: Error) => error);
  expect(String(failure)).toContain("RuntimeError: not today");
});

test("no room for a fork: that start is tried again, and nobody else notices", async () => {
  const full = join(makeFolder(), "full");
  const running = await withSitecustomize(failingFork(full));
  const zygote = zygoteOf(running);
  writeFileSync(full, "");
  const [first = 0, ...others] = pidsOf(running);
  process.kill(first, "SIGKILL");
  await running.until(() => running.log.includes("fork: Resource temporarily unavailable"));
  expect(pidsOf(running)).toEqual(others);
  rmSync(full);
  await running.until(() => pidsOf(running).length === 3);
  expect(zygoteOf(running)).toBe(zygote);
});

/** Replaces os.fork by one that fails while there is this file. */
const failingFork = (file: string) => `import errno, os
true_fork = os.fork
def fork():
    if os.path.exists(${JSON.stringify(file)}):
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
    return true_fork()
os.fork = fork
`;

test("the end: workers and what they were forked from are gone", async () => {
  const running = await start();
  const pids = [...pidsOf(running), zygoteOf(running)];
  await running.supervisor.stop(2000);
  await running.until(() => pids.every((pid) => !exists(pid)));
  expect(pids.length).toBe(4);
});

test("what is imported before the fork: nothing that starts, opens or counts anything", () => {
  const text = readFileSync(join(PROJECTS, "../../../src/apps/python/library.py"), "utf8");
  for (const { path, name } of findPythons().usable) {
    const ran = Bun.spawnSync([path, "-S", "-c", PROBE, text]);
    const found = JSON.parse(ran.stdout.toString()) as { modules: string[]; threads: number; fds: number };
    expect([name, found.modules.filter((each) => KEPT_OUT.has(each)), found.threads, found.fds]).toEqual([
      name,
      [],
      1,
      0,
    ]);
    expect(found.modules).toContain("email.message");
  }
});
