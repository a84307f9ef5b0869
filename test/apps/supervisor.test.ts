import { afterEach, describe, expect, test, setDefaultTimeout } from "bun:test";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { StartFailure } from "../../src/apps/supervisor.ts";
import { PROJECTS, Rig, type RigOptions } from "./rig.ts";
import { withoutNoOrphans } from "../support/binary.ts";
import type { FakeExchange } from "../support/exchange.ts";
import { lives } from "../support/processes.ts";

// Python starts slowly on a busy machine.
setDefaultTimeout(60_000);

const rigs: Rig[] = [];

function makeRig(options: RigOptions): Rig {
  const rig = new Rig(options);
  rigs.push(rig);
  return rig;
}

async function startedRig(options: RigOptions = {}): Promise<Rig> {
  const rig = makeRig(options);
  await rig.supervisor.start();
  return rig;
}

afterEach(async () => {
  for (const rig of rigs.splice(0)) await rig.close();
});

async function allDead(pids: readonly number[]): Promise<void> {
  while (pids.some(lives)) await Bun.sleep(5);
}

function pidsOf(rig: Rig): number[] {
  return rig.supervisor.status().workers.flatMap((worker) => worker.pid ?? []);
}

describe("start", () => {
  const failures: [string, RigOptions, RegExp][] = [
    ["an import error", { module: "broken" }, /No module named 'missing_module_of_the_test'/],
    ["a module that is not there", { module: "nowhere.wsgi" }, /No module named 'nowhere'/],
    ["an object that cannot be called", { module: "not_callable" }, /is a int, it must be callable/],
    [
      "a callable that is not there",
      { wsgi: { kind: "module", module: "basic", callable: "app" } },
      /no attribute 'app'/,
    ],
    ["a process that dies", { module: "dies_at_import" }, /exited with code 7\nlast words/],
    ["an import that never ends", { module: "slow_import", startTimeoutMs: 300 }, /not ready/],
    ["an interpreter that is not there", { python: "/nonexistent/python" }, /\/nonexistent\/python/],
    ["an interpreter that is none", { python: "/bin/false" }, /exited with code 1/],
    ["a directory that is not there", { root: "/nonexistent" }, /No such file or directory: '\/nonexistent'/],
    [
      "a file that is not there",
      { wsgi: { kind: "file", file: join(PROJECTS, "no.py"), callable: "a" } },
      /No module named 'no'/,
    ],
  ];
  test.each(failures)("%s rejects with its reason and leaves nothing running", async (_, options, reason) => {
    const rig = makeRig({ processes: 2, ...options });
    const failure = await rig.supervisor.start().then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(failure).toBeInstanceOf(StartFailure);
    expect((failure as Error).message).toMatch(reason);
    expect((failure as Error).message).not.toContain("<server ");
    await rig.supervisor.stop(0);
    expect(pidsOf(rig)).toEqual([]);
  });

  test("a file outside every package is loaded by its path", async () => {
    const file = join(PROJECTS, "odd-name.wsgi");
    writeFileSync(file, "from basic import hello as handle\n");
    try {
      const rig = await startedRig({ wsgi: { kind: "file", file, callable: "handle" } });
      expect((await rig.get("/")).reply.text).toBe("hello");
    } finally {
      rmSync(file);
    }
  });

  test("a folder that is called as a module of Python's own is no hindrance", async () => {
    const folder = join(PROJECTS, "code");
    mkdirSync(folder);
    writeFileSync(join(folder, "site.py"), "from basic import hello as handle\n");
    try {
      const rig = await startedRig({ wsgi: { kind: "file", file: join(folder, "site.py"), callable: "handle" } });
      expect((await rig.get("/")).reply.text).toBe("hello");
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test("env is the app's over the server's", async () => {
    const flag = join(PROJECTS, "basic.py");
    const rig = await startedRig({ module: "breakable", env: { BREAKABLE: flag, PYTHONDONTWRITEBYTECODE: "1" } });
    expect((await rig.get("/hello")).reply.text).toBe("hello");
  });
});

describe("a worker that dies", () => {
  test("takes only its own requests with it, and is replaced", async () => {
    const rig = await startedRig({ processes: 2, threads: 2, fronts: 2 });
    const asked = [0, 1, 0, 1].map((front) => rig.ask({ path: "/sleep", query: "30" }, front));
    await rig.until(() => begunThreads(rig) === 4);
    const [first, second] = pidsOf(rig) as [number, number];
    const lost = () => asked.filter(({ reply }) => reply.status === 502).length;
    process.kill(first, "SIGKILL");
    await rig.until(() => lost() === 2);
    await rig.until(() => pidsOf(rig).length === 2 && !pidsOf(rig).includes(first));
    expect(lost()).toBe(2);
    expect(rig.log).toContain(`(pid ${first}) was killed by SIGKILL`);
    process.kill(second, "SIGKILL");
    await Promise.all(asked.map(({ reply }) => reply.over));
    expect(lost()).toBe(4);
    await rig.until(() => rig.supervisor.status().workers.some((worker) => worker.state === "ready"));
    expect((await rig.get("/hello")).reply.text).toBe("hello");
  });

  test.each(["SIGKILL", "SIGSTOP"] as const)(
    "by %s with a request that its thread has taken and not begun: the next worker runs it",
    async (signal) => {
      const rig = await startedRig({ module: "stuck", threads: 2 });
      const [pid, stuck, beside] = await waitingForTheGil(rig);
      process.kill(pid, signal);
      await Promise.all([stuck.reply.over, beside.reply.over]);
      expect([stuck.reply.status, beside.reply.status]).toEqual([502, 200]);
      expect(beside.reply.text).not.toStartWith(`${pid} `);
    },
  );

  test("at import again and again: 503 at once meanwhile, back-off, recovery by itself", async () => {
    const flag = `/tmp/server-test-${process.pid}-breakable`;
    writeFileSync(flag, "");
    const env = { BREAKABLE: flag, PYTHONDONTWRITEBYTECODE: "1" };
    const rig = await startedRig({ module: "breakable", env });
    rmSync(flag);
    process.kill(pidsOf(rig)[0] as number, "SIGKILL");
    await rig.until(() => (rig.supervisor.status().workers[0]?.failures ?? 0) >= 2);
    const { reply } = await rig.get("/hello");
    expect([reply.status, reply.header("retry-after")]).toEqual([503, "5"]);
    expect(rig.log).toContain("the deployment is broken");
    expect(rig.log).toContain("starting another in 2 s");
    writeFileSync(flag, "");
    await rig.until(() => rig.supervisor.status().workers[0]?.state === "ready");
    expect((await rig.get("/hello")).reply.text).toBe("hello");
    rmSync(flag);
  });

  test("takes the processes along that it started", async () => {
    const rig = await startedRig();
    const child = Number((await rig.get("/spawn_child")).reply.text);
    expect(lives(child)).toBe(true);
    process.kill(pidsOf(rig)[0] as number, "SIGKILL");
    await allDead([child]);
  });

  test("of a broken frame finishes by itself; its reply is aborted", async () => {
    const rig = await startedRig();
    const { reply } = rig.ask({ path: "/break_frame" });
    reply.full = true;
    await reply.over;
    expect(reply.aborted).toBeDefined();
    await rig.until(() => rig.log.includes("exited with code 0"));
  });
});

/** A worker, a request in it that holds the GIL, and one that its other thread has taken. That thread must sleep on the
 *  queue when the first begins, so both have served and had a moment; if it does not, the same is tried with another
 *  worker. */
async function waitingForTheGil(rig: Rig): Promise<[number, FakeExchange, FakeExchange]> {
  for (;;) {
    await rig.until(() => rig.supervisor.status().workers[0]?.state === "ready");
    const pid = pidsOf(rig)[0] as number;
    await Promise.all([1, 2].map(() => rig.get({ path: "/neighbour", query: "0.1" })));
    await Bun.sleep(100);
    const stuck = rig.ask({ path: "/gil_throughout" });
    await rig.until(() => begunThreads(rig) === 1);
    const beside = rig.ask({ path: "/pids" });
    const giveUpMs = performance.now() + 500;
    await rig.until(() => busyThreads(rig) === 2 || performance.now() > giveUpMs);
    if (busyThreads(rig) === 2) return [pid, stuck, beside];
    process.kill(pid, "SIGKILL");
    await beside.reply.over;
  }
}

test.each(["GIL", "SIGSTOP"] as const)(
  "threads that take requests and do not come to them (%s) delay nobody while others are idle, and run nothing twice",
  async (how) => {
    const rig = await startedRig({ module: "stuck", processes: 2, threads: 3, fronts: 2 });
    // All threads have served, and sleep on the queue.
    await Promise.all(Array.from({ length: 6 }, () => rig.get({ path: "/neighbour", query: "0.1" })));
    await Bun.sleep(100);
    const stuck = how === "GIL" ? rig.ask({ path: "/gil_for", query: "5000" }) : undefined;
    if (stuck !== undefined) await rig.until(() => begunThreads(rig) === 1);
    else process.kill(pidsOf(rig)[0] as number, "SIGSTOP");
    let slowestMs = 0;
    for (let i = 0; i < 12; i++) {
      const startedMs = performance.now();
      expect((await rig.get({ path: "/count", query: `${i}` }, i % 2)).reply.text).toBe("counted");
      slowestMs = Math.max(slowestMs, performance.now() - startedMs);
    }
    if (how === "GIL") expect(slowestMs).toBeLessThan(4000);
    else process.kill(pidsOf(rig)[0] as number, "SIGCONT");
    await stuck?.reply.over;
    await rig.until(() => busyThreads(rig) === 0);
    for (let i = 0; i < 12; i++) await rig.until(() => rig.log.includes(`ran ${i}.`));
    for (let i = 0; i < 12; i++) expect(rig.log.split(`ran ${i}.`).length).toBe(2);
  },
);

describe("a stream that is lost", () => {
  test.each(["/close_streams", "/close_all", "/close_all_and_stay", "/shut_streams"])(
    "by %s: 502, and the worker finishes and is replaced",
    async (path) => {
      const rig = await startedRig({ threads: 2 });
      const before = pidsOf(rig);
      expect((await rig.get(path)).reply.status).toBe(502);
      expect((await rig.get("/hello")).reply.text).toBe("hello");
      expect(pidsOf(rig)).not.toEqual(before);
      expect(rig.log).toContain("this worker finishes and is replaced");
    },
  );

  test("by garbage that the application wrote into it: nobody waits for ever, and the next worker serves", async () => {
    const rig = await startedRig({ channel: { queueTimeoutMs: 1000 } });
    const before = pidsOf(rig);
    const first = await rig.get("/garbage");
    expect(first.reply.status).toBe(502);
    const { reply } = await rig.get("/hello");
    expect([200, 502, 503]).toContain(reply.status);
    await rig.until(() => pidsOf(rig).length === 1 && pidsOf(rig)[0] !== before[0]);
    await rig.until(() => rig.supervisor.status().workers[0]?.state === "ready");
    expect((await rig.get("/hello")).reply.text).toBe("hello");
  });

  test("because its front thread was replaced: only that reply is lost, the worker lives", async () => {
    const rig = await startedRig({ fronts: 2 });
    const before = pidsOf(rig);
    rig.ask({ path: "/sleep", query: "0.3" }, 1);
    await rig.until(() => busyThreads(rig) === 1);
    rig.channels[1]?.close();
    // The thread finds its stream closed before there is another one.
    await Bun.sleep(600);
    expect(busyThreads(rig)).toBe(1);
    rig.channels[1] = rig.makeChannel(1);
    rig.supervisor.frontReplaced(1);
    for (const front of [0, 1]) expect((await rig.get("/hello", front)).reply.text).toBe("hello");
    expect(pidsOf(rig)).toEqual(before);
  });
});

test("a worker that served is replaced at once, however often it dies; requests wait meanwhile", async () => {
  const rig = await startedRig();
  for (let i = 0; i < 4; i++) {
    expect((await rig.get("/hello")).reply.text).toBe("hello");
    // A request is counted after its reply.
    await rig.until(() => rig.supervisor.status().workers[0]?.threads.some(({ handled }) => handled > 0) === true);
    process.kill(pidsOf(rig)[0] as number, "SIGKILL");
    await rig.until(() => rig.supervisor.status().workers[0]?.state !== "ready");
  }
  expect((await rig.get("/hello")).reply.text).toBe("hello");
  expect(rig.log).not.toMatch(/starting another in/);
});

test("as is one that dies of its first request: who asks for something else is served", async () => {
  const rig = await startedRig({ module: "stuck" });
  for (let i = 0; i < 6; i++) {
    expect((await rig.get("/leave")).reply.status).toBe(502);
    expect((await rig.get("/pids")).reply.status).toBe(200);
    expect((await rig.get("/crash")).reply.status).toBe(502);
    expect((await rig.get("/leave")).reply.status).toBe(502);
  }
  expect((await rig.get("/pids")).reply.status).toBe(200);
  expect(rig.log).not.toMatch(/starting another in/);
});

/** Threads that have a request. */
function busyThreads(rig: Rig): number {
  const threads = rig.supervisor.status().workers.flatMap((worker) => worker.threads);
  return threads.filter((thread) => thread.runningMs !== undefined).length;
}

/** Threads that run one: until it is begun, its time does not run. */
function begunThreads(rig: Rig): number {
  const threads = rig.supervisor.status().workers.flatMap((worker) => worker.threads);
  return threads.filter(({ runningMs = 0 }) => runningMs > 0).length;
}

describe("stop", () => {
  test("lets the requests at hand and in the queue finish, and reaps everybody", async () => {
    const rig = await startedRig({ processes: 2, threads: 2 });
    const pids = pidsOf(rig);
    const asked = Array.from({ length: 8 }, () => rig.ask({ path: "/sleep", query: "0.1" }));
    await rig.until(() => busyThreads(rig) === 4);
    await rig.supervisor.stop(5000);
    await Promise.all(asked.map(({ reply }) => reply.over));
    expect(asked.map(({ reply }) => reply.text)).toEqual(Array.from({ length: 8 }, () => "slept"));
    expect(pids.filter(lives)).toEqual([]);
  });

  test("is not held up by a thread whose front has gone: there will be no successor", async () => {
    const rig = await startedRig({ fronts: 2 });
    rig.ask({ path: "/sleep", query: "0.5" }, 1);
    await rig.until(() => busyThreads(rig) === 1);
    rig.channels[1]?.close();
    await rig.supervisor.stop(20_000);
    expect(rig.log).not.toContain("this worker finishes and is replaced");
    expect(rig.log).not.toContain("killed");
  });

  test("kills what does not finish, with its children", async () => {
    const rig = await startedRig();
    const child = Number((await rig.get("/spawn_child")).reply.text);
    const pids = [...pidsOf(rig), child];
    const { reply } = rig.ask({ path: "/hold_lock" });
    await rig.until(() => busyThreads(rig) === 1);
    await rig.supervisor.stop(50);
    await allDead(pids);
    await reply.over;
    expect(reply.status).toBe(502);
  });

  test("ends a start that is under way", async () => {
    const rig = makeRig({ module: "slow_import" });
    const started = rig.supervisor.start().catch((error: unknown) => error);
    const pids = pidsOf(rig);
    await rig.supervisor.stop(1000);
    expect(await started).toBeInstanceOf(StartFailure);
    expect(pids.filter(lives)).toEqual([]);
  });

  test("is not needed when the master is killed: the kernel ends workers and their children, stuck or not", async () => {
    const script = join(import.meta.dir, "orphaning-master.ts");
    const master = Bun.spawn({ cmd: [process.execPath, script], stdout: "pipe", env: withoutNoOrphans() });
    const { value } = await master.stdout.getReader().read();
    const pids = JSON.parse(Buffer.from(value as Uint8Array).toString()) as number[];
    expect(pids.filter(lives).length).toBe(3);
    master.kill("SIGKILL");
    await allDead(pids);
  });
});

test("a front thread that was replaced gets streams of its own", async () => {
  const rig = await startedRig({ processes: 2, threads: 2, fronts: 2 });
  const waiting = rig.ask({ path: "/sleep", query: "0.2" }, 1);
  await rig.until(() => busyThreads(rig) === 1);
  rig.channels[1]?.close();
  rig.channels[1] = rig.makeChannel(1);
  rig.supervisor.frontReplaced(1);
  expect(waiting.reply.status).toBe(502);
  for (let i = 0; i < 20; i++) expect((await rig.get("/hello", 1)).reply.text).toBe("hello");
});

test("a worker that hears late of a front's new streams does not answer it on the old ones", async () => {
  const rig = await startedRig({ module: "slow_control", processes: 2, threads: 2, fronts: 2 });
  for (let turn = 0; turn < 2; turn++) {
    rig.channels[1]?.close();
    rig.channels[1] = rig.makeChannel(1);
    rig.supervisor.frontReplaced(1);
    // Some come before the second worker has the new ones (slow_control.py), some after.
    const untilMs = performance.now() + 1500;
    while (performance.now() < untilMs) {
      const all = await Promise.all(Array.from({ length: 4 }, () => rig.get("/hello", 1)));
      expect(all.map(({ reply }) => reply.text)).toEqual(["hello", "hello", "hello", "hello"]);
    }
  }
  expect(pidsOf(rig).length).toBe(2);
});

test("what a front thread had sent before it was replaced is not run", async () => {
  const rig = await startedRig({ fronts: 2 });
  const first = rig.ask({ path: "/sleep", query: "0.5" }, 0);
  await rig.until(() => begunThreads(rig) === 1);
  rig.ask({ path: "/printing" }, 1);
  rig.channels[1]?.close();
  rig.channels[1] = rig.makeChannel(1);
  rig.supervisor.frontReplaced(1);
  await first.reply.over;
  expect((await rig.get("/hello", 1)).reply.text).toBe("hello");
  expect(rig.log).not.toContain("printed:");
});

test("what a worker prints is in the log, line by line, whatever the characters", async () => {
  const rig = await startedRig();
  await rig.get("/printing");
  await rig.until(() => rig.log.includes("wsgi.errors"));
  expect(rig.log).toContain(`[notice] ${process.pid} test: worker 1: printed: \u00e9\u4e2d\n`);
  expect(rig.log).toContain(`[error] ${process.pid} test: worker 1: written to wsgi.errors: \u4e2d\n`);
});
