/** Which interpreter an app gets, and where its modules are looked for: config/python.ts and config/wsgi.ts, through a file. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { loadConfig } from "../../src/config/load.ts";
import { formatProblems } from "../../src/config/problems.ts";
import { makeFolder, removeFolder } from "../support/folder.ts";

let folder = "";
let serial = 0;

beforeAll(() => {
  folder = makeFolder("python");
  executable("bin/python3");
  executable("bin/python3.12");
});

afterAll(() => removeFolder(folder));

function executable(path: string): void {
  write(path, "#!/bin/sh\n");
  chmodSync(join(folder, path), 0o755);
}

function write(path: string, content: string): void {
  mkdirSync(join(folder, path, ".."), { recursive: true });
  writeFileSync(join(folder, path), content);
}

function load(content: string) {
  const file = `server${serial++}.toml`;
  write(file, content);
  return loadConfig(join(folder, file), { PATH: join(folder, "bin"), TMPDIR: folder }, { cores: 4, ipv6: true });
}

/** One line per problem without the file's name. */
function problemsOf(content: string): string[] {
  const problems = load(content).problems.map((problem) => ({ ...problem, file: "F" }));
  return formatProblems(problems, { colour: false }).split("\n").filter(Boolean);
}

describe("the interpreter", () => {
  const app = (extra: string, root = "p") =>
    `[app.x]\nroot = "${root}"\nwsgi = "m"\nuwsgi_socket = "unix:/tmp/x.sock"\n${extra}`;
  const pythonOf = (toml: string) => load(toml).config?.apps[0]?.python?.replace(folder, "");

  beforeAll(() => {
    for (const root of ["p", "q", "r/src", "s"]) write(`${root}/m.py`, "");
    executable("q/venv/bin/python");
    executable("r/.venv/bin/python");
    executable("q/other/bin/python3");
    mkdirSync(join(folder, "s/.venv/bin"), { recursive: true });
    symlinkSync("/nonexistent", join(folder, "s/.venv/bin/python"));
  });

  test.each([
    ["nothing is said and there is no virtualenv: python3 on PATH", app(""), "/bin/python3"],
    ["nothing is said: a virtualenv in root", app("", "q"), "/q/venv/bin/python"],
    ["nothing is said: a virtualenv beside root", app("", "r/src"), "/r/.venv/bin/python"],
    ["a virtualenv whose python is a dangling link is none", app("", "s"), "/bin/python3"],
    ["the directory of a virtualenv", app('python = "q/other"'), "/q/other/bin/python3"],
    ["an interpreter", app('python = "q/venv/bin/python"'), "/q/venv/bin/python"],
    ["a name on PATH", app('python = "python3.12"'), "/bin/python3.12"],
  ])("%s", (_name, toml, python) => expect(pythonOf(toml)).toBe(python));

  test("no python3 anywhere is an error that says where was looked", () => {
    const { config, problems } = (write("lone.toml", app("")), loadConfig(join(folder, "lone.toml"), { PATH: "/" }));
    expect(config).toBeUndefined();
    expect(problems).toMatchObject([{ key: "app.x.python", what: "is missing", line: 1 }]);
  });
});

describe("modules are looked for where python would", () => {
  const app = (wsgi: string, extra = "") =>
    `[app.x]\nroot = "w"\nwsgi = "${wsgi}"\nuwsgi_socket = "unix:/tmp/x.sock"\n${extra}`;

  beforeAll(() => {
    write("w/native.cpython-311-x86_64-linux-gnu.so", "");
    write("w/old.pyc", "");
    write("w/.keep", "");
    write("lib/shared.py", "");
    executable("w/.venv/bin/python");
    write("w/.venv/lib/python3.11/site-packages/installed/wsgi.py", "");
  });

  test.each(["native", "old", "installed.wsgi"])("%s", (wsgi) => expect(problemsOf(app(wsgi))).toEqual([]));

  test("below PYTHONPATH of the app's env", () => {
    expect(problemsOf(app("shared", 'env = { PYTHONPATH = "../lib" }'))).toEqual([]);
    expect(problemsOf(app("shared"))).toEqual([
      `F:3:8: app.x.wsgi: names shared, but there is no ${folder}/w/shared.py; should be a module that can be imported with root on sys.path`,
    ]);
  });
});
