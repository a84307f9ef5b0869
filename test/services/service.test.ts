/** A service by itself, with real processes. */
import { afterEach, expect, test } from "bun:test";
import { makeLog } from "../../src/base/log.ts";
import { Service, type ServiceOptions } from "../../src/services/service.ts";
import { until } from "../support/wait.ts";

const logged: string[] = [];
const services: Service[] = [];

afterEach(async () => {
  await Promise.all(services.splice(0).map((service) => service.stop(0)));
  logged.length = 0;
});

function make(script: string, options: Partial<ServiceOptions> = {}): Service {
  const service = new Service(
    {
      name: "unit",
      program: "/bin/sh",
      words: ["sh", "-c", script],
      cwd: "/",
      env: { PATH: "/usr/bin:/bin", GREETING: "good day" },
      user: undefined,
      umask: undefined,
      stopSignal: "TERM",
      stopTimeoutMs: 500,
      instances: 1,
      restart: "always",
      ...options,
    },
    makeLog("service unit", "debug", (line) => logged.push(line)),
  );
  services.push(service);
  return service;
}

const said = (text: string) => until(text, 10_000, () => logged.some((line) => line.includes(text)));

test("the environment is exactly what was given", async () => {
  make("env; exec sleep 1000").start();
  await said("GREETING=good day");
  const names = logged.flatMap((line) => /unit: ([A-Z_]+)=/.exec(line)?.[1] ?? []);
  // The shell adds PWD (and some shells these).
  expect(names.filter((name) => !["PWD", "SHLVL", "OLDPWD", "_"].includes(name)).sort()).toEqual(["GREETING", "PATH"]);
});

test("an environment and arguments of the largest size are handed over", async () => {
  const big = "x".repeat(100_000);
  make('echo "length ${#BIG}"; exec sleep 1000', { env: { PATH: "/usr/bin:/bin", BIG: big } }).start();
  await said("length 100000");
});

test("stop before a start, during a back-off and twice is well", async () => {
  const never = make("exit 0");
  await never.stop();
  const failing = make("exit 1");
  failing.start();
  await said("starting it again in 1 s");
  await Promise.all([failing.stop(), failing.stop()]);
  expect(failing.status().instances[0]?.state).toBe("ended");
});

test("restart while it waits for its next start begins at once and forgives its failures", async () => {
  const failing = make("echo once; exit 1");
  failing.start();
  await said("starting it again in 2 s");
  const result = await failing.restart("test");
  expect(result).toMatchObject({ ok: false, failure: "exited with code 1\nonce" });
  expect(failing.status().instances[0]?.failures).toBe(1);
});

test("a service that is done may be run again by a restart, and that is no failure", async () => {
  const done = make("echo ran", { restart: "never" });
  done.start();
  await said("stays ended");
  expect(await done.restart("test")).toEqual({ ok: true, restarted: 1 });
  expect(logged.filter((line) => line.endsWith("unit: ran\n")).length).toBe(2);
});

test("restarts queue up; a stop ends the one that is under way", async () => {
  const stays = make("exec sleep 1000", { instances: 2 });
  stays.start();
  const results = [stays.restart("one"), stays.restart("two")];
  await said("stopped: it was killed by SIGTERM");
  await stays.stop();
  expect((await Promise.all(results)).every(({ ok }) => !ok)).toBe(true);
  expect(stays.status().instances.map(({ state }) => state)).toEqual(["ended", "ended"]);
});

test("thousands of lines at once are all logged, long ones cut", async () => {
  make("seq 1 5000; head -c 20000 /dev/zero | tr '\\0' y; echo; echo end; exec sleep 1000").start();
  await said("unit: end");
  expect(logged.filter((line) => /unit: \d+\n$/.test(line)).length).toBe(5000);
  expect(Math.max(...logged.map((line) => line.length))).toBeLessThan(9000);
});

test("what is run once is waited for; it fails by its status, and when it takes too long", async () => {
  const run = (script: string, timeoutMs?: number) => make(script, { restart: "never" }).run(timeoutMs);
  expect(await run("sleep 0.2; echo done")).toBeUndefined();
  expect(logged.some((line) => line.endsWith("unit: done\n"))).toBe(true);
  expect(await run("echo no; exit 3")).toBe("exited with code 3\nno");
  expect(await run("kill -9 $$")).toBe("was killed by SIGKILL");
  expect(await run("exec sleep 1000", 100)).toBe("after 0.1 s it was not done: was killed by SIGTERM");
  expect(await run("trap 'exit 0' TERM; echo deaf; while :; do sleep 0.05; done", 300)).toStartWith("after 0.3 s");
  const stopped = make("exec sleep 1000", { restart: "never" });
  const failure = stopped.run();
  await stopped.stop();
  expect(await failure).toBe("stopped");
});
