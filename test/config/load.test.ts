import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadConfig } from "../../src/config/load.ts";
import { formatProblems } from "../../src/config/problems.ts";

const CASES = join(import.meta.dir, "../cases/config");
const MACHINE = { cores: 4, ipv6: true };

let folder = "";
let serial = 0;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "server-load-"));
  executable("bin/python3");
  executable("bin/python3.12");
});

afterAll(() => rmSync(folder, { recursive: true }));

function executable(path: string): void {
  write(path, "#!/bin/sh\n");
  chmodSync(join(folder, path), 0o755);
}

function write(path: string, content: string | Uint8Array): void {
  mkdirSync(join(folder, path, ".."), { recursive: true });
  writeFileSync(join(folder, path), content);
}

const environment = () => ({ PATH: join(folder, "bin"), TMPDIR: folder });

function load(content: string | Uint8Array, machine = MACHINE) {
  const file = `server${serial++}.toml`;
  write(file, content);
  return loadConfig(join(folder, file), environment(), machine);
}

/** One line per problem without the file's name. */
function problemsOf(content: string | Uint8Array): string[] {
  const problems = load(content).problems.map((problem) => ({ ...problem, file: "F" }));
  return formatProblems(problems, { colour: false }).split("\n").filter(Boolean);
}

function loadCase(name: string, variables: Record<string, string> = {}) {
  const file = join(CASES, name);
  const { config, problems } = loadConfig(file, { ...environment(), ...variables }, MACHINE);
  if (config === undefined) throw new Error(formatProblems(problems, { colour: false }));
  return config;
}

const SITE = '[[site]]\n[site.routes]\n"/" = { respond = "x" }\n';

const NO_GUARDS = { access: [], limits: [], auth: undefined, errorPages: [], intercept: false };

describe("defaults", () => {
  test("a site of one route needs nothing else", () => {
    const file = join(CASES, "ok_minimal.toml");
    expect(loadCase("ok_minimal.toml")).toEqual({
      file,
      server: {
        fronts: 4,
        errorLog: "stderr",
        logLevel: "info",
        accessLog: "stdout",
        temporaryDirectory: folder,
        drainTimeoutMs: 30_000,
        accessLogFormat: "combined",
        accessLogEscape: "default",
        serverHeader: "pass",
        mergeSlashes: true,
        limits: expect.objectContaining({
          headerBytesMax: 65_536,
          headerFieldsMax: 200,
          targetBytesMax: 16_384,
          headerTimeoutMs: 30_000,
          bodyTimeoutMs: 60_000,
          sendTimeoutMs: 60_000,
          keepaliveTimeoutMs: 75_000,
          keepaliveRequestsMax: 10_000,
        }),
        trustedProxies: [],
      },
      maps: [],
      rateLimits: [],
      apps: [],
      upstreams: [],
      sites: [
        {
          label: "default",
          names: [],
          isDefault: true,
          headers: undefined,
          passesUnderscores: false,
          listen: [
            { kind: "tcp", host: "0.0.0.0", port: 80 },
            { kind: "tcp", host: "::", port: 80 },
          ],
          charset: undefined,
          bodyBytesMax: 104_857_600,
          guards: NO_GUARDS,
          routes: [
            {
              pattern: "/",
              match: { kind: "prefix", path: "/" },
              bodyBytesMax: undefined,
              guards: NO_GUARDS,
              fallback: undefined,
              headers: undefined,
              target: { kind: "respond", status: 200, body: "hello", contentType: "text/plain; charset=utf-8" },
            },
          ],
        },
      ],
    });
  });

  test("a bare port listens on IPv4 alone where there is no IPv6", () => {
    const { config } = load(SITE, { cores: 1, ipv6: false });
    expect(config?.sites[0]?.listen).toEqual([{ kind: "tcp", host: "0.0.0.0", port: 80 }]);
  });

  test("the header limit leaves room for a uwsgi packet when an upstream speaks uwsgi", () => {
    const upstream = (protocol: string) => `[upstream.x]\nprotocol = "${protocol}"\nservers = "127.0.0.1:1"\n${SITE}`;
    expect(load(upstream("uwsgi")).config?.server.limits.headerBytesMax).toBe(60 * 1024);
    expect(load(upstream("http")).config?.server.limits.headerBytesMax).toBe(64 * 1024);
  });
});

describe("every key reaches the configuration", () => {
  const config = () => loadCase("ok_everything.toml");

  test("[server]", () => {
    expect(config().server).toEqual({
      fronts: 2,
      errorLog: "stderr",
      logLevel: "notice",
      accessLog: "off",
      temporaryDirectory: join(CASES, "project"),
      drainTimeoutMs: 60_000,
      accessLogFormat: '{"s":$status,"t":"$tenant"}',
      accessLogEscape: "json",
      serverHeader: "shop",
      mergeSlashes: false,
      limits: expect.objectContaining({
        headerBytesMax: 32_768,
        headerFieldsMax: 100,
        targetBytesMax: 8000,
        headerTimeoutMs: 10_000,
        bodyTimeoutMs: 250,
        sendTimeoutMs: 3_600_000,
        keepaliveTimeoutMs: 300_000,
        keepaliveRequestsMax: 1,
      }),
      trustedProxies: ["10.0.0.0/8", "::1", "unix:"],
    });
  });

  test("[app.NAME]", () => {
    expect(config().apps).toEqual([
      {
        name: "mysite",
        root: join(CASES, "project"),
        wsgi: { kind: "module", module: "mysite.wsgi", callable: "application" },
        python: join(folder, "bin/python3"),
        processes: 3,
        threads: 4,
        env: { DJANGO_SETTINGS_MODULE: "mysite.settings", _X1: "" },
        uwsgiSockets: [
          { kind: "tcp", host: "127.0.0.1", port: 8997 },
          { kind: "unix", path: join(CASES, "app.sock"), mode: 0o660 },
          { kind: "unix", path: "/tmp/other.sock", mode: 0o600 },
        ],
        queueTimeoutMs: 10_000,
        queueMax: 10,
        startTimeoutMs: 120_000,
      },
      {
        name: "by-file",
        root: join(CASES, "project"),
        wsgi: { kind: "file", file: join(CASES, "project/flat.py"), callable: "application" },
        python: join(folder, "bin/python3"),
        processes: 4,
        threads: 2,
        env: {},
        uwsgiSockets: [{ kind: "tcp", host: "127.0.0.1", port: 8996 }],
        queueTimeoutMs: 30_000,
        queueMax: 1024,
        startTimeoutMs: 60_000,
      },
    ]);
  });

  test("[upstream.NAME]", () => {
    expect(config().upstreams).toMatchObject([
      {
        name: "legacy",
        protocol: "uwsgi",
        servers: [
          { address: { kind: "tcp", host: "localhost", port: 8997 }, weight: 1 },
          { address: { kind: "unix", path: "/run/legacy.sock" }, weight: 2 },
          { address: { kind: "tcp", host: "::1", port: 80 }, weight: 1 },
        ],
        connectTimeoutMs: 3000,
        readTimeoutMs: 30_000,
        sendTimeoutMs: 31_000,
        keepalive: 0,
      },
      {
        name: "one",
        protocol: "http",
        servers: [{ address: { kind: "tcp", host: "node.internal", port: 3000 }, weight: 1 }],
        connectTimeoutMs: 10_000,
        readTimeoutMs: 60_000,
        sendTimeoutMs: 60_000,
        keepalive: 0,
      },
    ]);
  });

  const asked = (upstream: string) => ({ kind: "upstream", upstream, stripPrefix: false, uri: undefined });

  test("[[site]]", () => {
    const [site, fallback] = config().sites;
    expect(site).toMatchObject({
      label: "www.example.org",
      names: ["www.example.org", "*.example.org", "xn--bcher-kva.example", "127.0.0.1", "[::1]"],
      listen: [
        { kind: "tcp", host: "0.0.0.0", port: 80 },
        { kind: "tcp", host: "::", port: 80 },
        { kind: "tcp", host: "127.0.0.1", port: 8000 },
        { kind: "tcp", host: "::1", port: 8000 },
        { kind: "unix", path: join(CASES, "site.sock"), mode: 0o666 },
        { kind: "tcp", host: "127.0.0.1", port: 8009, proxyProtocol: true },
      ],
      charset: "gbk",
      bodyBytesMax: 10 * 1024 * 1024,
    });
    expect(fallback).toMatchObject({ isDefault: true, listen: [{ host: "127.0.0.1", port: 8000 }] });
    expect([site?.trustedProxies, fallback?.trustedProxies]).toEqual([["192.0.2.1"], undefined]);
  });

  test("[site.routes]", () => {
    const templated = /^(~ \^\/[ur]\/|\/(spa|mixed|staff|open)\/)/;
    const untemplated = config().sites[0]?.routes.filter((route) => !templated.test(route.pattern));
    const routes = untemplated?.map(({ pattern, match, bodyBytesMax, target }) => [
      pattern,
      match,
      bodyBytesMax,
      target,
    ]);
    const files = join(CASES, "project/static");
    const php = { kind: "regex", source: "\\.php$", ignoreCase: false };
    const directory = { kind: "files", path: files, single: false };
    expect(routes as unknown[]).toEqual([
      [
        "/static/",
        { kind: "prefix", path: "/static/" },
        undefined,
        { ...directory, index: [], cacheControl: "max-age=2592000" },
      ],
      [
        "/immutable/",
        { kind: "prefix", path: "/immutable/" },
        undefined,
        { ...directory, index: ["home.html"], cacheControl: "public, max-age=31536000, immutable" },
      ],
      [
        "= /style.css",
        { kind: "exact", path: "/style.css" },
        undefined,
        {
          kind: "files",
          path: join(files, "site.css"),
          single: true,
          index: ["index.html"],
          cacheControl: "max-age=60",
        },
      ],
      [
        "~ \\.php$",
        php,
        undefined,
        { kind: "respond", status: 410, body: "gone", contentType: "text/plain; charset=utf-8" },
      ],
      [
        "~* ^/OLD",
        { kind: "regex", source: "^/OLD", ignoreCase: true },
        undefined,
        { kind: "redirect", to: "https://old.example.org$request_uri", status: 308 },
      ],
      ["/moved/", { kind: "prefix", path: "/moved/" }, undefined, { kind: "redirect", to: "/new/", status: 302 }],
      ["/api/", { kind: "prefix", path: "/api/" }, 0, asked("legacy")],
      ["/node/", { kind: "prefix", path: "/node/" }, undefined, asked("one")],
      [
        "/page",
        { kind: "prefix", path: "/page" },
        undefined,
        { kind: "respond", status: 200, body: "<b>ok</b>", contentType: "text/html; charset=utf-8" },
      ],
      ["/", { kind: "prefix", path: "/" }, undefined, { kind: "app", app: "mysite" }],
    ]);
  });

  test("it can be posted to a thread", () => expect(structuredClone(config())).toEqual(config()));
});

test("environment variables are filled in once, and never become syntax", () => {
  const variables = { PROJECT: "project", THREADS: "3", EMPTY: "", TRICK: '"]\n$ENV{PROJECT}' };
  const config = loadCase("ok_environment.toml", variables);
  expect(config.apps[0]).toMatchObject({ root: join(CASES, "project"), threads: 3 });
  expect(config.apps[0]?.env).toEqual({ A: "", B: "b", C: "$ENV{PROJECT}", D: "a3b3", E: variables.TRICK });
  expect(config.sites[0]?.listen[0]).toMatchObject({ port: 8000 });
});

describe("the file itself", () => {
  test("one that is not there, or is a directory", () => {
    const absent = join(folder, "absent.toml");
    expect(loadConfig(absent, {}).problems).toMatchObject([{ line: 0, what: "does not exist" }]);
    expect(loadConfig(folder, {}).problems).toMatchObject([{ line: 0, what: "is a directory" }]);
    expect(loadConfig(absent, {}).config).toBeUndefined();
  });

  test("one that is not UTF-8 is refused with the line", () => {
    const bytes = Buffer.concat([Buffer.from("# ok\r\n# é\n"), Buffer.from("# caf\xe9\n", "latin1")]);
    expect(problemsOf(bytes)).toEqual(["F:3:1: is not UTF-8; should be UTF-8, which is what TOML is written in"]);
  });

  test("a byte order mark and CRLF do not shift places", () => {
    const toml = `\ufeff[server]\r\nfronts = 0\r\n${SITE}`;
    expect(problemsOf(toml)).toEqual(["F:2:10: server.fronts: is 0; should be an integer from 1 to 256"]);
  });

  test("names that objects have by birth are only unknown keys", () => {
    const known = "known here: server, app, upstream, map, limit, site";
    expect(problemsOf(`__proto__ = 1\nconstructor = 2\n${SITE}`)).toEqual([
      `F:1:1: __proto__: is not a known key; ${known}`,
      `F:2:1: constructor: is not a known key; ${known}`,
    ]);
    expect(problemsOf(`[app.x]\nwsgi = "m"\nenv.__proto__ = "v"\nuwsgi_socket = "unix:/tmp/x"`)).toHaveLength(1);
  });
});

describe("the interpreter", () => {
  const app = (extra: string, root = "p") =>
    `[app.x]\nroot = "${root}"\nwsgi = "m"\nuwsgi_socket = "unix:/tmp/x.sock"\n${extra}`;
  const pythonOf = (toml: string) => load(toml).config?.apps[0]?.python?.replace(folder, "");

  beforeAll(() => {
    for (const root of ["p", "q", "r/src", "s"]) write(`${root}/m.py`, "");
    executable("q/venv/bin/python");
    executable("r/.venv/bin/python");
    executable("q/other/bin/python3");
    mkdirSync(join(folder, "s/.venv/bin"), { recursive: true });
    symlinkSync("/nonexistent", join(folder, "s/.venv/bin/python"));
  });

  test.each([
    ["nothing is said and there is no virtualenv: python3 on PATH", app(""), "/bin/python3"],
    ["nothing is said: a virtualenv in root", app("", "q"), "/q/venv/bin/python"],
    ["nothing is said: a virtualenv beside root", app("", "r/src"), "/r/.venv/bin/python"],
    ["a virtualenv whose python is a dangling link is none", app("", "s"), "/bin/python3"],
    ["the directory of a virtualenv", app('python = "q/other"'), "/q/other/bin/python3"],
    ["an interpreter", app('python = "q/venv/bin/python"'), "/q/venv/bin/python"],
    ["a name on PATH", app('python = "python3.12"'), "/bin/python3.12"],
  ])("%s", (_name, toml, python) => expect(pythonOf(toml)).toBe(python));

  test("no python3 anywhere is an error that says where was looked", () => {
    const { config, problems } = (write("lone.toml", app("")), loadConfig(join(folder, "lone.toml"), { PATH: "/" }));
    expect(config).toBeUndefined();
    expect(problems).toMatchObject([{ key: "app.x.python", what: "is missing", line: 1 }]);
  });
});

describe("modules are looked for where python would", () => {
  const app = (wsgi: string, extra = "") =>
    `[app.x]\nroot = "w"\nwsgi = "${wsgi}"\nuwsgi_socket = "unix:/tmp/x.sock"\n${extra}`;

  beforeAll(() => {
    write("w/native.cpython-311-x86_64-linux-gnu.so", "");
    write("w/old.pyc", "");
    write("w/.keep", "");
    write("lib/shared.py", "");
    executable("w/.venv/bin/python");
    write("w/.venv/lib/python3.11/site-packages/installed/wsgi.py", "");
  });

  test.each(["native", "old", "installed.wsgi"])("%s", (wsgi) => expect(problemsOf(app(wsgi))).toEqual([]));

  test("below PYTHONPATH of the app's env", () => {
    expect(problemsOf(app("shared", 'env = { PYTHONPATH = "../lib" }'))).toEqual([]);
    expect(problemsOf(app("shared"))).toEqual([
      `F:3:8: app.x.wsgi: names shared, but there is no ${folder}/w/shared.py; should be a module that can be imported with root on sys.path`,
    ]);
  });
});
