/** Timed commands by a clock that the test sets; the commands are real. */
import { afterEach, expect, test } from "bun:test";
import { makeLog } from "../../src/base/log.ts";
import { CronJob, type CronOptions } from "../../src/services/cron-job.ts";
import { parseSchedule, type Schedule } from "../../src/services/schedule.ts";
import { zoneOffset, localOffset } from "../../src/services/zone.ts";
import { until } from "../support/wait.ts";

const START = Date.UTC(2026, 10, 22, 10, 0, 30);
const MINUTE = 60_000;

let now = START;
let job: CronJob | undefined;
const logged: string[] = [];

afterEach(async () => {
  await job?.stop(0);
  logged.length = 0;
});

function start(script: string, options: Partial<CronOptions> = {}): CronJob {
  now = START;
  job = new CronJob(
    {
      name: "job",
      program: "/bin/sh",
      words: ["sh", "-c", script],
      cwd: "/",
      env: { PATH: "/usr/bin:/bin" },
      user: undefined,
      umask: undefined,
      stopSignal: "TERM",
      stopTimeoutMs: 1000,
      schedule: parseSchedule("* * * * *") as Schedule,
      offsetAt: zoneOffset("UTC") ?? localOffset,
      overlap: false,
      timeoutMs: undefined,
      missed: "run",
      ...options,
    },
    makeLog("cron job", "debug", (line) => logged.push(line)),
    () => now,
  );
  job.start();
  return job;
}

const idle = (running: CronJob) => until("end of the run", 10_000, () => running.status().running.length === 0);

test("nothing runs before its time, one run at it, and the next is planned", async () => {
  const running = start("echo out; echo err >&2");
  running.look();
  expect(running.status()).toMatchObject({ runs: 0, nextAt: START + MINUTE / 2, last: undefined });
  now = START + MINUTE / 2;
  running.look();
  running.look();
  expect(running.status()).toMatchObject({ runs: 1, nextAt: START + MINUTE * 1.5 });
  await idle(running);
  const { last, failures } = running.status();
  expect(last).toMatchObject({ ok: true, cause: "exited with code 0", startedAt: START + MINUTE / 2 });
  expect([...(last?.lastLines ?? [])].sort()).toEqual(["err", "out"]);
  expect(failures).toBe(0);
});

test("of many that were missed one is made up, or none", async () => {
  for (const [missed, runs, skipped] of [
    ["run", 1, 0],
    ["skip", 0, 1],
  ] as const) {
    const running = start("exit 0", { missed });
    now = START + 60 * MINUTE;
    running.look();
    await idle(running);
    expect(running.status()).toMatchObject({ runs, skipped, nextAt: START + 60.5 * MINUTE });
    await running.stop(0);
  }
});

test("a clock that is set back does not put it off", () => {
  const running = start("exit 0");
  now = START - 120 * MINUTE;
  running.look();
  expect(running.status().nextAt).toBe(START - 119.5 * MINUTE);
});

test("@every keeps in step with its beginning", async () => {
  const running = start("exit 0", { schedule: parseSchedule("@every 10s") as Schedule });
  now = START + 10_700;
  running.look();
  expect(running.status()).toMatchObject({ runs: 1, nextAt: START + 20_000 });
  await idle(running);
});

test("overlap = true lets runs join, up to a bound; stop ends them all", async () => {
  const running = start("exec sleep 1000", { overlap: true });
  for (let i = 0; i < 20; i++) {
    now += MINUTE;
    running.look();
  }
  expect(running.status()).toMatchObject({ runs: 16, skipped: 4 });
  const pids = running.status().running.map(({ pid }) => pid);
  await running.stop();
  expect(running.status().running).toEqual([]);
  for (const pid of pids) expect(() => process.kill(pid, 0)).toThrow();
});

test("a program that cannot be executed is a failed run that says why", async () => {
  const running = start("", { program: "/does/not/exist" });
  now += MINUTE;
  running.look();
  await idle(running);
  const { last } = running.status();
  expect(last).toMatchObject({ ok: false, cause: "exited with code 126" });
  expect(last?.lastLines.join()).toContain("ENOENT");
});
