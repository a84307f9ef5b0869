/** Services and timed commands beside the apps: started, logged, restarted, drained; and none outlives the server. */
import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { E2E_TIMEOUT_MS, runToml, startServer, type Server } from "../support/binary.ts";
import { freePort, makeFolder, removeFolder } from "../support/folder.ts";
import { isAlive, processAt, type Process } from "../support/processes.ts";
import { testUnless } from "../support/skip.ts";
import { ONE_FRONT, probeApp, site } from "../support/toml.ts";
import { until } from "../support/wait.ts";
import { get, type Address } from "../support/wire.ts";

setDefaultTimeout(E2E_TIMEOUT_MS);

let folder = "";
let server: Server | undefined;
let address: Address;

beforeEach(() => {
  folder = makeFolder("services");
});

afterEach(async () => {
  await server?.dispose();
  server = undefined;
  removeFolder(folder);
});

/** A shell script in the folder; "./name" runs it. */
function script(name: string, text: string): void {
  writeFileSync(join(folder, name), `#!/bin/sh\n${text}\n`);
  chmodSync(join(folder, name), 0o755);
}

async function start(tables: string, serverKeys = ""): Promise<Server> {
  const port = await freePort();
  address = { host: "127.0.0.1", port };
  const toml = ONE_FRONT + serverKeys + tables + probeApp({ processes: 1 }) + site(`127.0.0.1:${port}`);
  server = await startServer(toml, { folder });
  return server;
}

interface Instance {
  state: string;
  pid: number | null;
  restarts: number;
  lastExit: string | null;
  rssBytes: number | null;
}

async function instances(running: Server, name: string): Promise<Instance[]> {
  const { stdout } = await running.command("status", "--json");
  const { services } = JSON.parse(stdout) as { services: { name: string; instances: Instance[] }[] };
  return services.find((service) => service.name === name)?.instances ?? [];
}

async function runningPid(running: Server, name: string, not?: number): Promise<number> {
  return until(`running ${name}`, 15_000, async () => {
    const [first] = await instances(running, name);
    return first?.state === "running" && first.pid !== not ? first.pid : undefined;
  });
}

const STAYS = "trap 'echo got the signal; exit 0' TERM; echo up; while :; do sleep 0.05; done";

test("it runs beside the app, each line of both outputs is logged with its name, and status shows it", async () => {
  script("stays", `echo on stderr >&2; ${STAYS}`);
  const running = await start('[service.stays]\ncommand = "./stays"\n');
  await running.logged("service stays: on stderr");
  await running.logged("service stays: up");
  const [only] = await instances(running, "stays");
  expect(only).toMatchObject({ state: "running", restarts: 0, lastExit: null });
  expect(only?.rssBytes).toBeGreaterThan(100_000);
  expect((await running.command("status")).stdout).toMatch(/service stays: running for .*, pid \d+, \d+ MiB/);
});

test("app = NAME gives it the app's folder, environment, interpreter and virtualenv", async () => {
  const project = join(folder, "project");
  mkdirSync(join(folder, "venv/bin"), { recursive: true });
  mkdirSync(project);
  writeFileSync(join(folder, "venv/pyvenv.cfg"), "");
  writeFileSync(join(project, "own.py"), "def application(e, s):\n    s('200 OK', [])\n    return [b'']\n");
  script("venv/bin/python", `exec ${Bun.which("python3") ?? "python3"} "$@"`);
  script("venv/bin/mytool", 'echo "tool in $PWD with $COLOUR and $VIRTUAL_ENV, $1"; exec sleep 1000');
  const app = '[app.own]\nroot = "project"\nwsgi = "own"\npython = "venv"\nprocesses = 1\nenv = { COLOUR = "red" }\n';
  const service = '[service.tool]\napp = "own"\ncommand = ["mytool", "two words; $HOME"]\n';
  const python = '[service.py]\napp = "own"\nrestart = "never"\ncommand = "python -c \'print(6 * 7)\'"\n';
  const running = await start(`${app}${service}${python}`);
  await running.logged(`service tool: tool in ${project} with red and ${join(folder, "venv")}, two words; $HOME`);
  await running.logged("service py: 42");
});

test("killed, it is started again; the pauses grow while it ends at once", async () => {
  script("stays", STAYS);
  script("leaves", "echo leaving; exit 3");
  const running = await start('[service.stays]\ncommand = "./stays"\n[service.leaves]\ncommand = "./leaves"\n');
  const pid = await runningPid(running, "stays");
  process.kill(pid, "SIGKILL");
  await runningPid(running, "stays", pid);
  expect((await instances(running, "stays"))[0]).toMatchObject({ restarts: 1, lastExit: "was killed by SIGKILL" });
  await running.logged("service leaves: exited with code 3; starting it again in 4 s");
  const { stdout } = await running.command("status");
  expect(stdout).toMatch(/service leaves: waiting, next start in .*\n {2}it last exited with code 3\n {4}\| leaving/);
  expect((await get(address, "/hello")).status).toBe(200);
});

test('restart = "on-failure" and "never"', async () => {
  const rules = [
    ["done", "on-failure", "exit 0"],
    ["failed", "on-failure", "exit 1"],
    ["once", "never", "exit 1"],
  ];
  const tables = rules.map(([name, rule, text]) => {
    script(name as string, text as string);
    return `[service.${name}]\ncommand = "./${name}"\nrestart = "${rule}"\n`;
  });
  const running = await start(tables.join(""));
  await running.logged("service done: exited with code 0; it stays ended");
  await running.logged("service failed: exited with code 1; starting it again in 2 s");
  await running.logged("service once: exited with code 1; it stays ended");
  expect((await instances(running, "done"))[0]?.state).toBe("ended");
  expect((await instances(running, "once"))[0]?.state).toBe("ended");
});

describe("the end of the server", () => {
  test("TERM: it gets its stop signal and may finish; then nothing is left", async () => {
    script("stays", `trap 'sleep 0.3; echo finished; exit 0' INT; sleep 1000 & echo up; while :; do sleep 0.05; done`);
    const running = await start('[service.stays]\ncommand = "./stays"\nstop_signal = "INT"\n');
    await running.logged("stays: up");
    expect(await running.stop()).toBe(0);
    await running.logged("service stays: finished");
    await running.logged("stopped: it exited with code 0");
    await running.leavesNothing();
  });

  test("one that does not listen is killed after stop_timeout, with all that it has started", async () => {
    script("deaf", "trap '' TERM; (trap '' TERM; sleep 1000) & echo up; while :; do sleep 0.05; done");
    const running = await start('[service.deaf]\ncommand = "./deaf"\nstop_timeout = "300ms"\n');
    await running.logged("deaf: up");
    const began = performance.now();
    expect(await running.stop()).toBe(0);
    expect(performance.now() - began).toBeGreaterThan(300);
    await running.leavesNothing();
  });

  test("a second signal does not wait for stop_timeout", async () => {
    script("deaf", "trap '' TERM; echo up; while :; do sleep 0.05; done");
    const running = await start('[service.deaf]\ncommand = "./deaf"\nstop_timeout = "50s"\n');
    await running.logged("deaf: up");
    running.signal("SIGTERM");
    await running.logged("stopping");
    const began = performance.now();
    running.signal("SIGTERM");
    await running.ended();
    expect(performance.now() - began).toBeLessThan(10_000);
    await running.leavesNothing();
  });

  test("kill -9: the service goes along within a moment, its children and those that close descriptors too", async () => {
    script("deaf", "trap '' TERM HUP; (trap '' TERM; echo child; sleep 1000) & sleep 1000");
    script("closes", "exec 3>&-; echo closed; exec sleep 1000");
    const running = await start(
      '[service.deaf]\ncommand = "./deaf"\n[service.closes]\ncommand = "./closes"\n' +
        '[cron.long]\nschedule = "@every 1s"\ncommand = "sleep 1000"\n',
    );
    await running.logged("deaf: child");
    await running.logged("closes: closed");
    await running.logged("cron long: started");
    const sleepers = () => running.children().filter(({ command }) => command === "sleep 1000");
    await until("four sleepers", 10_000, () => sleepers().length === 4);
    const before = running.children().filter(isAlive);
    running.signal("SIGKILL");
    await running.ended();
    await running.leavesNothing();
    expect(before.filter((process: Process) => isAlive(process))).toEqual([]);
  });

  test("what was started before the apps is ended after them", async () => {
    script("first", "trap 'echo first ends; exit 0' TERM; echo first; while :; do sleep 0.05; done");
    script("second", "trap 'echo second ends; exit 0' TERM; echo second; while :; do sleep 0.05; done");
    const running = await start(
      '[service.second]\ncommand = "./second"\n[service.first]\ncommand = "./first"\nstart = "before"\n',
    );
    await running.logged("service second: second");
    await running.stop();
    const order = ["service first: first", "is ready", "service second: second", "second ends", "first ends"];
    const places = order.map((text) => running.log.indexOf(text));
    expect(places).toEqual(places.toSorted((a, b) => a - b));
    expect(places).not.toContain(-1);
  });
});

test("server reload --service ends it as a stop does and starts it anew; one that does not come up is told of", async () => {
  script("stays", STAYS);
  const running = await start('[service.stays]\ncommand = "./stays"\ninstances = 2\n');
  const pid = await runningPid(running, "stays");
  const good = await running.command("reload", "--service", "stays");
  expect(good).toMatchObject({ code: 0, stdout: expect.stringContaining("2 instances restarted") });
  await until("the word of both", 10_000, () => running.log.match(/got the signal/g)?.length === 2);
  const pids = (await instances(running, "stays")).map((instance) => instance.pid);
  expect(pids).not.toContain(pid);
  expect(new Set(pids).size).toBe(2);
  script("stays", "echo this is broken; exit 9");
  const bad = await running.command("reload", "--service", "stays");
  expect(bad).toMatchObject({ code: 1, stderr: expect.stringContaining("exited with code 9\nthis is broken") });
  expect((await running.command("reload", "--service", "nope")).code).toBe(2);
});

test("it has no signal blocked or ignored, a session of its own, and no descriptors but its leash", async () => {
  script("shows", "grep -E '^Sig(Blk|Ign)' /proc/self/status; echo fds $(ls /proc/self/fd | wc -l); exec sleep 1000");
  const running = await start('[service.shows]\ncommand = "./shows"\n');
  await running.logged("SigBlk:\t0000000000000000");
  // 32 and 33 are the C library's own: it lets nobody change them, so they stay as whoever started the tests has them.
  await running.logged(/SigIgn:\t0000000[01][08]0000000\n/);
  // 0 to 2, the leash, and the folder that ls reads.
  await running.logged("fds 5");
  const pid = await runningPid(running, "shows");
  expect(readFileSync(`/proc/${pid}/stat`, "latin1").split(") ")[1]?.split(" ")[3]).toBe(String(pid));
});

function notRoot(): string | undefined {
  return process.getuid?.() === 0 ? undefined : "only root can become another user";
}

testUnless(notRoot())("user, group and umask", async () => {
  chmodSync(folder, 0o777);
  script("who", 'id; echo "$HOME $USER"; umask; echo "$0" > made; exec sleep 1000');
  const running = await start('[service.who]\ncommand = "./who"\nuser = "nobody"\numask = "027"\n');
  await running.logged(/service who: uid=\d+\(nobody\) gid=\d+\(\w+\) groups=\d+\(\w+\)\n/);
  await running.logged("service who: 0027");
  await running.logged(/service who: \/\S+ nobody\n/);
  await until("file", 5000, () => existsSync(join(folder, "made")));
  expect(statSync(join(folder, "made")).mode & 0o777).toBe(0o640);
  const pid = await runningPid(running, "who");
  expect(await running.stop()).toBe(0);
  expect(processAt(pid)).toBeUndefined();
});

describe("timed commands", () => {
  interface Cron {
    runs: number;
    failures: number;
    skipped: number;
    last: { ok: boolean; cause: string; lastLines: string[] } | null;
  }

  async function cron(running: Server): Promise<Cron> {
    const { stdout } = await running.command("status", "--json");
    return (JSON.parse(stdout) as { crons: Cron[] }).crons[0] as Cron;
  }

  test("one runs again and again, is logged, and status shows how it ended last", async () => {
    script("tick", "echo tick; exit 4");
    const running = await start('[cron.tick]\nschedule = "@every 1s"\ncommand = "./tick"\n');
    const seen = await until("three runs", 20_000, async () => {
      const status = await cron(running);
      return status.runs >= 3 && status.last !== null ? status : undefined;
    });
    expect(seen.failures).toBeGreaterThanOrEqual(2);
    expect(seen.last).toMatchObject({ ok: false, cause: "exited with code 4", lastLines: ["tick"] });
    expect((await running.command("status")).stdout).toMatch(/cron tick: @every 1s, next in .*\n.*exited with code 4/);
  });

  test("a run that is still at work is not joined by another; timeout ends it", async () => {
    script("slow", "echo begins; exec sleep 1000");
    const running = await start('[cron.slow]\nschedule = "@every 1s"\ncommand = "./slow"\ntimeout = "2500ms"\n');
    await running.logged("cron slow: skipped: the last run is still at work");
    await running.logged("was killed by SIGTERM after timeout (2500 ms)");
    const status = await cron(running);
    expect(status.skipped).toBeGreaterThanOrEqual(1);
    expect(status.last?.ok).toBe(false);
  });
});

test("what cannot be run is a problem of the configuration, with its place", async () => {
  const { code, stderr } = await runToml(
    `[service.a]\ncommand = "no_such_program --x"\n[cron.b]\nschedule = "61 * * * *"\ncommand = []\n${probeApp()}${site("127.0.0.1:1")}`,
    folder,
  );
  expect(code).toBe(2);
  expect(stderr).toMatch(/server\.toml:2:11: service\.a\.command: names no_such_program, which is not in /);
  expect(stderr).toMatch(
    /server\.toml:4:12: cron\.b\.schedule: is "61 \* \* \* \*"; should be a minute in the place of "61"/,
  );
  expect(stderr).toMatch(/server\.toml:5:11: cron\.b\.command: is an empty list; should be a command/);
});
