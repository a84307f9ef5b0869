/** `server setup` that does not come to its end: left at every question, a project that cannot be loaded, ports and folders. */
import { afterAll, afterEach, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { BINARY, E2E_TIMEOUT_MS } from "../support/binary.ts";
import { writeFiles } from "../support/folder.ts";
import { AS, IS_ROOT, SetupStage } from "../support/setup-stage.ts";
import { testUnless } from "../support/skip.ts";
import { until } from "../support/wait.ts";

setDefaultTimeout(E2E_TIMEOUT_MS);

const stage = new SetupStage();
const { home: HOME, open, server, startproject } = stage;
let port = "";

beforeAll(async () => {
  await stage.begin();
  ({ port } = stage);
});
afterEach(() => stage.close());
afterAll(() => stage.end());

testUnless(IS_ROOT ? undefined : "only root may start it as another user")(
  "a folder that cannot be written is told before anything is asked",
  () => {
    const folder = join(HOME, "locked");
    writeFiles(folder, { "index.html": "hello" });
    const as = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--"];
    const { stdout, exitCode } = Bun.spawnSync([...as, BINARY, "setup"], { cwd: folder, env: process.env });
    expect(stdout.toString()).toContain(
      `Nothing can be written in ${folder} by nobody: start server setup as its owner`,
    );
    expect(stdout.toString()).not.toContain("--domain");
    expect(exitCode).toBe(1);
  },
);

const QUESTIONS = [
  "Under which domain names?",
  "How many processes?",
  "How many threads",
  "be added to shop/settings.py",
  "Collect static",
  "Start it now?",
  "Write it and start?",
];

test("Ctrl-C at every question: nothing is written", async () => {
  const folder = startproject("leaving");
  const files = readdirSync(folder);
  for (let at = 0; at < QUESTIONS.length; at++) {
    const terminal = open(folder, ["--listen", port, ...AS]);
    for (const question of QUESTIONS.slice(0, at)) {
      await terminal.sees(question);
      terminal.type("Enter");
    }
    await terminal.sees(QUESTIONS[at] ?? "");
    terminal.type("C-c");
    expect(await terminal.ended()).toBe(1);
    expect(terminal.text).toContain("Nothing was written.");
    expect(readdirSync(folder)).toEqual(files);
    terminal.close();
  }
});

test("Esc goes back from every question to the one before, and from the first out", async () => {
  const folder = startproject("back");
  const files = readdirSync(folder);
  const terminal = open(folder, ["--listen", port, ...AS]);
  /** How often each was asked. */
  const asked = (text: string) => terminal.text.split(`◆  ${text}`).length - 1;
  for (const [at, question] of QUESTIONS.entries()) {
    await terminal.sees(new RegExp(`◆ {2}.*${question.replace("?", "\\?")}`));
    if (at === 0) {
      terminal.type("Enter");
      continue;
    }
    terminal.type("Escape");
    const before = QUESTIONS[at - 1] ?? "";
    await terminal.sees(new RegExp(`◆ {2}.*${before.replace("?", "\\?")}`));
    expect(asked(before)).toBeLessThanOrEqual(1);
    terminal.type("Enter");
    await terminal.sees(new RegExp(`◆ {2}.*${question.replace("?", "\\?")}`));
    if (at < QUESTIONS.length - 1) terminal.type("Enter");
  }
  for (const question of QUESTIONS.toReversed()) {
    await terminal.sees(new RegExp(`◆ {2}.*${question.replace("?", "\\?")}`));
    terminal.type("Escape");
  }
  expect(await terminal.ended()).toBe(1);
  expect(terminal.text).toContain("Nothing was written.");
  expect(readdirSync(folder)).toEqual(files);
});

test("what is wrong with an answer stays behind the guide on a narrow terminal", async () => {
  const folder = join(HOME, "nothing");
  writeFiles(folder, { "notes/read.me": "" });
  const terminal = open(folder, ["--kind", "proxy", "--listen", port], { columns: 50 });
  await terminal.sees("Where does the other server listen?");
  terminal.type("C-u", "http://x y", "Enter");
  const seen = await terminal.sees("should be an address such as");
  const lines = seen.slice(seen.indexOf("should be an address")).split("\n");
  expect(lines.length).toBeGreaterThan(1);
  expect(lines.slice(1).filter((line) => !line.startsWith("   "))).toEqual([]);
  terminal.type("C-c");
  expect(await terminal.ended()).toBe(1);
});

test("Ctrl-C while the project is looked at, and while static files are collected", async () => {
  const folder = startproject("slow");
  const settings = readFileSync(join(folder, "shop/settings.py"), "utf8");
  writeFiles(folder, { "shop/settings.py": `${settings}\nimport time\ntime.sleep(60)\n` });
  const looking = open(folder, ["--listen", port]);
  await looking.sees("Looking at the project");
  // What is typed ahead answers nothing, and is not echoed into the drawing.
  looking.type("abc", "Enter", "C-c");
  expect(await looking.ended()).toBe(1);
  expect(looking.text).not.toContain("abc");
  expect(looking.text).toContain("Nothing was written.");
  looking.close();
  const command = `import time
from django.contrib.staticfiles.management.commands import collectstatic
class Command(collectstatic.Command):
    def handle(self, **options):
        print("Copying 'slowly'", flush=True)
        time.sleep(60)
`;
  writeFiles(folder, {
    "shop/settings.py": `${settings}\nINSTALLED_APPS.insert(0, "shop")\nSTATIC_ROOT = BASE_DIR / "collected"\n`,
    "shop/management/__init__.py": "",
    "shop/management/commands/__init__.py": "",
    "shop/management/commands/collectstatic.py": command,
  });
  const words = [
    "--listen",
    port,
    "--domain",
    "none",
    "--processes",
    "1",
    "--threads",
    "1",
    "--lines",
    "leave",
    "--collectstatic",
    "yes",
    ...AS,
    "--start",
    "yes",
  ];
  const collecting = open(folder, words);
  await collecting.sees("Write it and start?");
  collecting.type("Enter");
  await collecting.sees("collectstatic: 1 files, Copying");
  collecting.type("C-c");
  expect(await collecting.ended()).toBe(1);
  expect(collecting.text).toContain("collectstatic ended with aborted");
  expect(collecting.text).toContain("server.toml is written");
});

test("Ctrl-C while it starts: it leaves at once, and says what goes on", async () => {
  const folder = join(HOME, "starting");
  const app = `import os, time
if "\\0run\\0" in open(f"/proc/{os.getppid()}/cmdline").read():
    time.sleep(30)
def application(environ, start_response):
    start_response("200 OK", [])
    return []
`;
  writeFiles(folder, { "app.py": app });
  const words = ["--yes", "--listen", port, "--python", "/usr/bin/python3", ...AS];
  const terminal = open(folder, words);
  await terminal.sees("Starting");
  terminal.type("C-c");
  expect(await terminal.ended()).toBe(1);
  expect(terminal.text).toContain("the start goes on: server status tells");
  // What goes on may not yet have come so far that it can be spoken to.
  await until("the server to be stopped", 20_000, async () => (await server(folder, "stop", "--now")).code === 0);
});

test("a project that fails to import: why, mended, again", async () => {
  const folder = startproject("failing");
  const settings = readFileSync(join(folder, "shop/settings.py"), "utf8");
  writeFiles(folder, { "shop/settings.py": `${settings}\nimport nosuchmodule\n` });
  const terminal = open(folder, ["--listen", port]);
  const seen = await terminal.sees("The project cannot be loaded. What now?");
  expect(seen).toContain("No module named 'nosuchmodule'");
  expect(seen).toContain(join(folder, "shop/settings.py"));
  expect(seen).toMatch(/What to do: nosuchmodule is not installed for[^]*requirements\.txt/);
  writeFiles(folder, { "shop/settings.py": settings });
  terminal.type("Enter");
  await terminal.sees("Under which domain names?");
  terminal.type("C-c");
  expect(await terminal.ended()).toBe(1);
});

test("port 80 is taken: by whom, and where it may listen meanwhile", async () => {
  const holder = await holdPort80();
  try {
    const folder = join(HOME, "taken");
    writeFiles(folder, { "index.html": "hello" });
    const terminal = open(folder, ["--domain", "none", ...AS]);
    const seen = await terminal.sees("Where should it listen?");
    expect(seen).toMatch(/Port 80 is taken by \S+/);
    expect(seen).toMatch(/On port 8\d\d\d for now/);
    terminal.type("Down", "Down", "Enter");
    await terminal.sees("HTTPS?");
    terminal.type("Enter");
    await terminal.sees(/It would not start: port 80 is taken/);
    terminal.type("C-c");
    expect(await terminal.ended()).toBe(1);
  } finally {
    holder?.close();
  }
});

/** Undefined: another has it already, which is as good. */
function holdPort80(): Promise<Server | undefined> {
  const { promise, resolve, reject } = Promise.withResolvers<Server | undefined>();
  const holder = createServer();
  holder.once("error", (error: NodeJS.ErrnoException) =>
    error.code === "EADDRINUSE" ? resolve(undefined) : reject(error),
  );
  holder.listen(80, "0.0.0.0", () => resolve(holder));
  return promise;
}
