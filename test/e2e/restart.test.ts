/** In the background: `server start`, `stop`, and `restart`, which hands over to a new process without losing a request. */
import { afterEach, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { BINARY, controlHome, E2E_TIMEOUT_MS, runServer, withoutNoOrphans } from "../support/binary.ts";
import { ControlClient, controlSocket } from "../support/control.ts";
import { freePort, makeFolder, removeFolder } from "../support/folder.ts";
import { Load } from "../support/load.ts";
import { lives, processAt } from "../support/processes.ts";
import { testUnless } from "../support/skip.ts";
import { probeApp, site } from "../support/toml.ts";
import { until } from "../support/wait.ts";
import { Client, get, type Address } from "../support/wire.ts";

setDefaultTimeout(E2E_TIMEOUT_MS);

let folder = "";
let address: Address;
let toml = "";
const pids = new Set<number>();

beforeEach(async () => {
  folder = makeFolder("restart");
  const port = await freePort();
  address = { host: "127.0.0.1", port };
  const listen = `127.0.0.1:${port}", "unix:${folder}/own.sock`;
  toml = `[server]\nfronts = 2\npid_file = "server.pid"\naccess_log = "off"\n${probeApp({ processes: 2, threads: 2 })}${site(listen)}`;
  writeFileSync(join(folder, "server.toml"), toml);
});

afterEach(async () => {
  for (const pid of pids) if (lives(pid)) process.kill(pid, "SIGKILL");
  pids.clear();
  removeFolder(folder);
});

const command = (name: string, ...more: readonly string[]) =>
  runServer([name, "-c", "server.toml", ...more], folder, controlHome(folder));

function pidInFile(): number {
  const pid = Number(readFileSync(join(folder, "server.pid"), "latin1"));
  // Zero would be this very group of processes.
  if (!(pid > 1)) throw new Error(`no process id in server.pid: ${pid}`);
  pids.add(pid);
  return pid;
}

async function start(): Promise<number> {
  const { code, stdout, stderr } = await command("start");
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  const pid = pidInFile();
  expect(stdout).toContain(`, pid ${pid}; its output is in ${join(folder, "server.log")}`);
  return pid;
}

const request = (more: string) => `GET /hello HTTP/1.1\r\nHost: localhost\r\n${more}\r\n`;

test("start serves when it returns, in a session of its own; stop returns when nothing is left", async () => {
  const pid = await start();
  expect((await get(address, "/hello")).status).toBe(200);
  expect(readFileSync(`/proc/${pid}/stat`, "latin1").split(") ")[1]?.split(" ")[3]).toBe(String(pid));
  const again = await command("start");
  expect([again.code, again.stderr]).toEqual([1, expect.stringContaining(`already running: pid ${pid}`)]);
  expect((await command("stop")).stdout).toBe(`stopped, pid ${pid}\n`);
  expect([lives(pid), existsSync(join(folder, "server.pid")), existsSync(join(folder, "own.sock"))]).toEqual([
    false,
    false,
    false,
  ]);
  const gone = await command("stop");
  expect([gone.code, gone.stderr]).toEqual([1, expect.stringContaining("no server runs with")]);
});

test("start says why it does not: the file, the code", async () => {
  writeFileSync(join(folder, "server.toml"), `${toml}\nwrong = 1\n`);
  expect((await command("start")).code).toBe(2);
  writeFileSync(join(folder, "bad.py"), "raise RuntimeError('not today')\n");
  writeFileSync(join(folder, "server.toml"), `[app.bad]\nroot = "."\nwsgi = "bad"\n${toml}`);
  const { code, stderr } = await command("start");
  expect([code, stderr]).toEqual([1, expect.stringContaining("RuntimeError: not today")]);
  expect(existsSync(join(folder, "server.pid"))).toBe(false);
});

const rooted = testUnless(process.geteuid?.() === 0 ? undefined : "only root can write files of others");

rooted("start by root writes nothing through a link that others may have put there", async () => {
  writeFileSync(join(folder, "target"), "");
  symlinkSync("target", join(folder, "server.log"));
  chmodSync(folder, 0o777);
  const { code, stderr } = await command("start");
  expect([code, stderr]).toEqual([1, expect.stringContaining("server.log: it is a link, and others than root")]);
  expect(readFileSync(join(folder, "target"), "utf8")).toBe("");
});

test("restart and USR2 under load: other processes, no request fails; a request in flight is finished by the old one", async () => {
  const first = await start();
  const load = (more: string) => new Load({ address, connections: 3, request: () => request(more) });
  const [kept, fresh] = [load(""), load("Connection: close\r\n")];
  const answered = () => kept.counts.replies + fresh.counts.replies;
  const more = (n: number, from = answered()) => until("more replies", 20_000, () => answered() > from + n);
  await more(100);
  const slow = await Client.open(address);
  slow.send("GET /sleep?s=2 HTTP/1.1\r\nHost: localhost\r\n\r\n");
  await until("the request that sleeps", 10_000, () =>
    readFileSync(join(folder, "server.log"), "latin1").includes("asleep in"),
  );
  const { code, stdout } = await command("restart");
  const second = pidInFile();
  const finishes = `process ${first} finishes the requests that it has, which may take 30s`;
  expect([code, stdout]).toEqual([0, `process ${second} has taken over; ${finishes}\n`]);
  expect(second).not.toBe(first);
  expect((await slow.answer()).status).toBe(200);
  slow.close();
  await until("end of the first process", 20_000, () => !lives(first));
  await more(100);
  process.kill(second, "SIGUSR2");
  await until("a third process", 20_000, () => existsSync(join(folder, "server.pid")) && pidInFile() !== second);
  await until("end of the second process", 20_000, () => !lives(second));
  await more(100);
  const counts = await Promise.all([kept.stop(), fresh.stop()]);
  expect(counts.flatMap(({ failures }) => failures)).toEqual([]);
  expect(counts.map(({ statuses }) => Object.keys(statuses))).toEqual([["200"], ["200"]]);
  expect((await get({ path: join(folder, "own.sock") }, "/hello")).status).toBe(200);
  expect((await command("stop")).code).toBe(0);
});

test("when it is said that the new one has taken over, no new connection meets the old one, nor has metrics to wait", async () => {
  const privatePort = await freePort();
  const write = (n: number) =>
    writeFileSync(
      join(folder, "server.toml"),
      `[server]\nfronts = 2\npid_file = "server.pid"\n${site(`127.0.0.1:${(address as { port: number }).port}`, `"/" = { respond = "${n}" }`)}[metrics]\nlisten = "127.0.0.1:${privatePort}"\n`,
    );
  write(0);
  await start();
  const load = new Load({ address, connections: 2, request: () => request("Connection: close\r\n") });
  for (let n = 1; n <= 5; n++) {
    write(n);
    const control = new ControlClient(controlSocket(folder));
    control.send('{"command":"restart"}\n');
    expect(await control.line(1)).toMatchObject({ result: { ok: true } });
    const first = await Promise.all(Array.from({ length: 20 }, () => get(address, "/")));
    expect(first.map(({ body }) => body.toString())).toEqual(first.map(() => String(n)));
    expect((await get({ host: "127.0.0.1", port: privatePort }, "/metrics")).status).toBe(200);
    control.close();
    pidInFile();
  }
  expect((await load.stop()).failures).toEqual([]);
  expect((await command("stop")).code).toBe(0);
});

test("a new process that cannot serve changes nothing: the old one goes on, with its locks, paths and commands", async () => {
  const pid = await start();
  writeFileSync(join(folder, "bad.py"), "raise RuntimeError('not today')\n");
  for (const [bad, why] of [
    ["nonsense", "is not TOML"],
    [`[app.bad]\nroot = "."\nwsgi = "bad"\n${toml}`, "RuntimeError: not today"],
  ] as const) {
    writeFileSync(join(folder, "server.toml"), bad);
    const { code, stderr } = await command("restart");
    expect([code, stderr]).toEqual([1, expect.stringContaining(why)]);
    expect(stderr).toEndWith("server: the new process has not taken over; the old one goes on\n");
  }
  writeFileSync(join(folder, "server.toml"), toml);
  expect([pidInFile(), (await get({ path: join(folder, "own.sock") }, "/hello")).status]).toEqual([pid, 200]);
  expect((await command("start")).stderr).toContain(`already running: pid ${pid}`);
  expect((await command("restart")).code).toBe(0);
  pidInFile();
  expect((await command("stop", "--now")).code).toBe(0);
});

test("a pid file that somebody removed, or left behind, stands in nobody's way", async () => {
  await start();
  rmSync(join(folder, "server.pid"));
  expect((await command("status")).code).toBe(0);
  expect((await command("stop")).code).toBe(0);
  writeFileSync(join(folder, "server.pid"), "1\n");
  const pid = await start();
  process.kill(pid, "SIGKILL");
  await until("its end", 10_000, () => !lives(pid));
  expect(existsSync(join(folder, "server.pid"))).toBe(true);
  await start();
  expect((await command("stop")).code).toBe(0);
});

test("the output of a server in the background is a log: opened anew by USR1, rotated, and its successor's, too", async () => {
  const output = join(folder, "server.log");
  const shows = (text: string) =>
    until(`${text} in it`, 10_000, () => existsSync(output) && readFileSync(output, "latin1").includes(text));
  writeFileSync(join(folder, "server.toml"), toml.replace('access_log = "off"\n', ""));
  const first = await start();
  renameSync(output, `${output}.1`);
  process.kill(first, "SIGUSR1");
  await shows("log files are opened anew");
  expect((await get(address, "/hello?first")).status).toBe(200);
  await shows("/hello?first");
  expect((await command("restart")).code).toBe(0);
  // Until then it answers, too, and writes to the file that it has.
  await until("the end of the first", 20_000, () => !lives(first));
  pidInFile();
  renameSync(output, `${output}.2`);
  expect((await command("logs", "reopen")).stdout).toBe("1 log file opened anew\n");
  expect((await get(address, "/hello?second")).status).toBe(200);
  await shows("/hello?second");
  writeFileSync(join(folder, "server.toml"), toml.replace('access_log = "off"', 'log_rotate_size = "8KiB"'));
  expect((await command("reload")).code).toBe(0);
  for (let i = 0; i < 100; i++) await get(address, `/hello?third-${i}`);
  await until("a rotated file", 10_000, () => readdirSync(folder).some((name) => /^server\.log\.\d{8}T/.test(name)));
  expect((await command("stop")).code).toBe(0);
});

test("services are never there twice, whether they start before the apps or after", async () => {
  const script = (name: string) =>
    `echo $0 begins >> ${folder}/${name}; trap "echo $0 ends >> ${folder}/${name}; exit" TERM; while :; do sleep 0.02; done`;
  const service = (name: string) =>
    `[service.${name}]\ncommand = ["/bin/sh", "-c", ${JSON.stringify(script(name))}, "it"]\nstart = "${name}"\n`;
  writeFileSync(join(folder, "server.toml"), `${toml}${service("before")}${service("after")}`);
  const said = (name: string) => {
    const path = join(folder, name);
    return existsSync(path) ? readFileSync(path, "utf8").trim().split("\n") : [];
  };
  await start();
  for (const name of ["before", "after"]) await until(`${name}`, 10_000, () => said(name).length === 1);
  expect((await command("restart")).code).toBe(0);
  pidInFile();
  for (const name of ["before", "after"]) {
    await until(`the next ${name}`, 10_000, () => said(name).length === 3);
    expect(said(name)).toEqual(["it begins", "it ends", "it begins"]);
  }
  expect((await command("stop")).code).toBe(0);
  for (const name of ["before", "after"]) expect(said(name).length).toBe(4);
});

test("a pid file and a control socket that somebody removes are made again, and lead to the same server", async () => {
  const pid = await start();
  for (const name of ["server.pid", "server"]) rmSync(join(folder, name), { recursive: true });
  const { code } = await command("status");
  // Unless the server was faster.
  if (!existsSync(join(folder, "server"))) expect(code).toBe(1);
  // It is there a moment before there is a number in it.
  const again = () =>
    existsSync(join(folder, "server.pid")) && readFileSync(join(folder, "server.pid"), "latin1") !== "";
  await until("the pid file", 10_000, again);
  expect(pidInFile()).toBe(pid);
  await until("the control socket", 10_000, async () =>
    (await command("status")).stdout.includes(`pid ${pid}, serving`),
  );
  expect((await command("start")).stderr).toContain(`already running: pid ${pid}`);
  expect((await command("stop")).stdout).toBe(`stopped, pid ${pid}\n`);
  expect(existsSync(join(folder, "server.pid"))).toBe(false);
});

test("stop returns also when the parent of the server never asks how it ended, as in many a container", async () => {
  const script = `"$0" run -c server.toml & exec sleep 60`;
  const env = { ...withoutNoOrphans(), ...controlHome(folder) };
  const parent = Bun.spawn(["sh", "-c", script, BINARY], { cwd: folder, env, stdout: "ignore", stderr: "ignore" });
  try {
    await until("the server", 20_000, async () => (await command("status")).stdout.includes(", serving"));
    const pid = pidInFile();
    expect((await command("stop")).stdout).toBe(`stopped, pid ${pid}\n`);
    expect(processAt(pid)?.state).toBe("Z");
  } finally {
    parent.kill("SIGKILL");
    await parent.exited;
  }
});
