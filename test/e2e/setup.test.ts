/** `server setup` in a terminal: a person's keys, the screen that is seen, a site that is served. */
import { afterAll, afterEach, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { chmodSync, existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { E2E_TIMEOUT_MS } from "../support/binary.ts";
import { makeVirtualenv } from "../support/django-project.ts";
import { writeFiles } from "../support/folder.ts";
import { AS, IS_ROOT, SetupStage } from "../support/setup-stage.ts";
import { testUnless } from "../support/skip.ts";

setDefaultTimeout(E2E_TIMEOUT_MS);

const stage = new SetupStage();
const { home: HOME, django, open, startproject, server, page } = stage;
let port = "";

beforeAll(async () => {
  await stage.begin();
  ({ port } = stage);
});
afterEach(() => stage.close());
afterAll(() => stage.end());

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
  if (IS_ROOT) {
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
  // The lines are there by now.
  const words = ["--yes", "--listen", port, "--domain", "shop.test", "--processes", "1", "--lines", "add"];
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

test("a page that fails: why, and the command that mends it", async () => {
  const folder = startproject("tables");
  writeFiles(folder, {
    "shop/urls.py": `from django.contrib.auth.models import User
from django.http import HttpResponse
from django.urls import path
urlpatterns = [path("", lambda request: HttpResponse(str(User.objects.count())))]
`,
  });
  const words = ["--yes", "--domain", "shop.test", "--listen", port, ...AS, "--lines", "add", "--collectstatic", "no"];
  const { stdout, code } = await server(folder, "setup", ...words);
  await server(folder, "stop", "--now");
  expect(code).toBe(1);
  expect(stdout).toContain("no such table: auth_user");
  expect(stdout.replaceAll(/\s+/g, " ")).toContain("the database has not this table yet: manage.py migrate");
});

test("an error of check --deploy alone is shown, and the site is served; one of the project stops it", async () => {
  const folder = startproject("strict");
  const found = `
from django.core.checks import Error, register
@register(DEPLOY)
def strict(**_): return [Error("Mail goes nowhere.", hint="Name a mail server.", id="mail.E001")]
`;
  const words = ["--yes", "--domain", "shop.test", "--listen", port, "--processes", "1", ...AS, "--lines", "add"];
  writeFiles(folder, { "shop/__init__.py": found.replace("DEPLOY", "deploy=True") });
  const { stdout, code } = await server(folder, "setup", ...words);
  await server(folder, "stop", "--now");
  expect(code === 0 ? "" : stdout).toBe("");
  expect(stdout).toMatch(/manage.py check --deploy: an error, \d+ warnings/);
  expect(stdout).toContain("mail.E001: Mail goes nowhere. Name a mail server.");
  expect(stdout).toContain("is served.");
  writeFiles(folder, { "shop/__init__.py": found.replace("DEPLOY", "") });
  const stopped = await server(folder, "setup", ...words.slice(0, -2));
  expect(stopped.code).toBe(1);
  expect(stopped.stdout).toContain("manage.py check ended with status 1");
  expect(stopped.stdout).toContain("When that is mended: server start.");
});

test("a folder of files, without colours, served", async () => {
  const folder = join(HOME, "files");
  writeFiles(folder, { "index.html": "hello", "a.css": "b {}" });
  const words = ["--listen", port, "--domain", "none", ...AS, "--start", "yes"];
  const terminal = open(folder, words, { env: { NO_COLOR: "1" } });
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

testUnless(IS_ROOT ? undefined : "only root becomes somebody else")(
  "files that root sets up are not served by root",
  async () => {
    const folder = join(HOME, "roots-files");
    writeFiles(folder, { "index.html": "hello", "secret/a.txt": "a" });
    chmodSync(join(folder, "secret"), 0o700);
    const words = ["--yes", "--listen", port, "--domain", "none"];
    const { code, stdout } = await server(folder, "setup", ...words);
    await server(folder, "stop", "--now");
    expect(code === 0 ? "" : stdout).toBe("");
    expect(stdout).toContain("server start, as www-data");
    expect(stdout).toContain(`www-data cannot read ${join(folder, "secret/a.txt")}, which is not served then`);
    expect(readFileSync(join(folder, "server.toml"), "utf8")).toContain('user = "www-data"');
    const named = await server(folder, "setup", ...words, "--user", "nobody", "--dry-run");
    expect(named.stdout).toContain('+ user = "nobody"');
    chmodSync(folder, 0o700);
    rmSync(join(folder, "server.toml"));
    const closed = await server(folder, "setup", ...words);
    expect([closed.code, closed.stdout]).toEqual([
      2,
      expect.stringContaining("www-data: cannot read the folder as it is"),
    ]);
  },
);

test("a dumb terminal gets lines, and answers in them", async () => {
  const folder = join(HOME, "plain");
  writeFiles(folder, { "index.html": "hello" });
  const terminal = open(folder, ["--listen", port, ...AS], { env: { TERM: "dumb" }, columns: 160 });
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

test("a unit of gunicorn and the nginx before it are taken over", async () => {
  const folder = startproject("gunicorn");
  writeFiles(folder, {
    "staticfiles/a.css": "b {}",
    "deploy/gunicorn.service": `[Unit]
Description=gunicorn of the shop
[Service]
WorkingDirectory=${folder}
ExecStart=${folder}/.venv/bin/gunicorn --workers 1 \\
    --threads 2 --bind unix:${folder}/gunicorn.sock shop.wsgi:application
`,
    "deploy/nginx.conf": `server {
    listen ${port};
    server_name localhost;
    location /static/ { alias ${folder}/staticfiles/; expires 30d; }
    location / { include proxy_params; proxy_pass http://unix:${folder}/gunicorn.sock; }
}
`,
  });
  const terminal = open(folder, []);
  const seen = await terminal.sees("Take over what serves the project today?");
  expect(seen).toContain("Found: deploy/gunicorn.service, deploy/nginx.conf");
  expect(seen).toContain("Everything in it can be translated.");
  terminal.type("Enter");
  await terminal.sees("Start it now?");
  terminal.type("Enter");
  await terminal.sees("Write it and start?");
  terminal.type("Enter");
  expect(await terminal.ended()).toBe(0);
  expect(terminal.text).toContain(`http://localhost:${port}/ is served.`);
  const text = readFileSync(join(folder, "server.toml"), "utf8");
  expect(text).toMatch(/threads +=.* 2 /);
  expect(text).not.toMatch(/upstream|gunicorn\.sock"/);
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
