/** What is left to say at the end, each with what to do. */
import { expect, test } from "bun:test";
import type { Answers } from "../../src/setup/question.ts";
import { advise } from "../../src/setup/steps.ts";
import { planOf as plan, ROOT, type Sight, VENV } from "../support/setup.ts";

const sqliteAt = (name: string) => ({ databases: [{ alias: "default", engine: "django.db.backends.sqlite3", name }] });

test("a database in a file: its own folder is given to who serves, the project's is not", () => {
  const account = { uid: 0, name: "root", gid: 0, home: "/root" };
  const adviceOn = (name: string, files: Record<string, string>, seen = {}) =>
    plan(
      { ...VENV, host: { account }, settings: sqliteAt(name), files: { ...VENV.files, ...files }, seen },
      { user: "www-data" },
    ).advice.join("\n");
  const apart = { "/srv/the db/x.sqlite3": "" };
  expect(adviceOn("/srv/the db/x.sqlite3", apart)).toEndWith(": chown www-data: '/srv/the db' '/srv/the db/x.sqlite3'");
  const beside = { [`${ROOT}/db.sqlite3`]: "", [`${ROOT}/shop/settings.py`]: BASE_DIR };
  const said = adviceOn(`${ROOT}/db.sqlite3`, beside);
  expect(said).toStartWith("The database is a file, and SQLite writes a journal beside it");
  expect(said).toContain(`whoever may write in ${ROOT} may replace the code there`);
  expect(said).toEndWith(`
    install -d -m 750 -o www-data ${ROOT}/database
    mv ${ROOT}/db.sqlite3 ${ROOT}/database/db.sqlite3
    chown www-data: ${ROOT}/database/db.sqlite3
and in DATABASES of ${ROOT}/shop/settings.py:
    "NAME": BASE_DIR / "database/db.sqlite3",`);
  expect(said).not.toContain(`chown www-data: ${ROOT} `);
  const webUser = { name: "www-data", reaches: true, cannotWrite: [] };
  expect(adviceOn("/srv/the db/x.sqlite3", apart, { webUser })).toBe("");
});

test("files that who serves cannot read", () => {
  const account = { uid: 0, name: "root", gid: 0, home: "/root" };
  const adviceOn = (more: object, user = "www-data") => {
    const webUser = { name: "www-data", reaches: true, cannotWrite: [], ...more };
    const project = { kind: "static", root: ROOT, name: "shop" } as const;
    return plan({ host: { account }, project, seen: { webUser } }, { user }).advice.join("\n");
  };
  expect(adviceOn({})).toBe("");
  expect(adviceOn({ cannotRead: `${ROOT}/a` })).toStartWith(
    `www-data cannot read ${ROOT}/a, which is not served then: `,
  );
  expect(adviceOn({ reaches: false })).toEndWith(`: chmod -R a+rX ${ROOT} lets everybody.`);
  expect(adviceOn({ reaches: false }, "root")).toBe("");
});

const BASE_DIR = "BASE_DIR = Path(__file__).resolve().parent.parent\n";

const FORWARDING = {
  files: [],
  toml: "",
  losses: [],
  folders: [],
  isOurs: true,
  forwards: true,
  names: [],
  asRoot: false,
  front: undefined,
  taken: [],
};

const ADVICE: readonly (readonly [string, RegExp | undefined, Sight, Answers?])[] = [
  ["nothing to say", undefined, { seen: { owner: { uid: 1, gid: 1, name: "ann", home: "/" } } }],
  ["DEBUG", /DEBUG is on: .* DEBUG = False in shop\/settings.py/, { settings: { debug: true } }],
  [
    "nobody is allowed: the address, by which it is opened",
    /Add to shop\/settings.py, since Django answers 400 [^]*:\n {4}ALLOWED_HOSTS = \["198.51.100.7"\]$/,
    { settings: { allowedHosts: [] } },
    { domain: "", https: "off" },
  ],
  [
    "nobody is allowed, and the settings cannot be read",
    /answers 400 to everybody/,
    { settings: { allowedHosts: [], file: undefined } },
    { domain: "", https: "off" },
  ],
  [
    "uploads that who serves may not write",
    /Uploads go to \/srv\/media, which www-data must be able to write: chown -R www-data: \/srv\/media/,
    {
      settings: { mediaPath: "/media/", mediaRoot: "/srv/media" },
      seen: { webUser: { name: "www-data", reaches: true, cannotWrite: ["/srv/media"] } },
    },
    { unit: "yes", uploads: "public" },
  ],
  [
    "lines that were left",
    /Add to shop\/settings.py, since [^]*:\n {4}ALLOWED_HOSTS = \[\*ALLOWED_HOSTS, "b.org"\]/,
    {},
    { domain: "b.org", lines: "leave" },
  ],
  ["a redirect to nowhere", /SECURE_SSL_REDIRECT/, { settings: { sslRedirect: true } }, { https: "off" }],
  [
    "a CDN",
    /static files come from there/,
    { settings: { staticPath: undefined, staticUrl: "https://cdn.example.org/" } },
  ],
  [
    "channels",
    /ASGI server beside this one. Start shop.asgi:application/,
    { settings: { installedApps: ["channels"], asgi: "shop.asgi.application" } },
  ],
  [
    "the DNS",
    /The certificate comes when it leads here/,
    { names: { "www.shop.example.org": { kind: "unknown-name" } } },
  ],
  [
    "a database in a file, for a service",
    /so www-data must be able to write x.sqlite3 and its folder: chown www-data: \/srv\/db; then manage.py migrate as www-data$/,
    {
      settings: sqliteAt("/srv/db/x.sqlite3"),
      seen: { webUser: { name: "www-data", reaches: true, cannotWrite: ["/srv/db"] } },
    },
    { unit: "yes" },
  ],
  [
    "a database in a file, for a service of the project's owner",
    undefined,
    {
      settings: sqliteAt("/srv/db/x.sqlite3"),
      seen: { owner: { uid: 1000, gid: 1000, name: "ann", home: "/" } },
    },
    { unit: "yes" },
  ],
  [
    "gunicorn's unit",
    /\/etc\/systemd\/system\/shop.service starts gunicorn/,
    { existing: [{ path: "/etc/systemd/system/shop.service", kind: "unit", program: "gunicorn" }] },
  ],
  [
    "gunicorn's unit, to which imported files forward",
    /shop.service starts gunicorn, to which server forwards: it has to go on/,
    {
      existing: [{ path: "/etc/systemd/system/shop.service", kind: "unit", program: "gunicorn" }],
      seen: { importable: FORWARDING },
    },
    { import: "yes" },
  ],
  [
    "the way over, from a service",
    /systemctl disable --now nginx, then server start/,
    {
      taken: [{ port: 80, listeners: [], holders: [{ pid: 9, name: "nginx" }] }],
      host: { systemd: true },
      files: { ...VENV.files, "/lib/systemd/system/nginx.service": "" },
    },
    { listen: "web" },
  ],
  [
    "the way over, from a process",
    /To switch over: end nginx, then server start/,
    { taken: [{ port: 80, listeners: [], holders: [{ pid: 9, name: "nginx" }] }] },
    { listen: "web" },
  ],
];

for (const [title, expected, sight, answers] of ADVICE)
  test(`advice: ${title}`, () => {
    const { advice: always, untilCertificate } = plan({ ...VENV, ...sight }, answers);
    const advice = [...always, ...untilCertificate];
    if (expected === undefined) expect(advice).toEqual([]);
    else expect(advice.join("\n")).toMatch(expected);
  });

test("what is said of a certificate that is to come is not said when it is there", () => {
  const names = { "www.shop.example.org": { kind: "unknown-name" as const } };
  const settings = { debug: true };
  const made = plan({ ...VENV, names, settings }, { https: "auto" });
  const said = (isCertified: boolean) => {
    const texts: string[] = [];
    advise(made, { say: (_, text) => void texts.push(text) }, isCertified);
    return texts.join("\n");
  };
  for (const isCertified of [false, true]) {
    expect(said(isCertified)).toContain("DEBUG is on");
    expect(said(isCertified).includes("The certificate comes when it leads here")).toBe(!isCertified);
  }
});
