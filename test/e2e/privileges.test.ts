/** A server that is started as root: whom it becomes, what it keeps, and that all that comes later works without root. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test as plainTest } from "bun:test";
import {
  chmodSync,
  chownSync,
  constants,
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  BINARY,
  controlHome,
  E2E_TIMEOUT_MS,
  runServer,
  runToml,
  startServer,
  type Server,
} from "../support/binary.ts";
import { Authority, opensslMissing } from "../support/certificates.ts";
import { freePort, makeFolder, removeFolder, writeFiles } from "../support/folder.ts";
import { isAlive } from "../support/processes.ts";
import { testUnless } from "../support/skip.ts";
import { until } from "../support/wait.ts";

setDefaultTimeout(E2E_TIMEOUT_MS);

/** Everywhere. */
const DAEMON = 1;
const NOBODY = 65_534;

/** CAP_NET_BIND_SERVICE, CAP_SETUID, CAP_SETGID, CAP_KILL, CAP_DAC_READ_SEARCH, CAP_CHOWN */
const KEPT = (1 << 10) | (1 << 7) | (1 << 6) | (1 << 5) | (1 << 2) | 1;

const isRoot = process.geteuid?.() === 0;
const missing = isRoot ? opensslMissing() : "only root has rights to give up";
const test = testUnless(missing);

const STATUS = `
import os

def application(environ, start_response):
    with open("/proc/self/status") as status:
        lines = [line for line in status if line.split(":")[0] in ("Uid", "Gid", "Groups", "CapPrm", "CapEff", "CapAmb", "NoNewPrivs")]
    start_response("200 OK", [("Content-Type", "text/plain")])
    return ["".join(lines + ["HOME:\\t%s\\n" % os.environ.get("HOME"), "Umask:\\t%o\\n" % os.umask(0o27)]).encode()]
`;

const folder = makeFolder("privileges");
const environment = { SERVER_RUN_AS_ROOT: "" };
let server: Server | undefined;
let authority: Authority;
let port = 0;
let low = 0;

beforeAll(async () => {
  if (missing !== undefined) return;
  // A clone in root's home is out of reach for others.
  copyFileSync(BINARY, join(folder, "server"));
  chmodSync(join(folder, "server"), 0o755);
  mkdirSync(join(folder, "logs"));
  writeFiles(folder, { "status.py": STATUS, "page.txt": "page", "secret.txt": "secret" });
  chmodSync(join(folder, "secret.txt"), 0o600);
  chownSync(join(folder, "logs"), DAEMON, DAEMON);
  authority = new Authority(folder);
  certify("one");
  port = await freePort();
  low = await freeLowPort();
  server = await startServer(toml(), { folder, env: environment, binary: join(folder, "server") });
});

afterAll(async () => {
  await server?.dispose();
  removeFolder(folder);
});

function certify(name: string): void {
  const { pem, key } = authority.make(name, { names: "DNS:localhost" });
  chmodSync(key, 0o600);
  renameSync(key, join(folder, "site.key"));
  renameSync(pem, join(folder, "site.pem"));
}

async function freeLowPort(): Promise<number> {
  for (let candidate = 700; candidate < 1000; candidate++) {
    try {
      Bun.listen({ hostname: "127.0.0.1", port: candidate, socket: { data: () => {} } }).stop(true);
      return candidate;
    } catch {
      // another's
    }
  }
  throw new Error("no port below 1024 is free");
}

const app = (name: string, more = "", processes = 1) => `
[app.${name}]
root = "."
wsgi = "status.py"
python = "/usr/bin/python3"
processes = ${processes}
${more}`;

function toml(ports: readonly number[] = []): string {
  const listen = ports.map((each) => `, "127.0.0.1:${each}"`).join("");
  return `
[server]
user = "daemon"
umask = "027"
fronts = 2
access_log = "logs/access.log"
state_directory = "state"
${app("own")}${app("other", `user = "nobody"\ngroup = ${JSON.stringify(groupName(NOBODY))}`)}
${app("forked", `user = "nobody"\ngroup = ${JSON.stringify(groupName(NOBODY))}\npreload = true`)}
${app("many", `user = "nobody"\ngroup = ${JSON.stringify(groupName(NOBODY))}`, 3)}
[service.idle]
command = ["/bin/sleep", "600"]
user = "nobody"
group = ${JSON.stringify(groupName(NOBODY))}
[[site]]
listen = [{ address = "127.0.0.1:${port}", tls = true }${listen}]
tls = { cert = "site.pem", key = "site.key" }
https_redirect = false
[site.routes]
"/own" = { app = "own" }
"/other" = { app = "other" }
"/forked" = { app = "forked" }
"/many" = { app = "many" }
"/page.txt" = { files = "page.txt" }
"/files/" = { files = "." }
`;
}

function groupName(id: number): string {
  const row = readFileSync("/etc/group", "utf8")
    .split("\n")
    .find((line) => line.split(":")[2] === String(id));
  return row?.split(":")[0] ?? String(id);
}

async function get(path: string, at = `https://127.0.0.1:${port}`) {
  const answer = await fetch(`${at}${path}`, { tls: { rejectUnauthorized: false } });
  return { status: answer.status, text: await answer.text() };
}

/** Fields of /proc/PID/status by their names. */
function fields(text: string): Record<string, string> {
  return Object.fromEntries(text.split("\n").map((line) => line.split(/:\s*/, 2)) as [string, string][]);
}

function threads(pid: number): Record<string, string>[] {
  return readdirSync(`/proc/${pid}/task`).map((tid) =>
    fields(readFileSync(`/proc/${pid}/task/${tid}/status`, "latin1")),
  );
}

test("every thread is the user, the main one keeps what is said, the fronts nothing", async () => {
  const pid = (server as Server).pid;
  const all = threads(pid);
  expect(new Set(all.map(({ Uid }) => Uid))).toEqual(new Set(["1\t1\t1\t1"]));
  expect(new Set(all.map(({ Gid }) => Gid))).toEqual(new Set(["1\t1\t1\t1"]));
  const main = all.find(({ Pid }) => Pid === String(pid));
  expect(Number(`0x${main?.["CapPrm"]}`)).toBe(KEPT);
  expect(main?.["NoNewPrivs"]).toBe("1");
  const fronts = all.filter(({ Name }) => Name === "Worker");
  expect(fronts.length).toBe(2);
  for (const front of fronts) expect(Number(`0x${front["CapPrm"]}`)).toBe(0);
  await (server as Server).logged("runs as daemon (uid 1, gid 1)");
  await (server as Server).logged("CAP_NET_BIND_SERVICE (to bind ports below 1024 at a reload)");
});

const expected: readonly [string, number, string][] = [
  ["/own", DAEMON, "1"],
  ["/other", NOBODY, String(NOBODY)],
  ["/forked", NOBODY, String(NOBODY)],
  ["/many", NOBODY, String(NOBODY)],
];

test("Python is its user, without a right of root's and without a way to more", async () => {
  for (const [path, id, group] of expected) {
    const found = fields((await get(path)).text);
    expect(found["Uid"]).toBe([id, id, id, id].join("\t"));
    expect(found["Gid"]).toBe([group, group, group, group].join("\t"));
    expect(found["Groups"]?.trim().split(" ")).not.toContain("0");
    for (const set of ["CapPrm", "CapEff", "CapAmb"]) expect([path, set, Number(found[set])]).toEqual([path, set, 0]);
    expect([found["NoNewPrivs"], found["Umask"]]).toEqual(["1", "27"]);
    expect(found["HOME"]).not.toBe("/root");
  }
});

test("files are served that the user may read, and no others", async () => {
  expect(await get("/page.txt")).toEqual({ status: 200, text: "page" });
  expect((await get("/files/secret.txt")).status).toBe(403);
});

test("a changed key that only root may read is taken up", async () => {
  certify("two");
  await (server as Server).logged("shows the new certificate");
});

test("a reload brings a port below 1024", async () => {
  writeFileSync(join(folder, "server.toml"), toml([low]));
  const { code, stdout } = await (server as Server).command("reload");
  expect(code).toBe(0);
  expect(stdout).toContain(`listener http://127.0.0.1:${low}: added`);
  expect((await get("/page.txt", `http://127.0.0.1:${low}`)).text).toBe("page");
});

test("logs are the user's, and are opened anew", async () => {
  const path = join(folder, "logs/access.log");
  expect(statSync(path)).toMatchObject({ uid: DAEMON });
  renameSync(path, `${path}.1`);
  (server as Server).signal("SIGUSR1");
  await until("a new access log", 5_000, () => statSync(path, { throwIfNoEntry: false })?.uid === DAEMON);
  expect(statSync(path).mode & 0o777).toBe(0o640);
});

test("what is kept of certificates is the user's alone", () => {
  expect(statSync(join(folder, "state"))).toMatchObject({ uid: DAEMON });
  expect(statSync(join(folder, "state")).mode & 0o777).toBe(0o700);
});

test("who has no right to it cannot look into its memory", () => {
  const look = Bun.spawnSync([
    "setpriv",
    `--reuid=${DAEMON}`,
    "--clear-groups",
    "cat",
    `/proc/${(server as Server).pid}/environ`,
  ]);
  expect(look.exitCode).not.toBe(0);
  expect(look.stderr.toString()).toContain("Permission denied");
});

test("the death of the master takes the processes of all users along", async () => {
  const begun = (server as Server).children();
  // One that a reload has replaced may end meanwhile.
  const users = begun.flatMap(({ pid }) => statSync(`/proc/${pid}`, { throwIfNoEntry: false })?.uid ?? []);
  expect(new Set(users)).toEqual(new Set([DAEMON, NOBODY]));
  (server as Server).signal("SIGKILL");
  await until("end of all processes", 1_000, () => begun.every((each) => !isAlive(each)));
  await (server as Server).dispose();
  server = undefined;
});

test("a successor is the same user, keeps the same, and ends as well", async () => {
  server = await startServer(toml([low]), { folder, env: environment, binary: join(folder, "server") });
  const { stdout, stderr } = await server.command("restart");
  expect({ stdout, stderr }).toMatchObject({
    stdout: expect.stringMatching(
      /^process \d+ has taken over; process \d+ finishes the requests that it has, which may take 30s\n$/,
    ),
    stderr: "",
  });
  const pid = Number(/\d+/.exec(stdout)?.[0]);
  expect(await server.ended()).toBe(0);
  const all = threads(pid);
  expect(new Set(all.map(({ Uid }) => Uid))).toEqual(new Set(["1\t1\t1\t1"]));
  expect(Number(`0x${all.find(({ Pid }) => Pid === String(pid))?.["CapPrm"]}`)).toBe(KEPT);
  expect(fields((await get("/other")).text)["Uid"]).toStartWith(String(NOBODY));
  writeFileSync(join(folder, "server.toml"), toml());
  expect((await server.command("reload")).code).toBe(0);
  writeFileSync(join(folder, "server.toml"), toml([low]));
  expect((await server.command("reload")).code).toBe(0);
  expect((await get("/page.txt", `http://127.0.0.1:${low}`)).text).toBe("page");
  expect(await server.command("stop")).toMatchObject({ code: 0, stderr: "" });
});

test("what the user may not do is said at the start, not at the first reload", async () => {
  const closed = join(folder, "closed");
  mkdirSync(closed, { mode: 0o755 });
  // Root could, and whoever it belongs to could have it do so elsewhere.
  chownSync(closed, NOBODY, NOBODY);
  const { code, stderr } = await runToml(
    `[server]\nuser = "daemon"\n[[site]]\nlisten = ["unix:closed/x.sock"]\n[site.routes]\n"/" = { files = "page.txt" }\n`,
    folder,
    environment,
  );
  expect(code).toBe(1);
  expect(stderr).toContain("as user daemon it cannot serve");
  expect(stderr).toContain("server.toml:4:11: site.listen: names");
});

test("a socket in a directory that root alone may write is made by root, the user's, and there after reloads and restarts", async () => {
  const own = makeFolder("roots-socket");
  copyFileSync(BINARY, join(own, "server"));
  chmodSync(join(own, "server"), 0o755);
  chmodSync(own, 0o755);
  const path = join(own, "x.sock");
  const text = (said: string) =>
    `[server]\nuser = "daemon"\nfronts = 2\n[[site]]\nlisten = [{ address = "unix:x.sock", mode = "660" }]\n[site.routes]\n"/" = { respond = "${said}" }\n`;
  const options = { folder: own, env: environment, binary: join(own, "server") };
  const said = async () => (await fetch("http://localhost/", { unix: path })).text();
  const first = await startServer(text("one"), options);
  await first.logged(/x\.sock is made by root, who alone may write its directory/);
  expect(await said()).toBe("one");
  expect(statSync(path)).toMatchObject({ uid: DAEMON, mode: constants.S_IFSOCK | 0o660 });
  writeFileSync(join(own, "server.toml"), text("two"));
  expect(await first.command("reload")).toMatchObject({ code: 0, stderr: "" });
  expect(await said()).toBe("two");
  expect((await first.command("restart")).code).toBe(0);
  expect(await said()).toBe("two");
  expect((await first.command("stop")).code).toBe(0);
  await first.dispose();
  // Nobody but root can remove it, and the next start does.
  expect(statSync(path).isSocket()).toBe(true);
  const second = await startServer(text("three"), options);
  expect(await said()).toBe("three");
  expect(await second.stop()).toBe(0);
  await second.dispose();
  removeFolder(own);
});

test("what is another's is neither written nor given away", async () => {
  const mine = makeFolder("given");
  const free = await freePort();
  const text = (logs: string) =>
    `[server]\nuser = "daemon"\naccess_log = "${logs}/access.log"\nstate_directory = "state"\n[[site]]\nlisten = ["127.0.0.1:${free}"]\n[site.routes]\n"/" = { respond = "x" }\n`;
  writeFiles(mine, { target: "", "state/accounts/x": "", "state/apt/x": "", "logs/other": "" });
  chownSync(join(mine, "logs"), DAEMON, DAEMON);
  symlinkSync(join(mine, "target"), join(mine, "logs/access.log"));
  const refused = await runToml(text("logs"), mine, environment);
  expect(refused.stderr).toContain("logs/access.log: it is a link, and others than root may write its directory");
  expect(statSync(join(mine, "target"))).toMatchObject({ uid: 0, size: 0 });
  const served = await startServer(text("."), { folder: mine, env: environment });
  await served.logged(/state is root's and has apt in it/);
  expect(await served.stop()).toBe(0);
  for (const path of ["state", "state/apt", "state/accounts"])
    expect(statSync(join(mine, path))).toMatchObject({ uid: 0 });
  rmSync(join(mine, "state/apt"), { recursive: true });
  await startServer(text("."), { folder: mine, env: environment }).then((again) => again.dispose());
  for (const path of ["state", "state/accounts/x"]) expect(statSync(join(mine, path))).toMatchObject({ uid: DAEMON });
  await served.dispose();
  removeFolder(mine);
});

const refusal = testUnless(isRoot ? undefined : "only root can be refused");

refusal("Python as root is refused unless it is told to", async () => {
  const bare = makeFolder("as-root");
  writeFiles(bare, { "status.py": STATUS });
  const text = `${app("mine")}\n[[site]]\nlisten = ["127.0.0.1:${await freePort()}"]\n[site.routes]\n"/" = { app = "mine" }\n`;
  const reached = text.replace("127.0.0.1:", "0.0.0.0:");
  const refused = await runToml(reached, bare, environment);
  expect(refused.code).toBe(1);
  expect(refused.stderr).toContain("app mine: its Python would be root");
  const gateway = text.replace("\n[[site]]", `\nuwsgi_socket = "0.0.0.0:${await freePort()}"\n[[site]]`);
  expect((await runToml(gateway, bare, environment)).stderr).toContain("app mine: its Python would be root");
  const alone = await startServer(text, { folder: bare, env: environment });
  await alone.logged(/app mine: its Python processes run as root/);
  writeFiles(bare, { "server.toml": reached });
  const reload = await alone.command("reload");
  expect([reload.code, reload.stderr]).toEqual([1, expect.stringContaining("app mine: its Python would be root")]);
  await alone.dispose();
  const told = await startServer(`[server]\nrun_as_root = true\n${text}`, { folder: bare, env: environment });
  expect(await told.stop()).toBe(0);
  await told.dispose();
  removeFolder(bare);
});

refusal("files served by root are told of, unless it is meant", async () => {
  const bare = makeFolder("files-as-root");
  const text = `[[site]]\nlisten = ["0.0.0.0:${await freePort()}"]\n[site.routes]\n"/" = { files = "." }\n`;
  const told: boolean[] = [];
  for (const toml of [text, `[server]\nrun_as_root = true\n${text}`]) {
    const served = await startServer(toml, { folder: bare, env: environment });
    const { stdout } = await runServer(["doctor", "--json"], bare, { ...controlHome(bare), ...environment });
    expect(await served.stop()).toBe(0);
    const says = "root serves, and whoever finds a mistake in the server is root with it";
    told.push(served.log.includes("serves as root"), stdout.includes(says));
    await served.dispose();
  }
  expect(told).toEqual([true, true, false, false]);
  removeFolder(bare);
});

plainTest("a user that is not there, and one that is root, are mistakes", async () => {
  for (const [user, said] of [
    ["nobody-of-this-name", "should be a user of this machine"],
    ["root", "run_as_root lets Python run as root"],
  ]) {
    const { code, stderr } = await runToml(
      `[server]\nuser = "${user}"\n[[site]]\nlisten = ["127.0.0.1:1"]\n[site.routes]\n"/" = { respond = "x" }\n`,
      folder,
    );
    expect(code).toBe(2);
    expect(stderr).toContain(said ?? "");
  }
});
