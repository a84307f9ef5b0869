import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { chooseDjango } from "../../scripts/sample/django.ts";
import { here } from "../../src/machine/here.ts";
import { probeSettings, readAnswer } from "../../src/project/settings.ts";
import { makeFolder, removeFolder, writeFiles } from "../support/folder.ts";

const ROOT = makeFolder("probe");
const { python, version } = chooseDjango(process.env["DJANGO_FROM"], () => {});

beforeAll(() => {
  const made = Bun.spawnSync([python, "-m", "django", "startproject", "mysite", "."], { cwd: ROOT, stderr: "inherit" });
  expect(made.exitCode).toBe(0);
});
afterAll(() => removeFolder(ROOT));

const probe = (settings: string | undefined, wsgi = "mysite.wsgi:application") =>
  probeSettings(here(), { python, root: ROOT, settings, wsgi });

const BASE = "from mysite.settings import *\n";

test("a fresh project: its settings, and that it can be loaded", async () => {
  const probed = await probe("mysite.settings");
  expect(probed.failure).toBeUndefined();
  expect(probed.django).toBe(version);
  expect(probed.settings).toMatchObject({
    module: "mysite.settings",
    file: join(ROOT, "mysite/settings.py"),
    debug: true,
    allowedHosts: [],
    staticPath: "/static/",
    staticRoot: undefined,
    mediaPath: undefined,
    wsgi: "mysite.wsgi.application",
    scriptName: undefined,
    databases: [{ alias: "default", engine: "django.db.backends.sqlite3", name: join(ROOT, "db.sqlite3") }],
  });
  expect(probed.settings?.staticStorage).toContain("StaticFilesStorage");
});

test("settings that print, with paths relative and absolute, lazy texts and a CDN", async () => {
  const more = `
import pathlib
from django.utils.functional import lazystr
print("noise", flush=True)
DEBUG = False
ALLOWED_HOSTS = ["www.example.org", ".example.net"]
STATIC_URL = "assets/"
STATIC_ROOT = "collected"
MEDIA_URL = "https://cdn.example.org/"
MEDIA_ROOT = pathlib.Path("/srv/media")
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
FORCE_SCRIPT_NAME = lazystr("/app")
`;
  writeFiles(ROOT, { "prod.py": BASE + more });
  const { settings, failure } = await probe("prod");
  expect(failure).toBeUndefined();
  expect(settings).toMatchObject({
    debug: false,
    allowedHosts: ["www.example.org", ".example.net"],
    staticPath: "/assets/",
    staticRoot: join(ROOT, "collected"),
    mediaPath: undefined,
    mediaUrl: "https://cdn.example.org/",
    mediaRoot: "/srv/media",
    scriptName: "/app",
    proxySslHeader: ["HTTP_X_FORWARDED_PROTO", "https"],
  });
});

test("what WSGI module computes the settings is asked when nobody names them", async () => {
  const wsgi = `import os
os.environ["DJANGO_SETTINGS_MODULE"] = "my" + "site.settings"
from django.core.wsgi import get_wsgi_application
application = get_wsgi_application()
`;
  writeFiles(ROOT, { "computed.py": wsgi });
  expect((await probe(undefined, "computed:application")).settings?.module).toBe("mysite.settings");
});

const FAILURES: readonly (readonly [string, string, string, object, boolean])[] = [
  [
    "a missing module",
    "import nosuchmodule",
    "settings",
    { type: "ModuleNotFoundError", missing: "nosuchmodule" },
    false,
  ],
  [
    "an environment variable",
    'import os\nKEY = os.environ["NO_SUCH_KEY"]',
    "settings",
    { message: "'NO_SUCH_KEY'" },
    false,
  ],
  ["a mistake of syntax", "x = = 1", "settings", { type: "SyntaxError" }, false],
  ["an end of the process", "import sys\nsys.exit(3)", "settings", { type: "SystemExit" }, false],
  ["an app that is not there", 'INSTALLED_APPS += ["nosuchapp"]', "apps", { missing: "nosuchapp" }, true],
];

for (const [what, text, stage, failure, hasSettings] of FAILURES)
  test(`a project that fails: ${what}`, async () => {
    const module = `broken_${FAILURES.findIndex(([each]) => each === what)}`;
    writeFiles(ROOT, { [`${module}.py`]: `${BASE}${text}\n` });
    const probed = await probe(module);
    expect(probed.failure).toMatchObject({ stage, ...failure });
    expect(probed.settings !== undefined).toBe(hasSettings);
    // What is shown begins in the project, not in us or in the import machinery.
    expect(probed.failure?.traceback.join("\n")).not.toContain('File "<');
    if (stage === "settings") expect(probed.failure?.traceback[0]).toContain(join(ROOT, module));
  });

test("a WSGI module that fails is told apart from the settings", async () => {
  writeFiles(ROOT, { "bad_wsgi.py": "1 / 0\n" });
  const { failure, settings } = await probe("mysite.settings", "bad_wsgi:application");
  expect(failure).toMatchObject({ stage: "wsgi", type: "ZeroDivisionError" });
  expect(failure?.traceback.join("\n")).toContain("1 / 0");
  expect(settings).toBeDefined();
});

test("an interpreter that dies or says nothing is told with the end of its words", () => {
  const ran = { code: undefined, stdout: "", stderr: "Fatal\nboom\n", result: "", failure: "SIGSEGV" };
  expect(readAnswer(ran, "/").failure).toEqual({
    stage: "start",
    type: "SIGSEGV",
    message: "boom",
    missing: undefined,
    traceback: ["Fatal", "boom"],
  });
  const late = { ...ran, stderr: "", failure: "timeout" };
  expect(readAnswer(late, "/").failure?.message).toBe("it did not end in 60 seconds");
});
