/** Answers → server.toml: what a person would have written, and nothing that is a default. */
import { expect, test } from "bun:test";
import type { Answers } from "../../src/setup/question.ts";
import { urlOf } from "../../src/setup/front.ts";
import { planOf as plan, ROOT, type Sight, VENV } from "../support/setup.ts";

/** Without the head. */
function toml(sight: Sight = {}, answers: Answers = {}, file?: string): string {
  return plan(sight, answers, file).toml.split("\n\n").slice(1).join("\n\n");
}

test("a project that lacks nothing", () => {
  expect(plan(VENV).toml).toBe(`# Written by server setup. Every key: server help config.
# After a change: server check, then server reload.

[app.shop]
wsgi = "shop.wsgi:application"

[[site]]
names = ["www.shop.example.org"]
tls   = "auto"

[site.routes]
# What collectstatic gathers.
"/static/" = { files = "staticfiles/" }
"/"        = { app = "shop" }
`);
});

test("what differs from the defaults is written, with the reason for its size", () => {
  const sight = {
    ...VENV,
    host: { cores: 2, memoryBytes: 2 ** 27 },
    settings: { mediaPath: "/media/", mediaRoot: "/srv/media" },
    seen: { variables: { KEY: "x" } },
  };
  expect(toml(sight, { https: "off", listen: "8000", processes: "1", threads: "4", uploads: "private" }))
    .toBe(`[app.shop]
wsgi      = "shop.wsgi:application"
# For 2 cores and 128 MB of memory.
processes = 1
threads   = 4
env       = { KEY = "x" }

[[site]]
names  = ["www.shop.example.org"]
listen = [8000]

[site.routes]
# What collectstatic gathers.
"/static/" = { files = "staticfiles/" }
# Uploads: the project lets them out by X-Accel-Redirect; clients get 404.
"/media/"  = { files = "/srv/media/", internal = true }
"/"        = { app = "shop" }
`);
});

const LINES: readonly (readonly [string, string, Sight, Answers?, string?])[] = [
  ["no names: the default site", "[[site]]\n\n", VENV, { domain: "", https: "off" }],
  [
    "own certificates, relative to the file",
    'tls   = { cert = "certs/a.pem", key = "/etc/k.pem" }',
    VENV,
    { https: "files", cert: "certs/a.pem", key: "/etc/k.pem" },
  ],
  ["HTTPS on another port", "listen = [{ address = 8443, tls = true }]", VENV, { https: "internal", listen: "8443" }],
  ["behind another server", 'listen = ["127.0.0.1:8000"]', VENV, { https: "off", listen: "127.0.0.1:8000" }],
  [
    "public uploads",
    '"/media/"  = { files = "media/" }',
    { ...VENV, settings: { mediaPath: "/media/", mediaRoot: `${ROOT}/media` } },
    { uploads: "public" },
  ],
  [
    "FORCE_SCRIPT_NAME is where the app stands",
    '"/app/"    = { app = "shop" }',
    { ...VENV, settings: { scriptName: "/app" } },
  ],
  ["a virtualenv elsewhere", 'python = "/opt/v"', { python: { virtualenv: "/opt/v", python: "/opt/v/bin/python" } }],
  [
    "a virtualenv of another name",
    'python = "myenv"',
    { python: { virtualenv: `${ROOT}/myenv`, python: `${ROOT}/myenv/bin/python` } },
  ],
  [
    "the system's Python beside a virtualenv",
    'python = "/usr/bin/python3"',
    { ...VENV, python: { virtualenv: undefined as never, python: "/usr/bin/python3" } },
  ],
  [
    "other settings than wsgi.py's",
    'env  = { DJANGO_SETTINGS_MODULE = "shop.live" }',
    { ...VENV, settings: { module: "shop.live" } },
  ],
  [
    "whose the project is, when root starts it",
    'user = "ann"',
    { ...VENV, seen: { owner: { uid: 1000, gid: 1000, name: "ann", home: "/" } } },
  ],
  ["a file elsewhere names the root", `root = "${ROOT}"`, VENV, {}, "/etc/server/server.toml"],
  [
    "STATIC_ROOT that is still to be written",
    '"/static/" = { files = "staticfiles/" }',
    { ...VENV, settings: { staticRoot: undefined } },
    { lines: "leave" },
  ],
];

for (const [title, line, sight, answers, file] of LINES)
  test(`server.toml: ${title}`, () => expect(toml(sight, answers, file)).toContain(line));

test("who it runs as: a user with fewer rights, or root, said aloud", () => {
  const account = { uid: 0, name: "root", gid: 0, home: "/root" };
  const sight = { ...VENV, host: { account } };
  expect(toml(sight, { user: "www-data" })).toStartWith('[server]\nuser = "www-data"\n\n[app.shop]');
  expect(toml(sight, { user: "root" })).toStartWith("[server]\nrun_as_root = true\n");
});

test("files and forwarding have a user, too", () => {
  const host = { account: { uid: 0, name: "root", gid: 0, home: "/root" } };
  const files = { host, project: { kind: "static", root: ROOT, name: "shop" } } as const;
  expect(toml(files, { user: "www-data" })).toStartWith('[server]\nuser = "www-data"\n\n[[site]]');
  const owner = { uid: 1000, gid: 1000, name: "ann", home: "/" };
  expect(toml({ ...files, seen: { owner } }, {})).toStartWith('[server]\nuser = "ann"\n');
  const answers = { kind: "proxy", upstream: "8001", user: "www-data" };
  expect(toml({ host, projects: [] }, answers)).toStartWith('[server]\nuser = "www-data"\n');
});

test("as a service it has the unit's user", () => {
  const owner = { uid: 1000, gid: 1000, name: "ann", home: "/" };
  expect(toml({ ...VENV, seen: { owner } }, { unit: "yes" })).not.toContain("user");
});

test("a folder of files does not serve what is about it", () => {
  const project = { kind: "static", root: ROOT, name: "shop" } as const;
  expect(toml({ project }, { https: "off" })).toContain(String.raw`'~ ^/server\.(toml|log)' = { error = 404 }`);
  const below = { ...project, root: `${ROOT}/dist` };
  expect(toml({ project: below }, { https: "off" })).toEndWith('[site.routes]\n"/" = { files = "dist/" }\n');
});

test("another server behind it", () => {
  const upstream = (address: string) => toml({ projects: [] }, { kind: "proxy", upstream: address, https: "off" });
  expect(upstream("8001")).toStartWith('[upstream.backend]\nservers = ["127.0.0.1:8001"]\n');
  expect(upstream("https://10.0.0.2")).toStartWith(
    '[upstream.backend]\nprotocol = "https"\nservers  = ["10.0.0.2:443"]\n',
  );
  expect(upstream("unix:/run/app.sock")).toContain('servers = ["unix:/run/app.sock"]');
});

test("what is imported is written as it was translated", () => {
  const importable = {
    files: [],
    toml: "imported\n",
    losses: [],
    folders: ["/srv/nowhere"],
    isOurs: true,
    forwards: false,
    names: [],
    asRoot: false,
    front: { host: "a.org", port: 8080, address: "0.0.0.0", https: false },
    taken: [],
  };
  const imported = plan({ seen: { importable } }, { import: "yes" });
  expect(imported.toml).toBe("imported\n");
  // A configuration that names a folder which is not there cannot be used.
  expect(imported.folders).toEqual([{ path: "/srv/nowhere", user: undefined }]);
  expect(urlOf(imported.front)).toBe("http://a.org:8080/");
  expect(imported.front.address).toBe("127.0.0.1");
});

test("the plan makes what is missing, and runs manage.py with the project's settings", () => {
  const missing = plan(
    { ...VENV, settings: { staticRoot: undefined, mediaPath: "/media/", mediaRoot: "/srv/media" } },
    { lines: "leave", uploads: "public" },
  );
  expect(missing.folders).toEqual([
    { path: `${ROOT}/staticfiles`, user: undefined },
    { path: "/srv/media", user: undefined },
  ]);
  const webUser = { name: "www-data", reaches: true, cannotWrite: [] };
  const media = { settings: { mediaPath: "/media/", mediaRoot: "/srv/media" }, seen: { webUser } };
  const asUser = plan({ ...VENV, ...media }, { uploads: "public", unit: "yes" });
  expect(asUser.folders).toContainEqual({ path: "/srv/media", user: "www-data" });
  expect(missing.edit).toBeUndefined();
  expect(missing.django).toMatchObject({
    root: ROOT,
    environment: { DJANGO_SETTINGS_MODULE: "shop.settings" },
    collect: { into: `${ROOT}/staticfiles`, settingsLack: true },
  });
  const added = plan({ ...VENV, settings: { staticRoot: undefined } }, { lines: "add" });
  expect(added.edit?.lines).toEqual([`STATIC_ROOT = "${ROOT}/staticfiles"`]);
  expect(added.django?.collect?.settingsLack).toBe(false);
});

const URLS: readonly (readonly [Answers, string, string])[] = [
  [{}, "https://www.shop.example.org/", "127.0.0.1:443"],
  [{ https: "off" }, "http://www.shop.example.org/", "127.0.0.1:80"],
  [{ https: "off", domain: "" }, "http://198.51.100.7/", "127.0.0.1:80"],
  [{ https: "off", domain: "", listen: "8000" }, "http://198.51.100.7:8000/", "127.0.0.1:8000"],
  [{ https: "off", domain: "", listen: "127.0.0.1:8000" }, "http://127.0.0.1:8000/", "127.0.0.1:8000"],
  [{ https: "off", domain: "", listen: "[::1]:8000" }, "http://[::1]:8000/", "::1:8000"],
  [{ https: "internal", domain: "shop.lan", listen: "8443" }, "https://shop.lan:8443/", "127.0.0.1:8443"],
  [{ domain: "*.example.org .example.net" }, "https://www.example.org/", "127.0.0.1:443"],
  [{ domain: ".example.net example.com" }, "https://example.com/", "127.0.0.1:443"],
];

test("a name in letters of its own is written so, and is what browsers send everywhere else", () => {
  const sight = { ...VENV, settings: { allowedHosts: ["x.org"] } };
  const { front, toml: text, edit } = plan(sight, { domain: "München.de", https: "off", lines: "add" });
  expect(text).toContain('names = ["München.de"]');
  expect(edit?.lines).toEqual(['ALLOWED_HOSTS = [*ALLOWED_HOSTS, "xn--mnchen-3ya.de"]']);
  expect([front.host, urlOf(front)]).toEqual(["xn--mnchen-3ya.de", "http://münchen.de/"]);
});

test("where it is reached: not by an address that Django refuses, if there is another", () => {
  const shown = (settings: NonNullable<Sight["settings"]>, lines: string) => {
    const { front, advice } = plan({ ...VENV, settings }, { https: "off", domain: "", lines });
    return [urlOf(front), advice.filter((text) => text.includes("ALLOWED_HOSTS"))];
  };
  const local = { allowedHosts: ["127.0.0.1"] };
  const line = 'ALLOWED_HOSTS = [*ALLOWED_HOSTS, "198.51.100.7"]';
  expect(shown(local, "leave")).toEqual(["http://127.0.0.1/", [expect.stringContaining(line)]]);
  expect(shown(local, "add")).toEqual(["http://198.51.100.7/", []]);
  const unknown = { ...local, file: undefined };
  expect(shown(unknown, "leave")).toEqual([
    "http://127.0.0.1/",
    [expect.stringContaining("has no 198.51.100.7: Django")],
  ]);
  for (const allowed of ["198.51.100.7", "*"])
    expect(shown({ allowedHosts: [allowed] }, "leave")).toEqual(["http://198.51.100.7/", []]);
});

for (const [answers, url, asked] of URLS)
  test(`where it is reached: ${url}`, () => {
    const { front } = plan(VENV, answers);
    expect(urlOf(front)).toBe(url);
    expect(`${front.address}:${front.port}`).toBe(asked);
  });

test("a function that makes the application gets its file", () => {
  const callables = [
    { file: "app.py", module: "app", callable: "create_app", framework: "Flask", factory: true, asgi: false },
  ];
  const project = { kind: "wsgi", root: ROOT, name: "shop", callables } as const;
  const { newFiles, toml: text } = plan({ ...VENV, project }, { factory: "write", https: "off" });
  expect(newFiles).toEqual([
    { path: `${ROOT}/wsgi.py`, text: "from app import create_app\n\napplication = create_app()\n" },
  ]);
  expect(text).toContain('wsgi = "wsgi:application"');
});
