/** `server setup` in a terminal: a person's keys, the screen that is seen, a site that is served. */
import { afterAll, afterEach, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { chooseDjango } from "../../scripts/sample/django.ts";
import { BINARY, controlHome, E2E_TIMEOUT_MS, runServer } from "../support/binary.ts";
import { makeDjangoProject, makeVirtualenv } from "../support/django-project.ts";
import { freePort, makeFolder, removeFolder, writeFiles } from "../support/folder.ts";
import { TerminalScreen } from "../support/screen.ts";
import { testUnless } from "../support/skip.ts";

setDefaultTimeout(E2E_TIMEOUT_MS);

const HOME = makeFolder("setup");
const django = chooseDjango(process.env["DJANGO_FROM"], () => {});
const env = { ...controlHome(HOME), VIRTUAL_ENV: "" };
/** Root is asked as whom the project runs; where that is not what a test is about, root it is. */
const isRoot = process.getuid?.() === 0;
const AS = isRoot ? ["--user", "root"] : [];
let port = "";
let screen: TerminalScreen | undefined;

beforeAll(async () => {
  port = String(await freePort());
});
afterEach(() => {
  screen?.close();
  screen = undefined;
});
afterAll(async () => {
  // Where a test failed before it stopped its server.
  for (const name of readdirSync(HOME)) await server(join(HOME, name), "stop", "--now");
  removeFolder(HOME);
});

function open(
  folder: string,
  words: readonly string[],
  more: Partial<ConstructorParameters<typeof TerminalScreen>[0]> = {},
) {
  screen = new TerminalScreen({ words: ["setup", ...words], folder, ...more, env: { ...env, ...more.env } });
  return screen;
}

const startproject = (name: string) => makeDjangoProject(join(HOME, name), django);

const server = (folder: string, ...words: readonly string[]) => runServer(words, folder, env);

async function page(path: string, host = "shop.test"): Promise<string> {
  const answer = await fetch(`http://127.0.0.1:${port}${path}`, { headers: { host: `${host}:${port}` } });
  return `${answer.status} ${(await answer.text()).slice(0, 4000)}`;
}

test("a fresh project, 60 columns, from the first question to a page", async () => {
  const folder = startproject("fresh");
  const terminal = open(folder, ["--listen", port], { columns: 60 });
  const seen = await terminal.sees("Under which domain names?");
  expect(seen).toContain(`Django ${django.version}: shop`);
  expect(seen).toContain(`${django.pythonVersion}, .venv`);
  terminal.type("http://shop.test", "Enter");
  await terminal.sees("should be a name without");
  terminal.type("C-u", "shop.test", "Enter");
  await terminal.sees("How many processes?");
  terminal.type("C-u", "1", "Enter");
  await terminal.sees("How many threads in each?");
  terminal.type("Escape");
  await terminal.sees(/How many processes\?[^]*How many threads[^]*How many processes\?/);
  terminal.type("Enter");
  await terminal.sees(/How many threads[^]*How many threads/);
  terminal.type("Enter");
  await terminal.sees("May 2 lines be added to shop/settings.py?");
  terminal.type("Enter");
  await terminal.sees("Collect static files now?");
  terminal.type("Enter");
  if (isRoot) {
    await terminal.sees("As which user does it run?");
    terminal.type("Enter");
  }
  await terminal.sees("Start it now?");
  terminal.type("Enter");
  await terminal.sees("Write it and start?");
  expect(existsSync(join(folder, "server.toml"))).toBe(false);
  terminal.type("Enter");
  const code = await terminal.ended();
  const end = terminal.text;
  expect(code === 0 ? "" : end).toBe("");
  expect(end).toMatch(/collectstatic: \d+ static files/);
  expect(end).toContain("/ is answered 200");
  expect(end).toContain(`http://shop.test:${port}/ is served.`);
  // Every line stays behind its guide, however narrow it is.
  const drawn = end.slice(0, end.lastIndexOf("└")).trimEnd().split("\n");
  expect(drawn.filter((line) => !/^[│┌└◆◇▲■●]/.test(line))).toEqual([]);
  expect(readFileSync(join(folder, "shop/settings.py"), "utf8")).toContain('STATIC_ROOT = BASE_DIR / "staticfiles"');
  expect((await server(folder, "check")).stdout).toContain("server.toml: ok");
  expect(await page("/")).toStartWith("200");
  expect(await page("/static/admin/css/base.css")).toStartWith("200");
});

test("the same again: the file stays, the server that runs is reloaded", async () => {
  const folder = join(HOME, "fresh");
  const words = ["--yes", "--listen", port, "--domain", "shop.test", "--processes", "1"];
  const again = await server(folder, "setup", ...words);
  expect(again.stdout).toContain("server.toml is there and stays as it is.");
  expect(again.stdout).toContain("Run: server reload");
  expect(again.stdout).toContain("is served.");
  expect(again.code).toBe(0);
  expect(existsSync(join(folder, "server.toml.1"))).toBe(false);
  const other = await server(folder, "setup", ...words, "--threads", "3", "--dry-run");
  expect(other.stdout).toContain("+ threads   = 3");
  expect((await server(folder, "stop")).code).toBe(0);
});

test("without a name the address that is told at the end is one that answers", async () => {
  const folder = startproject("nameless");
  const words = ["--yes", "--listen", port, "--domain", "none", "--processes", "1", ...AS];
  for (const more of [[], ["--lines", "add"]]) {
    const { code, stdout } = await server(folder, "setup", ...words, ...more);
    expect({ code, stdout: code === 0 ? "" : stdout }).toEqual({ code: 0, stdout: "" });
    const [url = ""] = /http:\S+(?= is served)/.exec(stdout) ?? [];
    expect((await fetch(url)).status).toBe(200);
    // Django answers to the machine itself; to others when they are allowed to.
    if (stdout.includes("ALLOWED_HOSTS = ")) expect(url.includes("//127.0.0.1:")).toBe(more.length === 0);
  }
  expect((await server(folder, "stop")).code).toBe(0);
});

testUnless(isRoot ? undefined : "only root may start it as another user")(
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

test("nobody to ask: the flag is named, --json tells the facts, a help for every flag", async () => {
  const folder = join(HOME, "fresh");
  const silent = await server(folder, "setup", "--listen", port);
  expect(silent.code).toBe(2);
  expect(silent.stdout).toContain("--domain: Under which domain names? --yes takes shop.test.");
  const { projects, machine } = JSON.parse((await server(folder, "setup", "--json")).stdout) as {
    projects: { project: { name: string }; loaded: { settings: { module: string } } }[];
    machine: { host: { cores: number } };
  };
  expect(projects.map(({ project, loaded }) => [project.name, loaded.settings.module])).toEqual([
    ["shop", "shop.settings"],
  ]);
  expect(machine.host.cores).toBeGreaterThan(0);
  const none = await server(HOME, "setup", "--yes", join(HOME, "nowhere"));
  expect([none.code, none.stderr]).toEqual([2, `server setup: ${join(HOME, "nowhere")} is no folder\n`]);
});

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

test("a layout of its own: settings by wsgi.py, a virtualenv of another name, uploads", async () => {
  const folder = join(HOME, "layout");
  writeFiles(folder, {
    "backend/manage.py":
      'import django, os\nos.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.local")\n',
    "backend/config/__init__.py": "",
    "backend/config/settings/__init__.py": "",
    "backend/config/settings/local.py": "raise SystemExit('not this one')\n",
    "backend/config/settings/production.py": `import os
SECRET_KEY = os.environ["SHOP_KEY"]
ALLOWED_HOSTS = ["shop.test", ".shop.test"]
INSTALLED_APPS = ["django.contrib.staticfiles"]
ROOT_URLCONF = "config.urls"
STATIC_URL = "assets/"
STATIC_ROOT = "/srv/nowhere/assets"
MEDIA_URL = "uploads/"
MEDIA_ROOT = "media"
`,
    "backend/config/urls.py": "urlpatterns = []\n",
    "backend/config/wsgi.py": `import os
from django.core.wsgi import get_wsgi_application
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.production")
application = get_wsgi_application()
`,
  });
  makeVirtualenv(join(folder, "myenv"), django);
  const failing = await server(folder, "setup", "--yes", "--settings", "config.settings.production");
  expect(failing.code).toBe(1);
  expect(failing.stdout).toContain("export SHOP_KEY=… before server setup");
  const words = ["--yes", "--dry-run", ...AS, "--listen", port, "--env", "SHOP_KEY=x", "--uploads", "private"];
  const { stdout, code } = await server(folder, "setup", ...words);
  expect(code).toBe(0);
  expect(stdout).toContain("Settings: config.settings.production: DEBUG off; ALLOWED_HOSTS shop.test, .shop.test");
  expect(stdout).toContain('wsgi   = "config.wsgi:application"');
  expect(stdout).toContain(`python = "${join(folder, "myenv")}"`);
  expect(stdout).toContain('env    = { SHOP_KEY = "x" }');
  expect(stdout).toContain('"/assets/"  = { files = "/srv/nowhere/assets/" }');
  expect(stdout).toContain('"/uploads/" = { files = "media/", internal = true }');
});

test("a folder of files, without colours, served", async () => {
  const folder = join(HOME, "files");
  writeFiles(folder, { "index.html": "hello", "a.css": "b {}" });
  const terminal = open(folder, ["--listen", port, "--domain", "none", "--start", "yes"], { env: { NO_COLOR: "1" } });
  await terminal.sees("Write it and start?");
  // eslint-disable-next-line no-control-regex
  expect(terminal.coloured).not.toMatch(/\x1b\[[\d;]*m/);
  terminal.type("Enter");
  expect(await terminal.ended()).toBe(0);
  expect(terminal.text).toContain("/a.css is answered 200, 4 bytes");
  expect(await page("/", "any.test")).toBe("200 hello");
  expect(await page("/server.toml", "any.test")).toStartWith("404");
  expect((await server(folder, "stop")).code).toBe(0);
});

test("a dumb terminal gets lines, and answers in them", async () => {
  const folder = join(HOME, "plain");
  writeFiles(folder, { "index.html": "hello" });
  const terminal = open(folder, ["--listen", port], { env: { TERM: "dumb" }, columns: 160 });
  await terminal.sees("Answer, < for back, - for none [none]:");
  terminal.type("shop.test", "Enter");
  await terminal.sees("Start it now?");
  terminal.type("<", "Enter");
  await terminal.sees("[shop.test]:");
  terminal.type("Enter");
  await terminal.sees(/Start it now\?[^]*Start it now\?/);
  terminal.type("2", "Enter");
  const seen = await terminal.sees("Write it?");
  expect(seen).not.toMatch(/[│◆◇└]/);
  terminal.type("Enter");
  expect(await terminal.ended()).toBe(0);
  expect(terminal.text).toContain(`then http://shop.test:${port}/`);
  expect(readFileSync(join(folder, "server.toml"), "utf8")).toContain('names  = ["shop.test"]');
});

test("port 80 is taken: by whom, and where it may listen meanwhile", async () => {
  const holder = await holdPort80();
  try {
    const folder = join(HOME, "taken");
    writeFiles(folder, { "index.html": "hello" });
    const terminal = open(folder, ["--domain", "none"]);
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

test("a pair of nginx and uWSGI is taken over", async () => {
  const folder = startproject("pair");
  writeFiles(folder, {
    "staticfiles/a.css": "b {}",
    "uwsgi.ini": `[uwsgi]\nchdir = ${folder}\nmodule = shop.wsgi:application\nhome = .venv\nmaster = true\nprocesses = 1\nsocket = 127.0.0.1:8997\n`,
    "deploy/nginx.conf": `server {
    listen ${port};
    server_name localhost;
    location /static/ { alias ${folder}/staticfiles/; expires 30d; }
    location / { include uwsgi_params; uwsgi_pass 127.0.0.1:8997; }
}
`,
  });
  const terminal = open(folder, []);
  const seen = await terminal.sees("Take over what serves the project today?");
  expect(seen).toContain("Found: uwsgi.ini, deploy/nginx.conf");
  terminal.type("Enter");
  await terminal.sees("Start it now?");
  terminal.type("Enter");
  await terminal.sees("Write it and start?");
  terminal.type("Enter");
  expect(await terminal.ended()).toBe(0);
  expect(terminal.text).toContain(`http://localhost:${port}/ is served.`);
  expect(readFileSync(join(folder, "server.toml"), "utf8")).toContain('cache = "30d"');
  expect(await page("/static/a.css", "localhost")).toBe("200 b {}");
  expect((await server(folder, "stop")).code).toBe(0);
});

test("Flask: the application is found and served by its interpreter", async () => {
  const folder = join(HOME, "flask");
  writeFiles(folder, {
    "shop.py": `from flask import Flask
app = Flask(__name__)

@app.route("/")
def index():
    return "from flask"
`,
  });
  const words = [
    "--yes",
    ...AS,
    "--python",
    "/usr/bin/python3",
    "--listen",
    port,
    "--domain",
    "none",
    "--processes",
    "1",
  ];
  const { code, stdout } = await server(folder, "setup", ...words);
  expect(stdout).toContain("Project: Flask: flask");
  expect(stdout).toContain('wsgi      = "shop:app"');
  expect(stdout).toContain("is served.");
  expect(code).toBe(0);
  expect(await page("/", "any.test")).toBe("200 from flask");
  expect((await server(folder, "stop")).code).toBe(0);
});
