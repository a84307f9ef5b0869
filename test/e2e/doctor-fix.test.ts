/** `server doctor --fix` on a project whose static files were never collected: their folder is not there. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { E2E_TIMEOUT_MS } from "../support/binary.ts";
import { AS, SetupStage } from "../support/setup-stage.ts";

setDefaultTimeout(E2E_TIMEOUT_MS);

const stage = new SetupStage();
const { startproject, server } = stage;

beforeAll(() => stage.begin());
afterAll(() => stage.end());

interface Report {
  readonly findings: readonly { check: string; verdict: string; says: string; fix: string | null }[];
  readonly mended: readonly { did: string; failure: string | null }[];
}

test("the folder of static files is made by collecting them, and the configuration can be used then", async () => {
  const folder = startproject("uncollected");
  const words = ["--yes", "--domain", "127.0.0.1", "--listen", stage.port, "--processes", "1", ...AS];
  await server(folder, "setup", ...words, "--lines", "add", "--start", "no");
  rmSync(join(folder, "staticfiles"), { recursive: true });
  const doctor = async (...more: string[]) => {
    const { stdout } = await server(folder, "doctor", "--json", ...more);
    return JSON.parse(stdout) as Report;
  };
  const before = await doctor();
  const about = before.findings.filter(({ says }) => says.includes("staticfiles"));
  expect(about.map(({ check, verdict, fix }) => [check, verdict, fix])).toEqual([
    ["configuration", "problem", null],
    ["static", "problem", "collects the static files"],
  ]);
  expect(about[1]?.says).toEndWith("staticfiles does not exist: they were not collected");
  const { mended, findings } = await doctor("--fix");
  expect(mended.map(({ did, failure }) => [did, failure])).toEqual([["collects the static files", null]]);
  expect(existsSync(join(folder, "staticfiles/admin/css/base.css"))).toBe(true);
  expect(findings.filter(({ says }) => says.includes("does not exist"))).toEqual([]);
  expect(findings[0]?.says).toEndWith("server.toml can be used");
});

test("beside a real mistake nothing is looked at, nor mended", async () => {
  const folder = join(stage.home, "uncollected");
  rmSync(join(folder, "staticfiles"), { recursive: true });
  const file = join(folder, "server.toml");
  writeFileSync(file, readFileSync(file, "utf8").replace('"shop.wsgi:application"', "7"));
  const { stdout } = await server(folder, "doctor", "--json", "--fix");
  const { mended, findings } = JSON.parse(stdout) as Report;
  expect([mended, findings.some(({ check }) => check === "static")]).toEqual([[], false]);
  expect(existsSync(join(folder, "staticfiles"))).toBe(false);
});
