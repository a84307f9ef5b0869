/**
 * `make test`: the foreign servers that the tests ask as judges, the build, `make check`, every test. Says what was
 * skipped and why, and ends with `N passed, N failed`. With CI=true a skipped test is a failure: there nothing is missing.
 */
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { installDebian } from "./sample/debian.ts";
import { ROOT, run } from "./sample/run.ts";
import { chromiumMissing } from "../test/support/browser.ts";
import { readReport, type Report } from "./test/report.ts";

/** For one test; those that start real servers wait for them, nothing else comes near. */
const TEST_TIMEOUT_MS = 60_000;
/** Most of the time of the tests of the built server is waiting. */
const PROCESSES = 2;
const REPORT = join(ROOT, ".build/test/junit.xml");

/** Each with the package that brings it. */
const PEERS: readonly (readonly [name: string, isThere: () => boolean, debian: string])[] = [
  ["nginx", () => Bun.which("nginx") !== null || existsSync("/usr/sbin/nginx"), "nginx-light"],
  ["pebble", () => Bun.which("pebble") !== null, "pebble"],
  ["nginx's stream module", () => existsSync("/usr/lib/nginx/modules/ngx_stream_module.so"), "libnginx-mod-stream"],
  ["haproxy", () => Bun.which("haproxy") !== null || existsSync("/usr/sbin/haproxy"), "haproxy"],
  ["uwsgi", () => Bun.which("uwsgi") !== null, "uwsgi-core"],
  ["uwsgi's python", () => existsSync("/usr/lib/uwsgi/plugins/python3_plugin.so"), "uwsgi-plugin-python3"],
  ["chromium", () => Bun.which("chromium") !== null, "chromium"],
  ["certutil", () => Bun.which("certutil") !== null, "libnss3-tools"],
  ["curl", () => Bun.which("curl") !== null, "curl"],
  ["uvicorn", () => imports("uvicorn"), "python3-uvicorn"],
  ["websockets", () => imports("websockets"), "python3-websockets"],
  ["daphne", () => imports("daphne"), "daphne"],
  ["prometheus_client", () => imports("prometheus_client"), "python3-prometheus-client"],
  ["jsonschema", () => imports("jsonschema"), "python3-jsonschema"],
  ["zsh", () => Bun.which("zsh") !== null, "zsh"],
  ["fish", () => Bun.which("fish") !== null, "fish"],
  ["mandoc", () => Bun.which("mandoc") !== null, "mandoc"],
  ["chromium", () => chromiumMissing() === undefined, "chromium"],
  ["tmux", () => Bun.which("tmux") !== null, "tmux"],
  ["systemd-analyze", () => Bun.which("systemd-analyze") !== null, "systemd"],
  ["tmux", () => Bun.which("tmux") !== null, "tmux"],
  ["flask", () => imports("flask"), "python3-flask"],
  ["debian's django", () => imports("django"), "python3-django"],
];

function imports(module: string): boolean {
  return run(["/usr/bin/python3", "-c", `import ${module}`]).code === 0;
}

function installPeers(): void {
  const missing = PEERS.filter(([, isThere]) => !isThere());
  if (missing.length === 0) return;
  const problem = installDebian(
    missing.map(([, , debian]) => debian),
    (line) => console.log(`test: ${line}`),
  );
  if (problem !== undefined) console.log(`test: without ${missing.map(([name]) => name).join(", ")}: ${problem}`);
}

/** True when it ended well. Its output is ours. */
function passes(name: string, command: readonly string[]): boolean {
  console.log(`test: ${name}`);
  const stdio = ["ignore", "inherit", "inherit"] as const;
  return Bun.spawnSync([...command], { cwd: ROOT, stdio: [...stdio] }).exitCode === 0;
}

function runTests(): Report {
  mkdirSync(join(REPORT, ".."), { recursive: true });
  // A report of an earlier run must not be taken for this one's.
  Bun.spawnSync(["rm", "-f", REPORT]);
  const bound = `--timeout=${TEST_TIMEOUT_MS}`;
  const reporter = ["--only-failures", "--reporter=junit", `--reporter-outfile=${REPORT}`];
  const parallel = [`--parallel=${PROCESSES}`, "--parallel-delay=0"];
  const ended = passes("all tests", [process.execPath, "test", "--no-orphans", bound, ...parallel, ...reporter]);
  const report = readReport(REPORT);
  // A file that cannot be loaded, or a crash of the runner, is no test that failed, and must not look like success.
  return ended || report.failed > 0 ? report : { ...report, failed: 1 };
}

function main(): number {
  installPeers();
  const broken = [
    passes("build", ["make", "--no-print-directory", "build"]),
    passes("check", [process.execPath, "scripts/check.ts"]),
  ].filter((good) => !good).length;
  const report = runTests();
  for (const name of report.skipped) console.log(`skipped: ${name}`);
  const ci = process.env["CI"] === "true";
  if (ci && report.skipped.length > 0) console.log("CI=true: a skipped test is a failure");
  const failed = broken + report.failed + (ci ? report.skipped.length : 0);
  console.log(`${report.passed} passed, ${failed} failed`);
  return failed === 0 && report.passed > 0 ? 0 : 1;
}

process.exit(main());
