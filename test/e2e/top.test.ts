/** `server top` in a terminal: what it shows of a server that works, and what its keys do. */
import { afterAll, beforeAll, expect, setDefaultTimeout } from "bun:test";
import { join } from "node:path";
import {
  BINARY,
  controlHome,
  E2E_TIMEOUT_MS,
  runServer,
  startServer,
  type Server,
  withoutNoOrphans,
} from "../support/binary.ts";
import { freePort, makeFolder, removeFolder, writeFiles } from "../support/folder.ts";
import { testUnless } from "../support/skip.ts";
import { ONE_FRONT, site } from "../support/toml.ts";
import { until } from "../support/wait.ts";

setDefaultTimeout(E2E_TIMEOUT_MS);

const APP = `
import threading

released = threading.Event()

def hold():
    released.wait(60)

def application(environ, start_response):
    if environ["PATH_INFO"] == "/hold":
        hold()
    if environ["PATH_INFO"] == "/release":
        released.set()
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"here"]
`;

const missing = Bun.which("tmux") === null ? "tmux is not installed" : undefined;
const test = testUnless(missing);

const folder = makeFolder("top");
const socket = join(folder, "tmux.sock");
let server: Server | undefined;
let base = "";

beforeAll(async () => {
  if (missing !== undefined) return;
  const port = await freePort();
  base = `http://127.0.0.1:${port}`;
  writeFiles(folder, { "app.py": APP });
  const app = '[app.site]\nroot = "."\nwsgi = "app"\npython = "/usr/bin/python3"\nprocesses = 1\nthreads = 2\n';
  server = await startServer(`${ONE_FRONT}${app}${site(`127.0.0.1:${port}`, '"/" = { app = "site" }')}`, { folder });
  tmux("new-session", "-d", "-x", "100", "-y", "24", `${BINARY} top -i 200ms; echo it ended with $?; sleep 60`);
});

afterAll(async () => {
  if (missing === undefined) tmux("kill-server");
  await server?.dispose();
  removeFolder(folder);
});

function tmux(...words: readonly string[]): string {
  const env = { ...withoutNoOrphans(), ...controlHome(folder), TERM: "xterm" };
  const { stdout, stderr, exitCode } = Bun.spawnSync(["tmux", "-S", socket, "-f", "/dev/null", ...words], {
    cwd: folder,
    env,
  });
  if (exitCode !== 0) throw new Error(`tmux ${words[0]}: ${stderr.toString()}`);
  return stdout.toString();
}

const shown = () => tmux("capture-pane", "-p");

async function shows(text: string | RegExp): Promise<string> {
  const has = (page: string) => (typeof text === "string" ? page.includes(text) : text.test(page));
  let last = "";
  try {
    return await until(String(text), 15_000, () => (has((last = shown())) ? last : undefined));
  } catch (error) {
    throw new Error(`${String(error)}\n${last}`, { cause: error });
  }
}

test("shows the server, its app, and what a worker runs since when", async () => {
  await shows(/server \S+, pid \d+, serving, up .* sorted by number/);
  await shows("app site: running, 1 of 1 ready  queue 0");
  const held = fetch(`${base}/hold?year=2026`);
  await shows(/>\s+1\s+\d+ {2}ready .* 1\/2 .*GET \/hold\?year=2026/);
  // What is shown is of the last interval alone.
  const asking = setInterval(() => void fetch(base), 50);
  try {
    await shows(/\d+(\.\d)? requests\/s {2}p50 \d+(\.\d)? ms/);
  } finally {
    clearInterval(asking);
  }

  tmux("send-keys", "Enter");
  const stack = await shows("in hold");
  expect(stack).toContain("app site, worker 1");
  expect(stack).toContain("GET /hold?year=2026, for");
  tmux("send-keys", "x");
  await shows("sorted by number");

  await fetch(`${base}/release`);
  expect(await (await held).text()).toBe("here");
});

test("its keys sort, pause, help and load the code of an app anew", async () => {
  tmux("send-keys", "s");
  await shows("sorted by requests");
  tmux("send-keys", "p");
  await shows("PAUSED");
  // All of it is drawn by now.
  await Bun.sleep(500);
  const before = shown();
  await Bun.sleep(500);
  expect(shown()).toBe(before);
  tmux("send-keys", "p");
  await until("no pause", 10_000, () => !shown().includes("PAUSED"));
  tmux("resize-window", "-x", "80", "-y", "24");
  tmux("send-keys", "?");
  // All of it.
  expect(await shows("chooses a worker")).not.toContain("…");
  tmux("resize-window", "-x", "100", "-y", "24");
  tmux("send-keys", "?");
  await shows("sorted by requests");
  tmux("send-keys", "r");
  await shows(/site: 1 replaced in \d+ ms/);
});

test("follows the size of the terminal, and a server that another takes the place of", async () => {
  tmux("resize-window", "-x", "60", "-y", "12");
  await shows(/…\n/);
  await until("all lines", 10_000, () => shown().trimEnd().split("\n").length === 12);
  tmux("resize-window", "-x", "100", "-y", "24");
  const { stdout } = await (server as Server).command("restart");
  const pid = /\d+/.exec(stdout)?.[0];
  expect(pid).toBeDefined();
  await shows(`pid ${pid}, serving`);
  expect((await runServer(["stop", "-c", "server.toml"], folder, controlHome(folder))).code).toBe(0);
  await shows("the server does not answer");
});

test("ends by q, and leaves the terminal as it was", async () => {
  tmux("send-keys", "q");
  const left = await shows("it ended with 0");
  expect(left).not.toContain("requests/s");
});

test("without a terminal, without a server, and with a wrong interval it says so", async () => {
  expect(await runServer(["top"], folder)).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("needs a terminal"),
  });
  expect(await runServer(["top", "-i", "5ms"], folder)).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("100ms"),
  });
  tmux("respawn-pane", "-k", `${BINARY} top; echo it ended with $?; sleep 60`);
  await shows("no server runs with");
  await shows("it ended with 1");
});
