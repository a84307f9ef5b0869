import { expect, test } from "bun:test";
import { findExisting } from "../../src/project/existing.ts";
import { adviceOn } from "../../src/project/failure.ts";
import { findProjects } from "../../src/project/project.ts";
import type { ProbeFailure } from "../../src/project/settings.ts";
import { surroundingsOf } from "../support/surroundings.ts";

const MANAGE = `os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mysite.settings")\nfrom django.core.management import x\n`;
const WSGI = `os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'mysite.settings')\napplication = get_wsgi_application()\n`;

function find(files: Record<string, string | null>, folder = "/srv/app") {
  return findProjects(surroundingsOf({ files }).files, folder);
}

const STARTPROJECT = { "manage.py": MANAGE, "mysite/wsgi.py": WSGI, "mysite/asgi.py": WSGI.replaceAll("wsgi", "asgi") };
const at = (folder: string, files: Record<string, string | null>) =>
  Object.fromEntries(Object.entries(files).map(([path, text]) => [`${folder}/${path}`, text]));

test("a project of startproject: its root, name, settings, WSGI and ASGI modules", () => {
  expect(find(at("/srv/app", STARTPROJECT))).toEqual([
    {
      kind: "django",
      root: "/srv/app",
      name: "mysite",
      settings: [{ module: "mysite.settings", by: "mysite/wsgi.py" }],
      wsgi: ["mysite.wsgi"],
      asgi: ["mysite.asgi"],
    },
  ]);
});

test("a name that says something: above folders that every project has, and without accents", () => {
  const files = { "manage.py": MANAGE.replace("mysite.settings", "config.settings") };
  expect(find(at("/srv/shop/src", files), "/srv/shop")).toMatchObject([{ name: "shop" }]);
  expect(find({ "/srv/öde ordner/index.html": "" }, "/srv/öde ordner")).toMatchObject([{ name: "ode-ordner" }]);
});

test("wsgi.py's settings come before manage.py's, and comments name none", () => {
  const files = {
    "manage.py": MANAGE.replace("mysite.settings", "config.settings.local"),
    "config/wsgi.py": `# os.environ.setdefault("DJANGO_SETTINGS_MODULE", "old.settings")\nos.environ["DJANGO_SETTINGS_MODULE"] = "config.settings.production"\napplication = get_wsgi_application()`,
  };
  const [project] = find(at("/srv/shop", files), "/srv/shop");
  expect(project).toMatchObject({
    name: "shop",
    settings: [
      { module: "config.settings.production", by: "config/wsgi.py" },
      { module: "config.settings.local", by: "manage.py" },
    ],
  });
});

test("manage.py is found below, several of them each, and above", () => {
  const two = { ...at("/srv/app/backend", STARTPROJECT), ...at("/srv/app/tools/admin", STARTPROJECT) };
  expect(find(two).map(({ root }) => root)).toEqual(["/srv/app/backend", "/srv/app/tools/admin"]);
  expect(find(at("/srv/app", STARTPROJECT), "/srv/app/mysite").map(({ root }) => root)).toEqual(["/srv/app"]);
  const hidden = {
    ...at("/srv/app/.venv/x", STARTPROJECT),
    ...at("/srv/app/old/lib", STARTPROJECT),
    "/srv/app/old/pyvenv.cfg": "",
  };
  expect(find(hidden)).toEqual([]);
});

const CALLABLES: readonly (readonly [string, Record<string, string>, string])[] = [
  ["Flask", { "app.py": "from flask import Flask\napp = Flask(__name__)\n" }, "app.py app:app Flask"],
  ["annotated, by the module's name", { "web.py": "server: Flask = flask.Flask(__name__)" }, "web.py web:server Flask"],
  [
    "wsgi.py before app.py",
    { "app.py": "app = Flask(__name__)", "wsgi.py": "application = app" },
    "wsgi.py wsgi:application WSGI",
  ],
  [
    "what the Procfile says",
    { "a.py": "app = Flask(1)", "z.py": "api = Flask(1)", Procfile: "web: gunicorn z:api" },
    "z.py z:api Flask",
  ],
  [
    "a function of its own",
    { "hello.py": "def application(environ, start_response):\n  pass" },
    "hello.py hello:application WSGI",
  ],
  [
    "a function of its own with names of its own",
    { "app.py": 'import x\n\ndef application(e, s):\n    s("200 OK", [])\n\n    return [b"x"]\n' },
    "app.py app:application WSGI",
  ],
  [
    "one with types, in one line, which hands both on",
    { "app.py": "def app(e: dict[str, Any], s: Callable, /) -> Iterable[bytes]: return other(e, s)" },
    "app.py app:app WSGI",
  ],
  ["a lambda", { "main.py": "app = lambda e, s: (s('200 OK', []), [b''])[1]" }, "main.py main:app WSGI"],
  ["Falcon", { "main.py": "app = falcon.App()" }, "main.py main:app Falcon"],
  [
    "a factory",
    { "shop/__init__.py": "def create_app(config=None):\n    app = Flask(__name__)" },
    "shop/__init__.py shop:create_app Flask factory",
  ],
  ["ASGI", { "main.py": "app = FastAPI()" }, "main.py main:app FastAPI asgi"],
  ["no module's name", { "my-app.py": "app = Flask(1)" }, "my-app.py undefined:app Flask"],
];

test("a function of two parameters is no application by its name alone", () => {
  for (const text of [
    "def app(name, count):\n    print(name)\n",
    "def app(config, run):\n    run()\n\ndef other():\n    run(config)\n",
    "@click.command()\ndef app(name, say):\n    say(name)\n",
    "@click.option(\n    'x'\n)\ndef app(name, say):\n    say(name)\n",
    "async def app(scope, send):\n    await send({})\n",
    "async def application(scope, receive, send):\n    await send({})\n",
    "def app(scope, receive, send):\n    return send({})\n",
    "def app(name, say=print):\n    say(name)\n",
    "def run(e, s):\n    s('200 OK', [])\n",
    "class Shop:\n    def app(e, s):\n        s('200 OK', [])\n",
  ])
    expect([text, find(at("/srv/app", { "app.py": text }))]).toEqual([text, []]);
});

for (const [title, files, expected] of CALLABLES)
  test(`a callable is found: ${title}`, () => {
    const [project] = find(at("/srv/app", files));
    if (project?.kind !== "wsgi") throw new Error(`found ${project?.kind}`);
    const [{ file, module, callable, framework, factory, asgi } = { file: "" }] = project.callables;
    const more = `${factory === true ? " factory" : ""}${asgi === true ? " asgi" : ""}`;
    expect(`${file} ${module}:${callable} ${framework}${more}`).toBe(expected);
  });

test("a folder of files: with an index, itself or where builders put it", () => {
  expect(find({ "/srv/app/index.html": "" })).toEqual([{ kind: "static", root: "/srv/app", name: "app" }]);
  expect(find({ "/srv/app/dist/index.html": "", "/srv/app/src/main.ts": "" })).toMatchObject([
    { root: "/srv/app/dist" },
  ]);
  expect(find({ "/srv/app/README": "" })).toEqual([]);
});

test("what serves it today: files that mention it, and those in it", () => {
  const files = {
    "/etc/nginx/sites-enabled/app": "server {\n root /srv/app/static;\n}",
    "/etc/nginx/sites-enabled/other": "server {\n root /srv/app2;\n}",
    "/etc/systemd/system/app.service":
      "[Service]\nWorkingDirectory=/srv/app\nExecStart=/srv/app/.venv/bin/gunicorn app:app\n",
    "/etc/systemd/system/app-celery.service":
      "[Service]\nWorkingDirectory=/srv/app\nExecStart=/srv/app/.venv/bin/celery worker\n",
    "/srv/app/uwsgi.ini": "[uwsgi]\nmodule = app\n",
    "/srv/app/setup.ini": "[tool]\n",
    "/srv/app/docker-compose.yml": "services:\n  uwsgi:\n    image: x\n",
    "/srv/app/deploy/nginx.conf": "server { listen 80; }",
  };
  expect(findExisting(surroundingsOf({ files }).files, "/srv/app").map(({ path, kind }) => `${kind} ${path}`)).toEqual([
    "uwsgi /srv/app/uwsgi.ini",
    "nginx /srv/app/deploy/nginx.conf",
    "nginx /etc/nginx/sites-enabled/app",
    "unit /etc/systemd/system/app.service",
  ]);
});

test("a unit of gunicorn that the project keeps is one, unless one of the machine starts it already", () => {
  const unit = "[Service]\nWorkingDirectory=/srv/app\nExecStart=/srv/app/.venv/bin/gunicorn app:app\n";
  const kept = {
    "/srv/app/deploy/gunicorn.service": unit,
    "/srv/app/deploy/example.service": unit.replaceAll("/srv/app", "/srv/example"),
    "/srv/app/deploy/celery.service": unit.replaceAll("gunicorn", "celery"),
  };
  const found = (files: Record<string, string>) =>
    findExisting(surroundingsOf({ files }).files, "/srv/app").map(({ path }) => path);
  expect(found(kept)).toEqual(["/srv/app/deploy/gunicorn.service"]);
  const used = "/etc/systemd/system/app.service";
  expect(found({ ...kept, [used]: unit })).toEqual([used]);
});

const COMMANDS: readonly (readonly [string, object])[] = [
  ["gunicorn --workers 5 --threads 3 app:app", { processes: 5, threads: 3 }],
  ["gunicorn -w4 -b unix:/run/app.sock app:app", { processes: 4 }],
  ["gunicorn \\\n  --workers=3 \\\n  --bind 127.0.0.1:8000 app:app", { processes: 3 }],
  ["uwsgi --master --processes 4 --threads=2 -w app", { processes: 4, threads: 2 }],
  ["gunicorn --worker-class gthread --workers-per-core 2 -b :8000 app:app", {}],
  ["gunicorn --workers 0 --threads $THREADS app:app", {}],
];
for (const [command, expected] of COMMANDS)
  test(`how many processes and threads it has today: ${command.replaceAll(/\\\n\s*/g, "")}`, () => {
    const files = { "/etc/systemd/system/app.service": `[Service]\nExecStart=/srv/app/bin/${command}\n` };
    const [unit] = findExisting(surroundingsOf({ files }).files, "/srv/app");
    const { path: _, kind, program: __, ...counts } = unit ?? {};
    expect([kind, counts]).toEqual(["unit", expected]);
  });

const FAILURES: readonly (readonly [Partial<ProbeFailure>, RegExp])[] = [
  [
    { stage: "django", type: "ModuleNotFoundError", missing: "django" },
    /^Django is not installed for \/v\/bin\/python: .*pip install/,
  ],
  [{ type: "ModuleNotFoundError", missing: "environ" }, /environ is not installed .* pip install -r requirements.txt/],
  [{ type: "KeyError", message: "'SECRET_KEY'" }, /export SECRET_KEY=… before server setup/],
  [{ type: "ImproperlyConfigured", message: "Set the DATABASE_URL environment variable" }, /export DATABASE_URL=/],
  [
    { type: "UndefinedValueError", message: "SECRET_KEY not found. Declare it as envvar or define a default value." },
    /export SECRET_KEY=/,
  ],
  [
    { type: "ModuleNotFoundError", missing: "mysite.wsgi" },
    /^\/srv\/app\/mysite\/wsgi.py is missing, or who runs it may not read \/srv\/app\/mysite; Django's startproject writes one/,
  ],
  [{ type: "KeyError", message: "'lower'" }, /manage.py check/],
  [{ stage: "apps", type: "OperationalError", message: "connection refused" }, /start the database/],
  [{ stage: "start", type: "timeout" }, /at import waits/],
  [{ type: "SyntaxError" }, /too old/],
];

for (const [failure, remedy] of FAILURES)
  test(`the remedy for ${failure.type} ${failure.missing ?? failure.message ?? ""}`, () => {
    const whole = { stage: "settings", message: "m", missing: undefined, traceback: [], ...failure } as ProbeFailure;
    expect(
      adviceOn(whole, {
        python: "/v/bin/python",
        root: "/srv/app",
        files: { kind: (path) => (path === "/srv/app/mysite" ? "directory" : undefined) },
        installer: "/v/bin/python -m pip install -r requirements.txt",
      }).remedy,
    ).toMatch(remedy);
  });
