/**
 * Golden imports: each file of test/cases/import/uwsgi with what it becomes, in a .golden beside it: the server.toml, then
 * the report. `@ROOT@` stands for the folder, into which all of it is copied. Every server.toml is one that `server check`
 * accepts. To write them anew after a change (and read the difference): GOLDEN=write bun test test/import/uwsgi.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { cpSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { loadConfig } from "../../../src/config/load.ts";
import { formatProblems } from "../../../src/config/problems.ts";
import { emptyPlan } from "../../../src/import/plan.ts";
import { countFindings, formatFindings, ImportReport } from "../../../src/import/report.ts";
import { SourceFile } from "../../../src/import/source.ts";
import { thisSurroundings } from "../../../src/import/uwsgi/surroundings.ts";
import { isUwsgi, translateUwsgi } from "../../../src/import/uwsgi/translate.ts";
import { writePlan } from "../../../src/import/write.ts";
import { Authority, opensslMissing } from "../../support/certificates.ts";
import { makeFolder, removeFolder, ROOT } from "../../support/folder.ts";

const CASES = join(ROOT, "test/cases/import/uwsgi");
const names = readdirSync(CASES).filter((name) => !name.endsWith(".golden") && statSync(join(CASES, name)).isFile());

/** What the references of environment.ini and run.sh are filled in with. */
const ENVIRONMENT = {
  PATH: process.env["PATH"],
  STAGE: "production",
  PORT: "3999",
  WORKERS: "3",
  MAX_MB: "300",
  TIMEOUT: "45",
  SECRET_KEY: "s",
  LOG_DIR: "/tmp",
};

/** As long as it is always, wherever temporary files are: texts are aligned by it. */
let folder = "";
let outer = "";
const LENGTH = 64;

beforeAll(() => {
  outer = makeFolder("golden");
  folder = join(outer, "x".repeat(LENGTH - outer.length - "//www".length), "www");
  cpSync(CASES, folder, { recursive: true });
  if (opensslMissing() === undefined) writeCertificate();
  for (const name of [...names, "parts/common.ini"]) writeFileSync(join(folder, name), inFolder(name));
});

afterAll(() => removeFolder(outer));

/** Of https.ini: the loader of configurations looks into them. */
function writeCertificate(): void {
  const made = new Authority(folder).make("site", { names: "DNS:localhost" });
  cpSync(made.pem, join(folder, "cert.pem"));
  cpSync(made.key, join(folder, "key.pem"));
}

function inFolder(name: string): string {
  return readFileSync(join(CASES, name), "utf8").replaceAll("@ROOT@", folder);
}

interface Imported {
  readonly toml: string;
  readonly report: ImportReport;
}

function importCase(name: string): Imported {
  const file = new SourceFile(name, join(folder, name), inFolder(name));
  const importing = { plan: emptyPlan(), report: new ImportReport(), environment: ENVIRONMENT };
  translateUwsgi(file, importing, (process, run) => ({
    ...thisSurroundings(process, run),
    cores: 4,
    hostname: "web1",
    user: { id: 1000, name: "someone" },
    hasProgram: () => true,
  }));
  return { toml: writePlan(importing.plan), report: importing.report };
}

function show({ toml, report }: Imported): string {
  const findings = report.findings;
  const text = `${toml}\n# report\n${formatFindings(findings, { colour: false })}${countFindings(findings)}\n`;
  return text.replaceAll(folder, "@ROOT@");
}

/** Of those that are not about this machine's user: not every test runs as root. */
function problemsOf(toml: string): string {
  const path = join(folder, "server.toml");
  writeFileSync(path, toml);
  const { problems } = loadConfig(path, ENVIRONMENT, { cores: 4, ipv6: true });
  const real = problems.filter(({ severity, should }) => severity === "error" && !/as root/.test(should ?? ""));
  return formatProblems(real, { colour: false });
}

describe("each file becomes exactly what is written beside it", () => {
  test.each(names)("%s", (name) => {
    const golden = join(CASES, `${name}.golden`);
    const shown = show(importCase(name));
    if (process.env["GOLDEN"] === "write") writeFileSync(golden, shown);
    expect(existsSync(golden)).toBe(true);
    expect(shown).toBe(readFileSync(golden, "utf8"));
  });
});

describe("what it becomes can be served", () => {
  test.each(names)("%s", (name) => {
    const { toml, report } = importCase(name);
    // Without openssl there is no certificate to look at.
    if (name === "https.ini" && opensslMissing() !== undefined) return;
    const isBroken = report.findings.some(({ verdict }) => verdict === "error");
    // What has no address of those that are spoken here serves nothing.
    const serves = /^listen|uwsgi_socket/m.test(toml);
    if (isBroken || !serves) expect(report.changesMeaning).toBe(true);
    else expect(problemsOf(toml)).toBe("");
  });
});

test("a file is known for uWSGI's by its name, its section or the command in it", () => {
  for (const name of names)
    expect([name, isUwsgi(new SourceFile(name, join(folder, name), inFolder(name)))]).toEqual([name, true]);
  const others = {
    "nginx.conf": "server { location / { uwsgi_pass unix:/run/uwsgi.sock; } }",
    "x.conf": "# uwsgi --ini x",
  };
  for (const [name, text] of Object.entries(others))
    expect(isUwsgi(new SourceFile(name, `/x/${name}`, text))).toBe(false);
});
