import { afterEach, beforeEach, expect, test } from "bun:test";
import { existsSync, lchownSync, mkdirSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { AppConfig } from "../../src/config/config.ts";
import { MultiprocessMetrics } from "../../src/master/multiprocess-metrics.ts";
import { makeFolder, removeFolder } from "../support/folder.ts";

/** No process has it: pid_max is at most 2^22. */
const NOBODY = 4_194_999;

let folder = "";
let metrics: MultiprocessMetrics;
beforeEach(() => {
  folder = makeFolder("multiprocess");
  metrics = new MultiprocessMetrics(folder);
});
afterEach(() => {
  metrics.close();
  removeFolder(folder);
});

const app = (env = {}) =>
  ({ name: "shop", env, process: { user: undefined, group: undefined } }) as unknown as AppConfig;

test("an app has an empty directory of its own, and keeps one that it names", () => {
  const { PROMETHEUS_MULTIPROC_DIR: directory = "" } = metrics.environment(app({ A: "1" }));
  expect(readdirSync(directory)).toEqual([]);
  expect(metrics.environment(app({ PROMETHEUS_MULTIPROC_DIR: "/own" }))).toEqual({ PROMETHEUS_MULTIPROC_DIR: "/own" });
});

test("what a process that ended said of the moment goes, what it has counted stays", () => {
  const { PROMETHEUS_MULTIPROC_DIR: directory = "" } = metrics.environment(app());
  const names = [`gauge_livesum_${NOBODY}.db`, `gauge_liveall_${process.pid}.db`, `counter_${NOBODY}.db`];
  for (const name of names) writeFileSync(join(directory, name), "");
  metrics.clean();
  expect(readdirSync(directory).toSorted()).toEqual(names.slice(1).toSorted());
});

test("nothing is left at the end, nor of a server that was killed", () => {
  const leftover = join(folder, `server-metrics-${NOBODY}-abc`);
  mkdirSync(leftover);
  metrics.environment(app());
  expect(existsSync(leftover)).toBe(false);
  metrics.close();
  expect(readdirSync(folder)).toEqual([]);
});

test("directories that somebody has removed are made again, but not through what is another's", () => {
  const { PROMETHEUS_MULTIPROC_DIR: directory = "" } = metrics.environment(app());
  const root = dirname(directory);
  rmSync(root, { recursive: true });
  metrics.clean();
  expect([statSync(root).mode & 0o777, statSync(directory).mode & 0o777]).toEqual([0o711, 0o700]);
  rmSync(root, { recursive: true });
  mkdirSync(join(folder, "theirs"));
  symlinkSync("theirs", root);
  lchownSync(root, NOBODY, NOBODY);
  metrics.clean();
  expect(readdirSync(join(folder, "theirs"))).toEqual([]);
});
