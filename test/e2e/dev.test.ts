/** `server dev` on a real terminal: a fresh Django project, changed while it is served. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { BINARY, controlHome, E2E_TIMEOUT_MS, runServer, startWords } from "../support/binary.ts";
import { prepareSample } from "../support/django.ts";
import { freePort, makeFolder, removeFolder, writeFiles } from "../support/folder.ts";
import { OnTerminal } from "../support/pty.ts";
import { testUnless } from "../support/skip.ts";
import { until } from "../support/wait.ts";
import { get } from "../support/wire.ts";

setDefaultTimeout(E2E_TIMEOUT_MS);

const sample = prepareSample();
const missing = "missing" in sample ? sample.missing : undefined;
const python = "missing" in sample ? "" : sample.django.python;
const testDjango = testUnless(missing);

let folder = "";
let shop = "";
beforeAll(() => {
  folder = makeFolder("dev");
  shop = join(folder, "shop");
  if (missing !== undefined) return;
  expect(Bun.spawnSync([python, "-m", "django", "startproject", "shop"], { cwd: folder }).exitCode).toBe(0);
  writeFiles(shop, { "items/__init__.py": "", "items/static/items/a.css": "a {}\n", "media/up.txt": "uploaded\n" });
  appendFileSync(
    join(shop, "shop/settings.py"),
    "\nINSTALLED_APPS += ['items']\nMEDIA_URL = '/media/'\nMEDIA_ROOT = BASE_DIR / 'media'\n",
  );
  view("v1");
});
afterAll(() => removeFolder(folder));

function view(text: string): void {
  writeFileSync(
    join(shop, "shop/urls.py"),
    `from django.http import HttpResponse\nfrom django.urls import path\nurlpatterns = [path('v', lambda request: HttpResponse('${text}'))]\n`,
  );
}

async function text(port: number, path: string): Promise<string> {
  const { status, body } = await get({ host: "127.0.0.1", port }, path);
  return `${status} ${body.toString()}`;
}

testDjango(
  "serves the project, its static files without collectstatic and its changes, with a log to read",
  async () => {
    const port = await freePort();
    const words = [BINARY, "dev", "--python", python, "--listen", `127.0.0.1:${port}`];
    const dev = new OnTerminal(words, shop, controlHome(folder));
    try {
      await dev.shows(`http://127.0.0.1:${port}/`);
      await dev.shows("serving");
      expect(dev.screen).toContain("Static files come from Django's finders.");
      expect(await text(port, "/v")).toBe("200 v1");
      // eslint-disable-next-line no-control-regex
      await dev.shows(/\x1b\[32m200\x1b\[0m +[\d.]+ ms .*GET.* \/v\n/);
      expect(await text(port, "/static/items/a.css")).toBe("200 a {}\n");
      expect(await text(port, "/static/admin/css/base.css")).toStartWith("200 ");
      expect(await text(port, "/media/up.txt")).toBe("200 uploaded\n");
      mkdirSync(join(shop, "items/static/items/new"));
      writeFileSync(join(shop, "items/static/items/new/b.css"), "b {}\n");
      expect(await text(port, "/static/items/new/b.css")).toBe("200 b {}\n");
      expect(await text(port, "/static/items/none.css")).toStartWith("404 ");
      // Of another length: Python tells changes within a second by that.
      view("version 2");
      await until("the new code", 20_000, async () => (await text(port, "/v")) === "200 version 2");
      dev.type("\x03");
      expect(await dev.ended()).toBe(0);
    } finally {
      dev.kill();
    }
  },
);

testDjango("a project that cannot be imported is served when it is mended", async () => {
  const port = await freePort();
  const settings = join(shop, "shop/settings.py");
  const good = readFileSync(settings, "utf8");
  writeFileSync(settings, `${good}\nimport no_such_module\n`);
  const server = await startWords(["dev", "--python", python, "--listen", `127.0.0.1:${port}`], shop, { folder: shop });
  try {
    await until("why", 10_000, () => server.output.includes("the settings cannot be loaded: ModuleNotFoundError"));
    await until("what to do", 10_000, () => server.output.includes("no_such_module is not installed for"));
    writeFileSync(settings, good);
    await until("the mended project", 20_000, async () => (await text(port, "/v")).startsWith("200"));
  } finally {
    writeFileSync(settings, good);
    await server.dispose();
  }
});

testDjango("takes the next port when the usual one is taken, and says who has it", async () => {
  const holder = takeUsualPort();
  const dev = new OnTerminal([BINARY, "dev", "--python", python], shop, controlHome(folder));
  try {
    await dev.shows(/http:\/\/127\.0\.0\.1:8\d\d\d\//);
    await dev.shows("serving");
    expect(dev.screen).toContain("(port 8000 is taken by ");
    const [, port] = /http:\/\/127\.0\.0\.1:(\d+)\//.exec(dev.screen) ?? [];
    expect(Number(port)).toBeGreaterThan(8000);
    expect(await text(Number(port), "/static/items/a.css")).toBe("200 a {}\n");
  } finally {
    dev.type("\x03");
    await dev.ended().finally(() => dev.kill());
    holder?.stop(true);
  }
});

/** Undefined: somebody else has it already. */
function takeUsualPort() {
  try {
    return Bun.listen({ hostname: "127.0.0.1", port: 8000, socket: { data: () => {} } });
  } catch {
    return undefined;
  }
}

testDjango("--print shows the file that says the same", async () => {
  const { code, stdout } = await runServer(
    ["dev", "shop", "--python", python, "--settings", "shop.settings", "--print"],
    folder,
  );
  expect(code).toBe(0);
  for (const line of [
    'root             = "shop"',
    "static_finders   = true",
    'DJANGO_SETTINGS_MODULE = "shop.settings"',
  ])
    expect(stdout).toContain(line);
  expect(stdout).toMatch(/"\/media\/" += \{ files = ".*\/shop\/media\/" \}/);
});

test("another WSGI application is served as well", async () => {
  const other = makeFolder("dev-flask");
  writeFiles(other, {
    "app.py": 'def hello(environ, start_response):\n    start_response("200 OK", [])\n    return [b"plain"]\n',
  });
  const port = await freePort();
  const server = await startWords(["dev", "--listen", `127.0.0.1:${port}`], other, { folder: other });
  try {
    expect(await text(port, "/")).toBe("200 plain");
  } finally {
    await server.dispose();
    removeFolder(other);
  }
});

test.each([
  [{}, "there is no project in"],
  [{ "main.py": "from fastapi import FastAPI\napp = FastAPI()\n" }, "app in main.py speaks ASGI (FastAPI)"],
  [{ "web.py": "def create_app():\n    pass\n" }, "web.py makes its application in create_app()"],
] as const)("%j cannot be served, and why", async (files, why) => {
  const empty = makeFolder("dev-none");
  writeFiles(empty, files as Record<string, string>);
  const { code, stderr } = await runServer(["dev"], empty);
  removeFolder(empty);
  expect(code).toBe(1);
  expect(stderr).toContain(`server dev: ${why}`);
});
