/** Whoever may write a virtualenv says what its interpreter does, from its first instruction on: so none is started with a right
 *  that the app's user does not have, by no command and at no time in the life of a server. */
import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout } from "bun:test";
import { chmodSync, copyFileSync, readFileSync, symlinkSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { BINARY, E2E_TIMEOUT_MS, startServer, type Server } from "../support/binary.ts";
import { freePort, makeFolder, removeFolder, writeFiles } from "../support/folder.ts";
import { descendants, isAlive } from "../support/processes.ts";
import { testUnless } from "../support/skip.ts";
import { until } from "../support/wait.ts";

setDefaultTimeout(E2E_TIMEOUT_MS);

const DAEMON = 1;
const NOBODY = 65_534;
const PYTHON = "/usr/bin/python3";
const NONE = "0".repeat(16);

const isRoot = process.geteuid?.() === 0;
const test = testUnless(isRoot ? undefined : "only root has rights to give away");

const APP = `
import os
import resource

def kind(fd):
    try:
        path = os.readlink("/proc/self/fd/" + fd)
    except OSError:
        return None  # that of the listing
    # A shell has its script open.
    return None if int(fd) < 10 or path.startswith("socket:") or path.endswith("/bin/python") else path

def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    bounds = resource.getrlimit(resource.RLIMIT_NOFILE)
    strange = [each for each in map(kind, os.listdir("/proc/self/fd")) if each]
    return [("%d %s %s %s" % (os.getpid(), os.environ.get("HOME"), bounds, strange)).encode()]
`;

/** Appends what this process is. The line of a .pth file that begins with import is executed (site). */
const SPY = `import os
with open("/proc/self/status") as status:
    fields = dict(line.split(":", 1) for line in status)
names = ("Uid", "Gid", "CapInh", "CapPrm", "CapEff", "CapAmb")
with open("SEEN", "a") as seen:
    seen.write("pth " + " ".join(fields[name].strip().replace("\\t", ",") for name in names) + "\\n")
`;
const SCRIPT = `#!/bin/sh
field() { while read -r name rest; do [ "$name" = "$1:" ] && echo $rest; done </proc/self/status | tr ' ' ,; }
echo "sh $(field Uid) $(field Gid) $(field CapInh) $(field CapPrm) $(field CapEff) $(field CapAmb)" >>SEEN
exec VENV/bin/python3 "$@"
`;

const folder = makeFolder("interpreter-rights");
const environment = { SERVER_RUN_AS_ROOT: "" };
const seenPath = join(folder, "seen");
let server: Server | undefined;
let port = 0;

beforeAll(async () => {
  if (!isRoot) return;
  // A clone in root's home is out of reach for others.
  copyFileSync(BINARY, join(folder, "server"));
  chmodSync(join(folder, "server"), 0o755);
  const venv = join(folder, "venv");
  expect(Bun.spawnSync([PYTHON, "-m", "venv", "--without-pip", venv]).success).toBe(true);
  const [packages = ""] = new Bun.Glob("lib/python*/site-packages").scanSync({ cwd: venv, onlyFiles: false });
  unlinkSync(join(venv, "bin/python"));
  writeFiles(folder, {
    "app.py": APP,
    seen: "",
    [`venv/${packages}/spy.pth`]: "import spy\n",
    [`venv/${packages}/spy.py`]: SPY.replace("SEEN", seenPath),
    "venv/bin/python": SCRIPT.replace("SEEN", seenPath).replace("VENV", venv),
  });
  unlinkSync(join(venv, "bin/python3"));
  symlinkSync(PYTHON, join(venv, "bin/python3"));
  chmodSync(join(venv, "bin/python"), 0o755);
  Bun.spawnSync(["chown", "-R", `${NOBODY}:${NOBODY}`, venv, seenPath]);
  // Root's too, if it should come to that.
  chmodSync(seenPath, 0o666);
  port = await freePort();
});
afterEach(async () => {
  await server?.dispose();
  server = undefined;
});
afterAll(() => removeFolder(folder));

function toml(user: string): string {
  const app = (name: string, more = "") => `
[app.${name}]
root = "."
wsgi = "app"
python = "venv"
user = "${NOBODY}"
group = "${NOBODY}"
env = { PYTHONDONTWRITEBYTECODE = "1" }
limits = { nofile = 256 }
${more}`;
  return `[server]
fronts = 1
${user}
${app("plain", "processes = 1")}
${app("many", "processes = 3")}
${app("forked", "processes = 1\npreload = true")}
[[site]]
listen = ["127.0.0.1:${port}"]
[site.routes]
"/plain" = { app = "plain" }
"/many" = { app = "many" }
"/forked" = { app = "forked" }
`;
}

/** What interpreters were since the last time: some were started, and none of them is more than its user. */
function expectNothingMore(what: string): void {
  const seen = readFileSync(seenPath, "utf8").trim().split("\n");
  writeFileSync(seenPath, "");
  const ids = Array(4).fill(NOBODY).join();
  const nothing = `${ids} ${ids} ${NONE} ${NONE} ${NONE} ${NONE}`;
  expect([what, ...new Set(seen)].sort()).toEqual([what, `pth ${nothing}`, `sh ${nothing}`].sort());
}

async function pidOf(path: string, bound = 256): Promise<number> {
  const [pid = "", home, ...rest] = (await (await fetch(`http://127.0.0.1:${port}${path}`)).text()).split(" ");
  expect(home).not.toBe("/root");
  expect(rest.join(" ")).toBe(`(${bound}, ${bound}) []`);
  return Number(pid);
}

/** With what the server has started by itself meanwhile. */
async function serves(what: string, bound = 256): Promise<void> {
  for (const path of ["/plain", "/many", "/forked"]) {
    const pid = await pidOf(path, bound);
    expect(readFileSync(`/proc/${pid}/status`, "utf8")).toContain(`\nUid:\t${Array(4).fill(NOBODY).join("\t")}\n`);
  }
  expectNothingMore(what);
}

function run(...words: string[]) {
  return outcomeOf([join(folder, "server"), ...words]);
}

function outcomeOf(command: string[]) {
  const { exitCode, stdout, stderr } = Bun.spawnSync(command, {
    cwd: folder,
    env: { ...process.env, ...environment },
  });
  return { code: exitCode, said: `${stdout}${stderr}` };
}

describe.each([
  ["a server that becomes a user", 'user = "daemon"', DAEMON],
  ["one that stays root", "", 0],
])("%s", (_name, user, id) => {
  test("check and doctor", () => {
    writeFiles(folder, { "server.toml": toml(user) });
    expect(run("check")).toMatchObject({ code: 0, said: expect.stringContaining("app plain") });
    expectNothingMore("check");
    expect(run("doctor").said).toMatch(/app plain import.*\n?.*it can be imported/);
    expectNothingMore("doctor");
  });

  test("start, a worker that is killed, reload, restart; and the end takes them along", async () => {
    server = await startServer(toml(user), { folder, env: environment, binary: join(folder, "server") });
    const running = server;
    expect(readFileSync(`/proc/${running.pid}/status`, "utf8")).toContain(`\nUid:\t${id}\t`);
    await serves("start");

    const before = await pidOf("/plain");
    process.kill(before, "SIGKILL");
    await until("another worker", 10_000, async () => (await pidOf("/plain").catch(() => before)) !== before);
    expectNothingMore("a worker again");

    const zygotes = descendants(running.pid).filter(({ pid }) => titleOf(pid).includes("forked preload"));
    expect(zygotes.length).toBe(1);
    expect(await running.command("reload", "--app", "plain", "--app", "many", "--app", "forked")).toMatchObject({
      code: 0,
    });
    await serves("reload of the apps");

    writeFiles(folder, { "server.toml": toml(user).replaceAll("nofile = 256", "nofile = 255") });
    expect(await running.command("reload")).toMatchObject({ code: 0 });
    await serves("reload", 255);

    const { code, stdout } = await running.command("restart");
    expect(code).toBe(0);
    const successor = Number(/\d+/.exec(stdout)?.[0]);
    expect(await running.ended()).toBe(0);
    await serves("restart", 255);

    const all = descendants(successor);
    expect(all.length).toBeGreaterThan(5);
    process.kill(successor, "SIGKILL");
    await until("the end of all", 5_000, () => all.every((each) => !isAlive(each)));
  });
});

function titleOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "latin1");
  } catch {
    return "";
  }
}

test("setup and dev, in a project of root's with a virtualenv of somebody else", () => {
  const { code, said } = run("setup", "--json");
  expect([code, said]).toEqual([0, expect.stringContaining(`${folder}/venv/bin/python`)]);
  // As who serves on this system, too, if it has such a user: could that one?
  const seen = readFileSync(seenPath, "utf8").trim().split("\n");
  for (const line of seen) expect(line).toMatch(/^(?:pth|sh)(?: [1-9]\d*(?:,[1-9]\d*){3}){2}(?: 0{16}){4}$/);
  writeFileSync(seenPath, `${seen.filter((line) => line.includes(` ${NOBODY},`)).join("\n")}\n`);
  expectNothingMore("setup");
  expect(run("dev", "--print", "--app", "app")).toMatchObject({
    code: 0,
    said: expect.stringMatching(/python += "venv"/),
  });
  expectNothingMore("dev");
});

test("an interpreter that the user may not execute: the start fails and says so", async () => {
  const home = join(folder, "home");
  Bun.spawnSync(["mkdir", "-m", "700", home]);
  symlinkSync(PYTHON, join(home, "python"));
  const text = toml("").replaceAll('python = "venv"', `python = "${home}/python"`);
  writeFiles(folder, { "server.toml": text });
  const { code, said } = run("run");
  expect(code).toBe(1);
  expect(said).toContain(`may not execute ${home}/python: \`python\` of the app names another interpreter`);
});

/** CAP_SYS_RESOURCE, which containers withhold. */
const mayRaise =
  (Number(`0x${/CapEff:\s*(\w+)/.exec(readFileSync("/proc/self/status", "utf8"))?.[1]}`) / 2 ** 24) % 2 >= 1;

test("bounds above those of the server are root's to give, if anybody's", async () => {
  const bounded = join(folder, "bounded");
  writeFiles(folder, { bounded: `#!/bin/sh\nulimit -n 4000\nexec ${folder}/server "$@"\n` });
  chmodSync(bounded, 0o755);
  const text = toml("").replaceAll("nofile = 256", "nofile = 5000");
  if (mayRaise) {
    server = await startServer(text, { folder, env: environment, binary: bounded });
    return serves("start", 5000);
  }
  writeFiles(folder, { "server.toml": text });
  const { code, said } = outcomeOf([bounded, "run"]);
  expect(code).toBe(1);
  expect(said).toContain("limits.nofile is 5000, and the hard limit 4000 may not be raised here");
});
