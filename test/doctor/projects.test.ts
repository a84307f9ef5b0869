/** Checks of projects, each with its fault: interpreter, import, static files, ALLOWED_HOSTS; and of the configuration. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { loadTranslated } from "../../src/config/load.ts";
import { APPS } from "../../src/doctor/check-apps.ts";
import { HOSTS } from "../../src/doctor/check-hosts.ts";
import { STATIC } from "../../src/doctor/check-static.ts";
import { WRITTEN } from "../../src/doctor/check-written.ts";
import { configurationFindings, examine, mend, withReasons } from "../../src/doctor/doctor.ts";
import { ok, problem } from "../../src/doctor/finding.ts";
import { requestFor } from "../../src/doctor/request.ts";
import type { Asked } from "../../src/doctor/ground.ts";
import type { RunningApp } from "../../src/doctor/patient.ts";
import { prepareSample } from "../support/django.ts";
import { makeFolder, removeFolder, writeFiles } from "../support/folder.ts";
import { factsOf, findingsOf, linesOf, NOBODY, patientOf } from "../support/patient.ts";
import { testUnless } from "../support/skip.ts";

const PYTHON = "/usr/bin/python3";
const isRoot = process.geteuid?.() === 0;

let folder = "";
beforeAll(() => {
  folder = makeFolder("doctor-projects");
  writeFiles(folder, {
    "good.py": "application = lambda environ, start: []\n",
    "missing.py": "import no_such_module\n",
    "reads.py": "open('secret').read()\napplication = print\n",
    secret: "x",
    "ends.py": "import os\nos._exit(3)\n",
    "old/python": `#!/bin/sh\necho '{"version": "3.6.9", "django": null, "modules": []}' >&3\n`,
    "broken/python": "#!/bin/sh\necho 'no module named encodings' >&2\nexit 3\n",
    "static/a.css": "a {}",
  });
  mkdirSync(join(folder, "empty"));
  for (const name of ["old/python", "broken/python"]) chmodSync(join(folder, name), 0o755);
});
afterAll(() => removeFolder(folder));

const ROUTES = `[[site]]\nnames = ["www.example.org"]\nlisten = ["127.0.0.1:8199"]\n[site.routes]\n"/" = { app = "x" }\n`;
const app = (wsgi: string, python = PYTHON) => `[app.x]\nwsgi = "${wsgi}"\npython = "${python}"\n${ROUTES}`;

describe("apps", () => {
  const lines = async (toml: string) => linesOf(APPS, patientOf(folder, toml));

  test("one that can be imported is well, and its size is known", async () => {
    const patient = patientOf(folder, app("good"));
    expect(await linesOf(APPS, patient)).toEqual([
      expect.stringMatching(/^ok app x python: Python 3\.\d+\.\d+/),
      expect.stringMatching(/^ok app x import: it can be imported, \d+ MiB$/),
    ]);
    expect(patient.apps[0]?.rssBytes).toBeGreaterThan(1_000_000);
  });

  test("an interpreter that does not run, and one that is too old", async () => {
    expect(await lines(app("good", "broken/python"))).toEqual([
      expect.stringMatching(
        /^problem app x python: .*broken\/python does not run: status 3: no module named encodings$/,
      ),
    ]);
    expect(await lines(app("good", "old/python"))).toEqual([
      expect.stringMatching(/^problem app x python: .* is Python 3\.6\.9$/),
    ]);
  });

  test("a module that is missing, with the way to install it and the end of the traceback", async () => {
    const [, finding] = await findingsOf(APPS, patientOf(folder, app("missing")));
    expect(finding).toMatchObject({
      verdict: "problem",
      says: "it cannot be imported: ModuleNotFoundError: No module named 'no_such_module'",
      remedy: expect.stringContaining(`${PYTHON} -m pip install no_such_module`),
    });
    expect(finding?.lines.join("\n")).toContain('missing.py", line 1');
    expect(await lines(app("ends"))).toContainEqual(
      expect.stringMatching(/^problem app x import: it cannot be imported/),
    );
  });

  testUnless(isRoot ? undefined : "only root imports as another user")("what its own user may not read", async () => {
    chmodSync(join(folder, "secret"), 0o600);
    const patient = patientOf(folder, app("reads"), { serving: NOBODY });
    expect(await linesOf(APPS, patient)).toContainEqual(
      expect.stringMatching(/^problem app x import: it cannot be imported: PermissionError: .*'secret'/),
    );
  });

  testUnless(isRoot ? undefined : "only root imports as another user")(
    "a library that its user may not read",
    async () => {
      const library = Bun.spawnSync([PYTHON, "-c", "import os; print(os.path.dirname(os.__file__), end='')"]).stdout;
      const home = join(folder, "private");
      mkdirSync(join(home, "lib"), { recursive: true, mode: 0o700 });
      symlinkSync(library.toString(), join(home, "lib", basename(library.toString())));
      const toml = app("good").replace("[[site]]", `env = { PYTHONHOME = "${home}" }\n[[site]]`);
      const [, finding] = await findingsOf(APPS, patientOf(folder, toml, { serving: NOBODY }));
      expect(finding?.says).toEndWith(`may not be read by nobody: ${home} has mode 700, owner root:root`);
      expect(finding).toMatchObject({
        verdict: "problem",
        says: expect.stringMatching(/its own library, .*private\/lib\/python3\.\d+, may not be read/),
        remedy: expect.stringContaining("/usr/bin/python3 -m venv"),
      });
    },
  );

  testUnless(isRoot ? undefined : "only root is refused")("one that would be root is not started", async () => {
    const toml = app("good").replace("127.0.0.1:", "0.0.0.0:");
    const patient = patientOf(folder, toml, { serving: { uid: 0, gids: [0], name: "root" }, environment: {} });
    expect(await linesOf(APPS, patient)).toEqual([
      "problem app x user: its Python would be root, so it is not started",
    ]);
  });

  test("workers that end as soon as they start, and a reload that failed", async () => {
    const state = (more: Partial<RunningApp>) => {
      const one = { name: "x", ready: 2, rssBytes: [], crashLoop: undefined, reloadFailure: undefined, ...more };
      const running = { pid: 1, version: "", state: "serving", uptimeMs: 0, apps: [one] };
      return findingsOf(
        APPS,
        patientOf(folder, `${app("good").replace("[[site]]", "processes = 2\n[[site]]")}`, { running }),
      );
    };
    expect((await state({})).at(-1)).toMatchObject({ verdict: "ok", says: "2 ready" });
    expect((await state({ crashLoop: "Traceback\nKeyError: 'X'" })).at(-1)).toMatchObject({
      verdict: "problem",
      says: "they end as soon as they start",
      lines: ["Traceback", "KeyError: 'X'"],
    });
    expect((await state({ reloadFailure: "SyntaxError" })).at(-1)).toMatchObject({
      verdict: "problem",
      lines: ["SyntaxError"],
    });
    expect((await state({ ready: 1 })).at(-1)).toMatchObject({ verdict: "problem", says: "1 of 2 are ready" });
  });
});

describe("static files", () => {
  const site = (routes: string) =>
    `[app.x]\nwsgi = "good"\npython = "${PYTHON}"\n[[site]]\nlisten = ["127.0.0.1:8199"]\n[site.routes]\n"/" = { app = "x" }\n${routes}`;
  const root = () => join(folder, "static");

  test("no STATIC_ROOT, no route, a route that leads elsewhere, nothing collected", async () => {
    const judged = (routes: string, staticRoot: string | undefined) =>
      linesOf(STATIC, patientOf(folder, site(routes), { apps: factsOf({ staticRoot }) }));
    expect(await judged("", undefined)).toEqual([
      "problem static files of app x: STATIC_ROOT is not set, so there is nowhere to collect them",
    ]);
    expect(await judged("", root())).toEqual([
      "problem static files of app x: site default has no route for STATIC_URL, /static/, so Django answers 404",
    ]);
    expect(await judged(`"/static/" = { files = "empty/" }`, root())).toContainEqual(
      `problem static files of app x: /static/ of site default leads to ${join(folder, "empty")}, but STATIC_ROOT is ${root()}`,
    );
    expect(await judged(`"/static/" = { files = "empty/" }`, join(folder, "empty"))).toContainEqual(
      `problem static files of app x: ${join(folder, "empty")} is empty: they were not collected`,
    );
    expect(await judged(`"/static/" = { files = "static/" }`, root())).toEqual([
      `ok static files of app x: collected in ${root()}`,
    ]);
  });

  test("one of several directories is STATIC_ROOT", async () => {
    const judged = (files: string) =>
      linesOf(
        STATIC,
        patientOf(folder, site(`"/static/" = { files = ${files} }`), { apps: factsOf({ staticRoot: root() }) }),
      );
    expect(await judged('["empty/", "static/"]')).toEqual([`ok static files of app x: collected in ${root()}`]);
    expect(await judged('["empty/", "old/"]')).toContainEqual(
      `problem static files of app x: /static/ of site default leads to ${join(folder, "empty")} and ${join(folder, "old")}, but STATIC_ROOT is ${root()}`,
    );
  });

  test("uploads that are not there yet are no matter", async () => {
    const routes = `"/static/" = { files = "static/" }\n"/media/" = { files = "empty/" }`;
    const judged = (mediaRoot: string | undefined) =>
      linesOf(STATIC, patientOf(folder, site(routes), { apps: factsOf({ staticRoot: root(), mediaRoot }) }));
    expect(await judged(undefined)).toContainEqual(
      expect.stringMatching(/^notice files of \/media\/ .* has no files$/),
    );
    expect((await judged(join(folder, "empty"))).filter((line) => line.includes("/media/"))).toEqual([]);
  });

  test("WhiteNoise and the finders of development need no route", async () => {
    const whitenoise = factsOf({ middleware: ["whitenoise.middleware.WhiteNoiseMiddleware"] });
    expect(await linesOf(STATIC, patientOf(folder, site(""), { apps: whitenoise }))).toEqual([
      expect.stringMatching(/^ok static files of app x: WhiteNoise/),
    ]);
    const finders = site("").replace("[[site]]", "static_finders = true\n[[site]]");
    expect(await linesOf(STATIC, patientOf(folder, finders, { apps: factsOf({}) }))).toEqual([]);
  });

  test("a running server is asked for one of them", async () => {
    const running = { pid: 1, version: "", state: "serving", uptimeMs: 0, apps: [] };
    const asked: Asked[] = [];
    const answered = (answer: number | string) => {
      const get = (request: Asked) => {
        asked.push(request);
        return Promise.resolve(answer);
      };
      return linesOf(
        STATIC,
        patientOf(folder, site(`"/static/" = { files = "static/" }`), { running, ground: { get } }),
      );
    };
    expect(await answered(200)).toEqual(["ok files of /static/ (default): /static/a.css is answered 200"]);
    expect(await answered(404)).toEqual([
      "problem files of /static/ (default): http://127.0.0.1:8199/static/a.css is answered 404",
    ]);
    expect(await answered("ECONNREFUSED")).toEqual([
      "problem files of /static/ (default): http://127.0.0.1:8199/static/a.css gets no answer: ECONNREFUSED",
    ]);
    expect(asked[0]).toEqual({ url: "http://127.0.0.1:8199/static/a.css", host: "127.0.0.1:8199", socket: undefined });
  });

  test("a request goes where the site listens, by the name that it has", () => {
    const of = (lines: string) => {
      const toml = `[[site]]\n${lines}\n[site.routes]\n"/" = { respond = "x" }\n`;
      const { config } = loadTranslated(join(folder, "server.toml"), toml, {});
      const [first] = config?.sites ?? [];
      return first === undefined ? undefined : requestFor(first, "/x");
    };
    expect(of(`names = ["a.test"]\nlisten = ["0.0.0.0:81"]`)).toEqual({
      url: "http://127.0.0.1:81/x",
      host: "a.test",
      socket: undefined,
    });
    expect(of(`names = ["a.test"]\nlisten = [80, 443]\ntls = "internal"`)).toMatchObject({
      url: "https://127.0.0.1:443/x",
      host: "a.test",
    });
    expect(of(`listen = ["unix:${folder}/x.sock"]`)).toEqual({
      url: "http://localhost/x",
      host: "localhost",
      socket: `${folder}/x.sock`,
    });
    expect(of(`names = ["*.a.test"]\nlisten = [81]`)).toBeUndefined();
  });
});

describe("what projects write", () => {
  const settings = (name: string) => ({
    databases: [{ alias: "default", engine: "django.db.backends.sqlite3", name }],
    mediaRoot: join(folder, "media"),
  });
  const written = (name: string) => {
    const patient = patientOf(folder, app("good"), { apps: factsOf(settings(name)), serving: NOBODY });
    return findingsOf(WRITTEN, { ...patient, ground: { ...patient.ground, kernelAllows: async () => undefined } });
  };

  test("a database in the project's folder is to be moved, one in a folder of its own given away; uploads", async () => {
    chmodSync(folder, 0o755);
    writeFiles(folder, { "db.sqlite3": "", "data/db.sqlite3": "", "media/a.jpg": "" });
    const [beside] = await written(join(folder, "db.sqlite3"));
    expect(beside?.verdict).toBe("problem");
    expect(beside?.says).toContain("SQLite writes a journal beside it, so nobody must be able to write db.sqlite3");
    expect(beside?.remedy).toContain(`whoever may write in ${folder} may replace the code`);
    expect(beside?.remedy).toContain(`mv ${folder}/db.sqlite3 ${folder}/database/db.sqlite3`);
    expect(beside?.remedy).not.toContain(`chown nobody: ${folder} `);
    const [apart, uploads] = await written(join(folder, "data/db.sqlite3"));
    expect(apart?.remedy).toBe(`chown nobody: ${folder}/data ${folder}/data/db.sqlite3`);
    expect(uploads?.says).toContain("nobody may not write in MEDIA_ROOT");
    for (const name of ["data", "data/db.sqlite3", "media"]) chmodSync(join(folder, name), 0o777);
    expect((await written(join(folder, "data/db.sqlite3"))).map(({ verdict }) => verdict)).toEqual(["ok", "ok"]);
  });
});

describe("ALLOWED_HOSTS", () => {
  const judged = (names: readonly string[], allowedHosts: readonly string[], debug = false) => {
    const toml = app("good").replace('["www.example.org"]', JSON.stringify(names));
    return linesOf(HOSTS, patientOf(folder, toml, { apps: factsOf({ allowedHosts, debug }) }));
  };

  test("names of sites that Django refuses", async () => {
    expect(await judged(["www.example.org", "example.org"], ["www.example.org"])).toEqual([
      "problem ALLOWED_HOSTS of app x: does not have example.org of site www.example.org: Django answers 400 there",
    ]);
    expect(await judged(["www.example.org", "example.org", "*.example.org"], [".example.org"])).toEqual([
      "ok ALLOWED_HOSTS of app x: has all names of site www.example.org",
    ]);
    expect(await judged(["*.example.org"], ["example.org"])).toEqual([expect.stringMatching(/^problem/)]);
    expect(await judged([], [])).toEqual([
      "problem ALLOWED_HOSTS of app x: it is empty, so Django answers 400 to everything",
    ]);
    expect(await judged(["x.test"], ["*"])).toEqual([expect.stringMatching(/^ok/)]);
  });

  test("DEBUG on an address that others reach", async () => {
    const toml = app("good").replace("127.0.0.1:8199", "0.0.0.0:8199");
    const facts = factsOf({ allowedHosts: ["*"], debug: true });
    expect(await linesOf(HOSTS, patientOf(folder, toml, { apps: facts }))).toContainEqual(
      expect.stringMatching(/^problem DEBUG of app x: is on/),
    );
    expect(await judged(["x.test"], ["*"], true)).toHaveLength(1);
  });
});

const sample = prepareSample();
testUnless("missing" in sample ? sample.missing : undefined)("a real Django project: collected by --fix", async () => {
  const python = "missing" in sample ? "" : sample.django.python;
  const project = makeFolder("doctor-django");
  try {
    Bun.spawnSync([python, "-m", "django", "startproject", "shop", "."], { cwd: project });
    const settings = join(project, "shop/settings.py");
    writeFileSync(settings, `${await Bun.file(settings).text()}\nSTATIC_ROOT = BASE_DIR / "collected"\n`);
    mkdirSync(join(project, "collected"));
    const toml = `[app.shop]\nwsgi = "shop.wsgi"\npython = "${python}"\n[[site]]\nnames = ["www.example.org"]\nlisten = ["127.0.0.1:8199"]\n[site.routes]\n"/" = { app = "shop" }\n"/static/" = { files = "collected/" }\n`;
    const findings = await Array.fromAsync(examine(patientOf(project, toml), [APPS, STATIC, HOSTS]));
    const lines = findings.map(({ verdict, subject, says }) => `${verdict} ${subject}: ${says}`);
    expect(lines).toContain(
      `problem static files of app shop: ${join(project, "collected")} is empty: they were not collected`,
    );
    expect(lines).toContainEqual(
      expect.stringMatching(/^problem ALLOWED_HOSTS of app shop: does not have www\.example\.org/),
    );
    const mended = await mend(findings);
    expect(mended.map(({ finding, failure }) => [finding.fix?.does, failure])).toEqual([
      ["collects the static files", undefined],
    ]);
    const again = await Array.fromAsync(examine(patientOf(project, toml), [APPS, STATIC]));
    expect(again.filter(({ check, verdict }) => check === "static" && verdict !== "ok")).toEqual([]);
  } finally {
    rmSync(project, { recursive: true });
  }
});

// A virtualenv may stand on an interpreter in root's home.
const hasDjango = Bun.spawnSync([PYTHON, "-c", "import django"]).exitCode === 0;
const cannotBeAnother = isRoot ? undefined : "only root becomes another user";
testUnless(hasDjango ? cannotBeAnother : "python3-django is not installed")(
  "no line of a project is run by root, which is another user's",
  async () => {
    const project = makeFolder("doctor-owner");
    try {
      const who = 'import os\nwith open(BASE_DIR / "seen", "a") as seen: print(os.getuid(), file=seen)\n';
      Bun.spawnSync([PYTHON, "-m", "django", "startproject", "shop", "."], { cwd: project });
      const settings = join(project, "shop/settings.py");
      writeFileSync(settings, `${await Bun.file(settings).text()}\nSTATIC_ROOT = BASE_DIR / "collected"\n${who}`);
      mkdirSync(join(project, "collected"));
      Bun.spawnSync(["chown", "-R", "65534:65534", project]);
      chmodSync(project, 0o755);
      const toml = `[app.shop]\nwsgi = "shop.wsgi"\npython = "${PYTHON}"\n[[site]]\nlisten = ["127.0.0.1:8199"]\n[site.routes]\n"/" = { app = "shop" }\n"/static/" = { files = "collected/" }\n`;
      const patient = patientOf(project, toml, { serving: NOBODY });
      const mended = await mend(await Array.fromAsync(examine(patient, [APPS, STATIC])));
      expect(mended.map(({ failure }) => failure ?? "mended")).toEqual(["mended"]);
      const seen = (await Bun.file(join(project, "seen")).text()).trim().split("\n");
      expect(seen.length).toBeGreaterThan(2);
      expect(new Set(seen)).toEqual(new Set(["65534"]));
      expect(statSync(join(project, "collected/admin")).uid).toBe(65534);
    } finally {
      rmSync(project, { recursive: true });
    }
  },
);

test("a check that breaks is a finding, and the others go on", async () => {
  const broken = {
    name: "broken",
    run: () => {
      throw new Error("by the test");
    },
  };
  const fine = { name: "fine", run: () => [ok("x", "well")] };
  const found = await Array.fromAsync(examine(patientOf(folder, app("good")), [broken, fine]));
  expect(found.map(({ check, verdict }) => `${check} ${verdict}`)).toEqual(["broken problem", "fine ok"]);
  expect(found[0]?.says).toContain("by the test");
});

test("mistakes of the configuration are findings with what it should be", () => {
  const { problems } = loadTranslated(
    join(folder, "x.toml"),
    "[server]\nfrontz = 1\nlog_level = 'loud'\n[[site]]\n[site.routes]\n'/' = { respond = 'x' }\n",
    {},
  );
  const found = configurationFindings(problems);
  expect(found[0]).toMatchObject({ verdict: "problem", check: "configuration", remedy: 'did you mean "fronts"?' });
  expect(found[1]?.remedy).toStartWith("should be one of");
});

test("a path that the loader cannot reach: the directory that refuses, and the way to mend it", async () => {
  const home = join(folder, "home");
  writeFiles(folder, { "home/site/a.css": "" });
  chmodSync(home, 0o750);
  const what = `names ${home}/site, which user nobody may not reach`;
  const place = { severity: "error" as const, file: "server.toml", line: 3, column: 1, key: "site.routes./.files" };
  const problems = [
    { ...place, what, should: "should be an existing directory", suggestion: undefined, frame: undefined },
  ];
  const { ground } = patientOf(folder, app("good"), { ground: { kernelAllows: () => Promise.resolve(undefined) } });
  const [finding] = await withReasons(configurationFindings(problems), ground, NOBODY);
  expect(finding?.says).toMatch(new RegExp(`which user nobody may not reach: ${home} has mode 750, owner \\S+$`));
  expect(finding?.remedy).toStartWith(`chmod o+x ${home}, or`);
});

test("what cannot be mended says why", async () => {
  const fix = { does: "tries", run: () => Promise.resolve("no") };
  const finding = { ...problem("x", "bad", "mend it", { fix }), check: "x" };
  expect((await mend([finding, { ...ok("y", "well"), check: "y" }])).map(({ failure }) => failure)).toEqual(["no"]);
});
