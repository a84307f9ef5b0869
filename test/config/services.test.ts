/** Services and timed commands: how commands are split, what they inherit from an app, as whom they run. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { splitWords } from "../../src/config/command-kinds.ts";
import { loadConfig } from "../../src/config/load.ts";
import { formatProblems } from "../../src/config/problems.ts";
import { makeFolder, removeFolder } from "../support/folder.ts";

let folder = "";

beforeAll(() => {
  folder = makeFolder("services");
  for (const name of ["bin/python3", "bin/tool", "venv/bin/python", "venv/bin/celery", "project/run.sh"]) {
    mkdirSync(join(folder, name, ".."), { recursive: true });
    writeFileSync(join(folder, name), "#!/bin/sh\n");
    chmodSync(join(folder, name), 0o755);
  }
  writeFileSync(join(folder, "venv/pyvenv.cfg"), "");
  writeFileSync(join(folder, "project/site_app.py"), "");
});

afterAll(() => removeFolder(folder));

const APP = (keys = "") =>
  `[app.own]\nroot = "project"\nwsgi = "site_app"\npython = "venv"\nenv = { A = "app", B = "app" }\n${keys}\n`;
const SITE = '[[site]]\nlisten = [8000]\n[site.routes]\n"/" = { respond = "x" }\n"/a/" = { app = "own" }\n';

function load(tables: string, app = APP()) {
  const file = join(folder, "server.toml");
  writeFileSync(file, app + tables + SITE);
  const environment = { PATH: join(folder, "bin"), TMPDIR: folder };
  const { config, problems } = loadConfig(file, environment, { cores: 1, ipv6: false });
  if (config === undefined) throw new Error(formatProblems(problems, { colour: false }));
  return config;
}

describe("words of a command", () => {
  const cases: readonly (readonly [text: string, words: readonly string[] | undefined])[] = [
    ["celery -A mysite  worker", ["celery", "-A", "mysite", "worker"]],
    ["  a\tb\n", ["a", "b"]],
    [`a 'b c' "d e" f\\ g`, ["a", "b c", "d e", "f g"]],
    [`--x='1 2'"3"4`, ["--x=1 234"]],
    [`a "" ''`, ["a", "", ""]],
    [`"a\\"b\\\\c\\d"`, ['a"b\\c\\d']],
    [`'a\\b'`, ["a\\b"]],
    ["$HOME *.py ; x | y > z", ["$HOME", "*.py", ";", "x", "|", "y", ">", "z"]],
    ["ä 日本", ["ä", "日本"]],
    ["", []],
    ["a 'b", undefined],
    ['a "b\\"', undefined],
    ["a\\", undefined],
  ];
  test.each(cases)("%p", (text, words) => {
    expect(splitWords(text)).toEqual(words as string[]);
  });
});

describe("what it inherits", () => {
  test("of an app: folder, environment, virtualenv; its own come before", () => {
    const { services } = load('[service.c]\napp = "own"\ncommand = "celery worker"\nenv = { B = "service" }\n');
    expect(services[0]).toMatchObject({
      program: join(folder, "venv/bin/celery"),
      words: ["celery", "worker"],
      cwd: join(folder, "project"),
      env: { A: "app", B: "service", VIRTUAL_ENV: join(folder, "venv"), PYTHONUNBUFFERED: "1" },
    });
    expect(services[0]?.env["PATH"]).toBe(`${join(folder, "venv/bin")}:${join(folder, "bin")}`);
  });

  test("python is the app's; a path is looked for in its folder; what the virtualenv lacks, on PATH", () => {
    const { services } = load(
      ["python x.py", "./run.sh", "tool"].map((c, i) => `[service.s${i}]\napp = "own"\ncommand = "${c}"\n`).join(""),
    );
    const programs = ["venv/bin/python", "project/run.sh", "bin/tool"].map((name) => join(folder, name));
    expect(services.map(({ program }) => program)).toEqual(programs);
  });

  test("without an app: the folder of the file and nothing of a virtualenv", () => {
    const { services } = load('[service.t]\ncommand = ["tool"]\n');
    expect(services[0]).toMatchObject({ cwd: folder, env: { PATH: join(folder, "bin") } });
    expect(services[0]?.env["VIRTUAL_ENV"]).toBeUndefined();
  });

  test("the umask of the app, unless it has its own", () => {
    const { services } = load(
      '[service.a]\napp = "own"\ncommand = "tool"\n[service.b]\napp = "own"\ncommand = "tool"\numask = "077"\n',
      APP('umask = "027"'),
    );
    expect(services.map(({ umask }) => umask)).toEqual([0o027, 0o077]);
  });
});

describe("as whom", () => {
  const isRoot = process.getuid?.() === 0;

  test("root may name a user: his number, group and groups are looked up; others are told that they may not", () => {
    const table = '[service.u]\ncommand = "tool"\nuser = "65534"\ngroup = "1"\n';
    if (isRoot) expect(load(table).services[0]?.user).toMatchObject({ uid: 65534, gid: 1, groups: [1] });
    else expect(() => load(table)).toThrow("needs root");
  });

  test("the user of the app", () => {
    const own = String(process.getuid?.() ?? 0);
    const { services } = load('[service.u]\napp = "own"\ncommand = "tool"\n', APP(`user = "${own}"`));
    if (isRoot) expect(services[0]?.user).toMatchObject({ uid: 0, gid: 0 });
    else expect(services[0]?.user).toBeUndefined();
  });
});
