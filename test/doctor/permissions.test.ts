/** May who serves reach what it serves, runs and writes: component by component. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { bitsAllow } from "../../src/doctor/access.ts";
import { PERMISSIONS } from "../../src/doctor/check-permissions.ts";
import { makeFolder, removeFolder, writeFiles } from "../support/folder.ts";
import { findingsOf, linesOf, NOBODY, patientOf } from "../support/patient.ts";
import { testUnless } from "../support/skip.ts";

const isRoot = process.geteuid?.() === 0;
const testAsRoot = testUnless(isRoot ? undefined : "only root may ask for others");
const never = () => Promise.resolve(undefined);

let folder = "";
beforeAll(() => {
  folder = makeFolder("doctor-permissions");
  writeFiles(folder, { "home/site/static/a.css": "a {}" });
});
afterAll(() => removeFolder(folder));

const STATIC_SITE = `[[site]]\nlisten = ["127.0.0.1:8199"]\n[site.routes]\n"/static/" = { files = "home/site/static/" }\n`;
const APP_AND_FILES = `[app.x]
root = "home"
wsgi = "shop.wsgi:application"
python = "/usr/bin/python3"
${STATIC_SITE}"/" = { app = "x" }
`;

describe("permissions", () => {
  test("the directory on the way that lets the user not through is named, with its remedy", async () => {
    const home = join(folder, "home");
    chmodSync(home, 0o700);
    const [finding] = await findingsOf(
      PERMISSIONS,
      patientOf(folder, STATIC_SITE, { serving: NOBODY, ground: { kernelAllows: never } }),
    );
    expect(finding).toMatchObject({ verdict: "problem", subject: join(home, "site/static") });
    expect(finding?.says).toMatch(
      new RegExp(`^the files of /static/: nobody may not enter it: ${home} has mode 700, owner \\w+:\\w+$`),
    );
    expect(finding?.remedy).toBe(`chmod o+x ${home}, or for this user alone: setfacl -m u:nobody:x ${home}`);
    chmodSync(home, 0o755);
    expect(await linesOf(PERMISSIONS, patientOf(folder, STATIC_SITE, { serving: NOBODY }))).toEqual([
      expect.stringMatching(/^(ok permissions: 2 paths can be reached by nobody|problem .*temporary files)/),
    ]);
  });

  testAsRoot("the kernel has the last word: lists of access may allow what the bits do not", async () => {
    const patient = patientOf(folder, STATIC_SITE, { serving: NOBODY });
    chmodSync(join(folder, "home"), 0o700);
    expect(await patient.ground.kernelAllows(NOBODY, join(folder, "home/site"), "search")).toBe(false);
    chmodSync(join(folder, "home"), 0o755);
    expect(await patient.ground.kernelAllows(NOBODY, join(folder, "home/site"), "search")).toBe(true);
    const allowed = patientOf(folder, STATIC_SITE, {
      serving: NOBODY,
      ground: { kernelAllows: () => Promise.resolve(true) },
    });
    chmodSync(join(folder, "home"), 0o700);
    expect(await linesOf(PERMISSIONS, allowed)).toEqual(["ok permissions: 2 paths can be reached by nobody"]);
    chmodSync(join(folder, "home"), 0o755);
  });

  test("one directory in the way of many is one problem; so is the module's own", async () => {
    const lines = () =>
      linesOf(PERMISSIONS, patientOf(folder, APP_AND_FILES, { serving: NOBODY, ground: { kernelAllows: never } }));
    writeFiles(folder, { "home/shop/wsgi.py": "" });
    chmodSync(join(folder, "home"), 0o700);
    expect((await lines()).filter((line) => line.includes("/home "))).toEqual([
      expect.stringMatching(
        /^problem \S+\/home: the files of \/static\/, the root of app x, the module of app x: nobody may not read it: \S+\/home has mode 700/,
      ),
    ]);
    chmodSync(join(folder, "home"), 0o755);
    chmodSync(join(folder, "home/shop"), 0o700);
    expect(await lines()).toContainEqual(
      expect.stringMatching(
        /\/home\/shop\/wsgi.py: the module of app x: nobody may not enter it: \S+\/home\/shop has mode 700/,
      ),
    );
    chmodSync(join(folder, "home/shop"), 0o755);
  });

  test("logs that the user may not write are named", async () => {
    mkdirSync(join(folder, "logs"), { recursive: true });
    const toml = `[server]\naccess_log = "logs/access.log"\n${STATIC_SITE}`;
    const lines = await linesOf(
      PERMISSIONS,
      patientOf(folder, toml, { serving: NOBODY, ground: { kernelAllows: never } }),
    );
    expect(lines).toContainEqual(
      expect.stringMatching(/^problem .*\/logs: logs: nobody may not write it: .*\/logs has mode 755/),
    );
  });

  test("what root opens before it becomes the user need not be the user's", async () => {
    const root = { uid: 0, gids: [0], name: "root" };
    const toml = `[server]\naccess_log = "logs/access.log"\n${STATIC_SITE}`;
    const patient = patientOf(folder, toml, { serving: NOBODY, starter: root, ground: { kernelAllows: never } });
    const lines = (await linesOf(PERMISSIONS, patient)).filter((line) => line.includes("/logs"));
    expect(lines).toEqual([expect.stringMatching(/^notice .*neither rotated nor begun anew$/)]);
  });

  test("of owner, group and others the first that fits decides", () => {
    const file = { kind: "file", mode: 0o075, uid: 5, gid: 7 } as const;
    expect(bitsAllow(file, { uid: 5, gids: [7], name: "" }, "read")).toBe(false);
    expect(bitsAllow(file, { uid: 6, gids: [8, 7], name: "" }, "write")).toBe(true);
    expect(bitsAllow(file, { uid: 6, gids: [8], name: "" }, "write")).toBe(false);
    expect(bitsAllow(file, { uid: 0, gids: [0], name: "" }, "write")).toBe(true);
  });
});
