/**
 * Golden imports: each unit and file of test/cases/import/gunicorn with what it becomes, in a .golden beside it: the server.toml,
 * then the report. `@ROOT@` stands for the folder, into which all of it is copied. Every server.toml is one that `server check`
 * accepts. To write them anew after a change (and read the difference): GOLDEN=write bun test test/import/gunicorn.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { loadConfig } from "../../../src/config/load.ts";
import { formatProblems } from "../../../src/config/problems.ts";
import { isGunicorn, translateGunicorn } from "../../../src/import/gunicorn/translate.ts";
import { emptyPlan } from "../../../src/import/plan.ts";
import { countFindings, formatFindings, ImportReport } from "../../../src/import/report.ts";
import { SourceFile } from "../../../src/import/source.ts";
import { writePlan } from "../../../src/import/write.ts";
import { Authority, opensslMissing } from "../../support/certificates.ts";
import { makeFolder, removeFolder, ROOT, writeFiles } from "../../support/folder.ts";

const CASES = join(ROOT, "test/cases/import/gunicorn");
const files = readdirSync(CASES).filter((name) => /\.(service|socket|py)$/.test(name));
const names = files.filter((name) => !name.endsWith(".socket") && name !== "settings.py");

/** As long as it is always, wherever temporary files are: texts are aligned by it. */
let folder = "";
let outer = "";
const LENGTH = 64;

beforeAll(() => {
  outer = makeFolder("golden");
  folder = join(outer, "x".repeat(LENGTH - outer.length - "//www".length), "www");
  cpSync(CASES, folder, { recursive: true });
  for (const name of [...files, "parts/settings.py"])
    writeFileSync(join(folder, name), readFileSync(join(CASES, name), "utf8").replaceAll("@ROOT@", folder));
  writeFiles(folder, { "project/.venv/bin/python": "#!/bin/sh\n", "project/lib/.keep": "", "project/extra.yml": "" });
  chmodSync(join(folder, "project/.venv/bin/python"), 0o755);
  if (opensslMissing() === undefined) writeCertificate();
});

afterAll(() => removeFolder(outer));

/** Of https.service: the loader of configurations looks into them. */
function writeCertificate(): void {
  const made = new Authority(folder).make("site", { names: "DNS:localhost" });
  cpSync(made.pem, join(folder, "cert.pem"));
  cpSync(made.key, join(folder, "key.pem"));
}

interface Imported {
  readonly toml: string;
  readonly report: ImportReport;
}

function importCase(name: string, at = name): Imported {
  const file = new SourceFile(name, join(folder, at), readFileSync(join(folder, at), "utf8"));
  expect(isGunicorn(file)).toBe(true);
  const importing = { plan: emptyPlan(), report: new ImportReport(), environment: {} };
  translateGunicorn([file], importing, 4);
  return { toml: writePlan(importing.plan), report: importing.report };
}

function show({ toml, report }: Imported): string {
  const findings = report.findings;
  const text = `${toml}\n# report\n${formatFindings(findings, { colour: false })}${countFindings(findings)}\n`;
  return text.replaceAll(folder, "@ROOT@");
}

/** Of those that are not about this machine's users: not every test runs as root. */
function problemsOf(toml: string): string {
  const path = join(folder, "server.toml");
  writeFileSync(path, toml);
  const { problems } = loadConfig(path, {}, { cores: 4, ipv6: true });
  const real = problems.filter(({ severity, should }) => severity === "error" && !/as root/.test(should ?? ""));
  return formatProblems(real, { colour: false });
}

function expectGolden(name: string, imported: Imported): void {
  const golden = join(CASES, `${name}.golden`);
  const shown = show(imported);
  if (process.env["GOLDEN"] === "write") writeFileSync(golden, shown);
  expect(existsSync(golden)).toBe(true);
  expect(shown).toBe(readFileSync(golden, "utf8"));
}

describe("each unit becomes exactly what is written beside it", () => {
  test.each(names)("%s", (name) => expectGolden(name, importCase(name)));

  test("so does a file of settings alone", () => {
    expectGolden("settings.py", importCase("settings.py"));
  });
});

describe("what it becomes can be served", () => {
  test.each([...names, "settings.py"])("%s", (name) => {
    const { toml, report } = importCase(name);
    // Without openssl there is no certificate to look at.
    if (name === "https.service" && opensslMissing() !== undefined) return;
    const isBroken = report.findings.some(({ verdict }) => verdict === "error");
    const serves = /listen|uwsgi_socket/.test(toml);
    if (isBroken || !serves) expect(report.changesMeaning).toBe(true);
    else expect(problemsOf(toml)).toBe("");
  });
});
