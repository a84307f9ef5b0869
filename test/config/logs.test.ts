import { expect, test } from "bun:test";
import { symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { loadConfig } from "../../src/config/load.ts";
import { makeFolder, removeFolder, ROOT } from "../support/folder.ts";

const CASES = join(ROOT, "test/cases/config");
const DAY = 86_400_000;

function load(name: string) {
  const { config, problems } = loadConfig(join(CASES, name), { TMPDIR: CASES });
  if (config === undefined) throw new Error(JSON.stringify(problems));
  return config;
}

test("logs that nobody asked for are bounded, and show no credentials", () => {
  const { server } = load("ok_minimal.toml");
  expect(server.masked).toEqual(expect.arrayContaining(["authorization", "cookie", "set_cookie", "token", "password"]));
  expect(server.logFiles).toEqual({
    rotateBytes: 104_857_600,
    rotateAgeMs: DAY,
    compress: true,
    keepMs: 90 * DAY,
    totalBytes: 1024 ** 3,
  });
});

test("what the server says of logs reaches the configuration", () => {
  const { server } = load("ok_everything.toml");
  expect(server.accessLog).toEqual({
    path: "off",
    format: '{"s":$status,"t":"$tenant"}',
    escape: "json",
    statuses: ["404", "5xx"],
    slowMs: 2000,
  });
  expect(server.logFiles).toEqual({
    rotateBytes: 1024,
    rotateAgeMs: 0,
    compress: false,
    keepMs: 60_000,
    totalBytes: 4096,
  });
});

test("a site has the log of the server, but for what it says itself; a condition is one thing", () => {
  const { server, sites } = load("ok_everything.toml");
  const [first, second] = sites;
  expect(first?.accessLog).toEqual(server.accessLog);
  expect(second?.accessLog).toEqual({
    path: join(CASES, "project/net.log"),
    format: "common",
    escape: "json",
    statuses: [],
    slowMs: 250,
  });
});

test("a route may have no log", () => {
  const [first, second] = load("ok_everything.toml").sites;
  expect(first?.routes.every(({ logged }) => logged)).toBe(true);
  expect(second?.routes[0]?.logged).toBe(false);
});

test("a log that cannot be looked at is a mistake of the file, with its place", () => {
  const folder = makeFolder("config-logs");
  // As below a directory that may not be entered, which root does not know.
  symlinkSync("loop", join(folder, "loop"));
  const file = join(folder, "server.toml");
  writeFileSync(
    file,
    '[server]\nerror_log = "loop"\n[[site]]\nlisten = [8080]\n[site.routes]\n"/" = { respond = "" }\n',
  );
  const { problems } = loadConfig(file, {});
  removeFolder(folder);
  expect(problems).toMatchObject([{ line: 2, key: "server.error_log" }]);
});
