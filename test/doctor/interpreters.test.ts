/** Interpreters of other users: `server doctor`, as root, starts them as the app's user, or says why that user cannot. */
import { afterAll, beforeAll, expect } from "bun:test";
import { chmodSync, mkdirSync, statSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { APPS } from "../../src/doctor/check-apps.ts";
import { STATIC } from "../../src/doctor/check-static.ts";
import { mend } from "../../src/doctor/doctor.ts";
import { examine } from "../../src/doctor/doctor.ts";
import { makeFolder, removeFolder, writeFiles } from "../support/folder.ts";
import { factsOf, findingsOf, linesOf, NOBODY, patientOf } from "../support/patient.ts";
import { testUnless } from "../support/skip.ts";

const PYTHON = "/usr/bin/python3";
const test = testUnless(process.geteuid?.() === 0 ? undefined : "only root starts it as another user");

let folder = "";
beforeAll(() => {
  folder = makeFolder("doctor-interpreters");
  writeFiles(folder, {
    "good.py": "application = lambda environ, start: []\n",
    "manage.py": "",
    "theirs/bin/python": `#!/bin/sh\n(id -u; id -G; grep CapEff /proc/self/status) >> ${folder}/theirs/seen\nexec ${PYTHON} "$@"\n`,
  });
  chmodSync(join(folder, "theirs/bin/python"), 0o755);
  Bun.spawnSync(["chown", "-R", "65534:65534", join(folder, "theirs")]);
});
afterAll(() => removeFolder(folder));

const ROUTES = `[[site]]\nnames = ["www.example.org"]\nlisten = ["127.0.0.1:8199"]\n[site.routes]\n"/" = { app = "x" }\n`;
const app = (wsgi: string, python = PYTHON) => `[app.x]\nwsgi = "${wsgi}"\npython = "${python}"\n${ROUTES}`;

test("an interpreter that its user may not execute, also behind a link", async () => {
  mkdirSync(join(folder, "closed"), { mode: 0o700 });
  symlinkSync(PYTHON, join(folder, "closed/python"));
  mkdirSync(join(folder, "open"));
  symlinkSync("../closed/python", join(folder, "open/python"));
  for (const name of ["closed/python", "open/python"]) {
    const [finding] = await findingsOf(APPS, patientOf(folder, app("good", name), { serving: NOBODY }));
    expect(finding).toMatchObject({
      verdict: "problem",
      says: `${folder}/${name} does not run: ${folder}/closed/python may not be executed by nobody: ${folder}/closed has mode 700, owner root:root`,
      remedy: expect.stringContaining("/usr/bin/python3 -m venv"),
    });
  }
});

test("one that others may write is never started as root", async () => {
  expect(await linesOf(APPS, patientOf(folder, app("good", "theirs/bin/python"), { serving: NOBODY }))).toEqual([
    expect.stringMatching(/^ok app x python/),
    expect.stringMatching(/^ok app x import/),
  ]);
  const seen = (await Bun.file(join(folder, "theirs/seen")).text()).trim().split("\n");
  expect(seen.length).toBe(6);
  expect(new Set(seen)).toEqual(new Set(["65534", `CapEff:\t${"0".repeat(16)}`]));
});

test("a root that its user may not enter does not keep the interpreter from being examined", async () => {
  mkdirSync(join(folder, "inner"), { mode: 0o700 });
  writeFiles(folder, { "inner/good.py": "application = lambda environ, start: []\n" });
  const [finding] = await findingsOf(APPS, patientOf(join(folder, "inner"), app("good"), { serving: NOBODY }));
  expect(finding).toMatchObject({ verdict: "ok", subject: "app x python" });
});

test("--fix does not collect with an interpreter of somebody else than the project's owner", async () => {
  mkdirSync(join(folder, "collected"));
  const toml = `${app("good", "theirs/bin/python")}"/static/" = { files = "collected/" }\n`;
  const apps = factsOf({ staticRoot: join(folder, "collected") });
  const patient = patientOf(folder, toml, { serving: NOBODY, apps });
  const before = statSync(join(folder, "theirs/seen"), { throwIfNoEntry: false })?.size;
  const mended = await mend(await Array.fromAsync(examine(patient, [STATIC])));
  expect(mended.map(({ failure }) => failure)).toEqual([
    `${folder}/theirs/bin/python is nobody's, who would have the rights of the project's owner`,
  ]);
  expect(statSync(join(folder, "theirs/seen"), { throwIfNoEntry: false })?.size).toBe(before);
});
