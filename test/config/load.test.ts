import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { writeFiles } from "../support/folder.ts";
import { UNGUARDED, UNPRIVILEGED } from "../support/guards.ts";
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

const write = (path: string, content: string | Uint8Array) => writeFiles(folder, { [path]: content });

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

/** logs.test.ts looks at them. */
const ANY_REST = {
  stateDirectory: expect.any(String),
  errorLogFormat: expect.any(String),
  accessLog: expect.any(Object),
  masked: expect.any(Array),
  logFiles: expect.any(Object),
  ...UNPRIVILEGED,
};

describe("defaults", () => {
  test("a site of one route needs nothing else", () => {
    const file = join(CASES, "ok_minimal.toml");
    expect(loadCase("ok_minimal.toml")).toEqual({
      file,
      acme: expect.anything(),
      server: {
        fronts: 4,
        errorLog: "stderr",
        logLevel: "info",
        ...ANY_REST,
        control: "auto",
        temporaryDirectory: folder,
        fileCache: { bytesMax: 67_108_864, revalidateMs: 1000 },
        drainTimeoutMs: 30_000,
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
      services: [],
      crons: [],
      metrics: undefined,
      apps: [],
      upstreams: [],
      sites: [
        {
          label: "default",
          names: [],
          isDefault: true,
          headers: undefined,
          passesUnderscores: false,
          accessLog: expect.any(Object),
          listen: [
            { kind: "tcp", host: "0.0.0.0", port: 80 },
            { kind: "tcp", host: "::", port: 80 },
          ],
          encoding: expect.any(Object),
          bodyBytesMax: 104_857_600,
          types: { types: {}, defaultType: undefined },
          ...UNGUARDED,
          routes: [
            {
              pattern: "/",
              match: { kind: "prefix", path: "/" },
              internal: false,
              logged: true,
              bodyBytesMax: undefined,
              encoding: expect.any(Object),
              ...UNGUARDED,
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
      ...ANY_REST,
      control: join(CASES, "control.sock"),
      temporaryDirectory: join(CASES, "project"),
      fileCache: expect.any(Object),
      drainTimeoutMs: 60_000,
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
        processesMin: 1,
        idleMs: 90_000,
        maxRequests: 5000,
        maxLifetimeMs: 86_400_000,
        maxRssBytes: 512 * 1024 ** 2,
        killRssBytes: 2 * 1024 ** 3,
        drainTimeoutMs: 20_000,
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
        reloadOnChange: true,
        touchReload: [join(CASES, "a.stamp"), "/tmp/b.stamp"],
        requestTimeoutMs: 20_000,
        preload: true,
        staticFinders: true,
        process: {
          user: undefined,
          group: undefined,
          umask: 0o027,
          pythonPath: [join(CASES, "project/static")],
          limits: [
            { name: "nofile", value: 256 },
            { name: "as", value: -1 },
            { name: "core", value: 0 },
          ],
        },
        sendfileRoots: [],
      },
      {
        name: "by-file",
        root: join(CASES, "project"),
        wsgi: { kind: "file", file: join(CASES, "project/flat.py"), callable: "application" },
        python: join(folder, "bin/python3"),
        ...poolOf(4),
        threads: 2,
        env: {},
        uwsgiSockets: [{ kind: "tcp", host: "127.0.0.1", port: 8996 }],
        queueTimeoutMs: 30_000,
        queueMax: 1024,
        startTimeoutMs: 60_000,
        reloadOnChange: false,
        staticFinders: false,
        touchReload: [],
        requestTimeoutMs: 300_000,
        preload: false,
        process: { user: undefined, group: undefined, umask: undefined, pythonPath: [], limits: [] },
        sendfileRoots: [],
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
        sendfileRoots: [],
      },
      {
        name: "one",
        protocol: "http",
        servers: [{ address: { kind: "tcp", host: "node.internal", port: 3000 }, weight: 1 }],
        connectTimeoutMs: 10_000,
        readTimeoutMs: 60_000,
        sendTimeoutMs: 60_000,
        keepalive: 0,
        sendfileRoots: [],
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
      encoding: expect.objectContaining({ charset: "gbk", charsetTypes: undefined }),
      bodyBytesMax: 10 * 1024 * 1024,
    });
    expect(fallback).toMatchObject({ isDefault: true, listen: [{ host: "127.0.0.1", port: 8000 }] });
    expect([site?.trustedProxies, fallback?.trustedProxies]).toEqual([["192.0.2.1"], undefined]);
  });

  test("[site.routes]", () => {
    const templated = /^(~ \^\/[urv]\/|\/(spa|mixed|staff|open|gone))/;
    const untemplated = config().sites[0]?.routes.filter((route) => !templated.test(route.pattern));
    const routes = untemplated?.map(({ pattern, match, bodyBytesMax, target }) => [
      pattern,
      match,
      bodyBytesMax,
      target,
    ]);
    const files = join(CASES, "project/static");
    const php = { kind: "regex", source: "\\.php$", ignoreCase: false };
    const served = (path: string) => ({
      kind: "files",
      roots: [{ path, below: undefined }],
      rules: expect.any(Object),
    });
    const directory = { ...served(files), single: false };
    expect(routes as unknown[]).toEqual([
      [
        "/static/",
        { kind: "prefix", path: "/static/" },
        undefined,
        { ...directory, index: [], cache: expect.any(Array) },
      ],
      [
        "/immutable/",
        { kind: "prefix", path: "/immutable/" },
        undefined,
        { ...directory, index: ["home.html"], cache: expect.any(Array) },
      ],
      [
        "= /style.css",
        { kind: "exact", path: "/style.css" },
        undefined,
        { ...served(join(files, "site.css")), single: true, index: ["index.html"], cache: expect.any(Array) },
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
      ["/", { kind: "prefix", path: "/" }, undefined, { kind: "app", app: "mysite", mount: "" }],
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
    const known = "known here: server, acme, app, upstream, service, cron, map, limit, metrics, site";
    expect(problemsOf(`__proto__ = 1\nconstructor = 2\n${SITE}`)).toEqual([
      `F:1:1: __proto__: is not a known key; ${known}`,
      `F:2:1: constructor: is not a known key; ${known}`,
    ]);
    expect(problemsOf(`[app.x]\nwsgi = "m"\nenv.__proto__ = "v"\nuwsgi_socket = "unix:/tmp/x"`)).toHaveLength(1);
  });
});

/** A fixed number of processes, without bounds on their lives. */
function poolOf(processes: number) {
  const none = undefined;
  const unlimited = { maxRequests: none, maxLifetimeMs: none, maxRssBytes: none, killRssBytes: none };
  return { processes, processesMin: processes, idleMs: 60_000, drainTimeoutMs: 60_000, ...unlimited };
}
