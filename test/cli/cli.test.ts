import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runCli } from "../../src/cli/cli.ts";
import { mayColour } from "../../src/cli/terminal.ts";
import { version } from "../../package.json";

let folder = "";

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "server-cli-"));
  mkdirSync(join(folder, "project/mysite"), { recursive: true });
  mkdirSync(join(folder, "empty"));
  writeFileSync(join(folder, "project/mysite/wsgi.py"), "application = None\n");
  interpreter("python-new", "echo 3.12.4");
  interpreter("python-old", "echo 3.6.15");
  interpreter("python-broken", "echo 'no module named encodings' >&2; exit 3");
});

afterAll(() => rmSync(folder, { recursive: true }));

function interpreter(name: string, script: string): void {
  writeFileSync(join(folder, name), `#!/bin/sh\n${script}\n`);
  chmodSync(join(folder, name), 0o755);
}

function configuration(file: string, python: string): void {
  const toml = `[app.mysite]
root = "project"
wsgi = "mysite.wsgi"
python = "${python}"
processes = 3
uwsgi_socket = "127.0.0.1:8997"

[upstream.legacy]
protocol = "uwsgi"
servers = ["127.0.0.1:9000", { address = "unix:/run/x.sock", weight = 2 }]

[[site]]
names = ["www.example.org", "example.org"]
listen = "127.0.0.1:8000"
[site.routes]
"/old/" = { upstream = "legacy" }
"/" = { app = "mysite" }
`;
  writeFileSync(join(folder, file), toml);
}

async function run(words: readonly string[], options: { folder?: string; colour?: boolean } = {}) {
  let stdout = "";
  let stderr = "";
  const colour = options.colour === true;
  const code = await runCli(words, {
    stdout: (text) => void (stdout += text),
    stderr: (text) => void (stderr += text),
    colour: { stdout: colour, stderr: colour },
    environment: { PATH: "/usr/bin:/bin" },
    folder: options.folder ?? folder,
  });
  return { code, stdout, stderr };
}

describe("version and help", () => {
  const line = `server ${version} (bun ${Bun.version}, ${process.platform} ${process.arch})\n`;

  test.each(["version", "--version", "-V"])("%s", async (word) => {
    expect(await run([word])).toEqual({ code: 0, stdout: line, stderr: "" });
  });

  test.each(["help", "--help", "-h"])("%s lists the commands", async (word) => {
    const { code, stdout, stderr } = await run([word]);
    expect([code, stderr]).toEqual([0, ""]);
    for (const command of ["run", "check", "version", "help"]) expect(stdout).toContain(`\n  ${command} `);
  });

  test.each([
    ["help", "run"],
    ["run", "--help"],
    ["run", "-h"],
  ])("%s %s shows how run is used", async (first, second) => {
    const { code, stdout } = await run([first, second]);
    expect(code).toBe(0);
    expect(stdout).toStartWith("Usage: server run [-c FILE] ");
    expect(stdout).toContain("-c, --config FILE");
  });
});

test("help config is the manual of server.toml", async () => {
  const { code, stdout } = await run(["help", "config"]);
  expect(code).toBe(0);
  expect(stdout).toStartWith("Usage: server config show");
  expect(stdout).toEndWith(readFileSync(join(import.meta.dir, "../../docs/config.md"), "utf8"));
});

describe("what is not known is refused with exit code 2, on stderr", () => {
  test.each([
    [["chekc"], 'server: unknown command "chekc"; did you mean check?\n'],
    [["frobnicate"], 'server: unknown command "frobnicate"; known: setup, dev, run, '],
    [["--frobnicate"], "server: unknown option --frobnicate; a command comes first\n"],
    [["help", "chekc"], 'server: unknown command "chekc"; did you mean check?\n'],
    [["check", "--confg", "x"], "server check: unknown option --confg; did you mean --config?\n"],
    [["check", "-x"], "server check: unknown option -x\n"],
    [["check", "-c"], "server check: option -c needs a FILE\n"],
    [["check", "--config="], "server check: option --config needs a FILE\n"],
    [["check", "-c", "--help"], "server check: option -c needs a FILE\n"],
    [["check", "-c", "a", "--config", "b"], "server check: option --config is given twice\n"],
    [["check", "--help=yes"], "server check: option --help takes no value\n"],
    [["check", "server.toml"], 'server check: unexpected "server.toml"\n'],
    [["version", "--", "x"], 'server version: unexpected "x"\n'],
    [["check", "--toString"], "server check: unknown option --toString\n"],
    [["toString"], 'server: unknown command "toString"; known: setup, dev, run, '],
  ])("%p", async (words, message) => {
    const { code, stdout, stderr } = await run(words);
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toStartWith(message);
  });

  test("no command at all shows the overview", async () => {
    const { code, stdout, stderr } = await run([]);
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toStartWith("Usage: server COMMAND\n");
  });
});

describe("check", () => {
  test("a good file is summed up: sites, apps with their interpreter, upstreams", async () => {
    configuration("good.toml", "python-new");
    const { code, stdout, stderr } = await run(["check", "-c", "good.toml"]);
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout.replaceAll(folder, "$FOLDER")).toBe(
      `good.toml: ok
  site www.example.org  example.org; on 127.0.0.1:8000; 2 routes
  app mysite            mysite.wsgi:application, Python 3.12.4 ($FOLDER/python-new), 3 × 2 threads; uwsgi on 127.0.0.1:8997
  upstream legacy       uwsgi to 127.0.0.1:9000, unix:/run/x.sock × 2; connect 10s, read 1m
`,
    );
  });

  test.each([
    ["python-old", "is 3.6.15; should be 3.8 or newer"],
    ["python-broken", "python-broken cannot be run (status 3: no module named encodings)"],
  ])("an interpreter that cannot serve is an error: %s", async (python, message) => {
    configuration("interpreter.toml", python);
    const { code, stdout, stderr } = await run(["check", "-c", "interpreter.toml"]);
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toStartWith("server: interpreter.toml: app.mysite.python: ");
    expect(stderr).toEndWith(`${message}\n`);
  });

  test("every problem is printed, and how many there are", async () => {
    writeFileSync(join(folder, "bad.toml"), "[server]\nfronts = 0\n[[site]]\n[site.routes]\n'/' = {}\n");
    const { code, stdout, stderr } = await run(["check", "--config", "bad.toml"]);
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr.split("\n")).toEqual([
      "bad.toml:2:10: server.fronts: is 0; should be an integer from 1 to 256",
      'bad.toml:5:1: site.routes."/": has no target; should have exactly one of files, app, upstream, redirect, respond, error',
      "server: bad.toml: 2 errors",
      "",
    ]);
  });

  test("a warning is printed and does not fail", async () => {
    const site = "[[site]]\n[site.routes]\n'/' = { respond = 'x' }\n";
    writeFileSync(join(folder, "warn.toml"), `${site}[upstream.x]\nservers = "127.0.0.1:1"\n`);
    const { code, stdout, stderr } = await run(["check", "-c", "warn.toml"]);
    expect(code).toBe(0);
    expect(stderr).toStartWith("warn.toml:4:11: warning: upstream.x: is never asked");
    expect(stdout).toStartWith("warn.toml: ok\n");
  });

  test("colours only where the terminal takes them", async () => {
    writeFileSync(join(folder, "bad.toml"), "[server]\nfronts = 0\n");
    const plain = await run(["check", "-c", "bad.toml"]);
    const coloured = await run(["check", "-c", "bad.toml"], { colour: true });
    expect(plain.stderr).not.toContain("\x1b");
    expect(coloured.stderr).toContain("\x1b[");
    expect(Bun.stripANSI(coloured.stderr)).toBe(plain.stderr);
  });

  test("without -c it is server.toml of the directory", async () => {
    configuration("server.toml", "python-new");
    expect((await run(["check"])).stdout).toStartWith("server.toml: ok\n");
  });
});

describe("without a configuration", () => {
  test.each(["run", "check"])("%s says how to make one, and the example is a good one", async (command) => {
    const { code, stdout, stderr } = await run([command], { folder: join(folder, "empty") });
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toStartWith(`server: there is no server.toml in ${join(folder, "empty")}\n`);
    expect(stderr).toContain("server setup, in the project's folder, writes one");
    const example = stderr.slice(stderr.indexOf("    [app")).replace(/^ {4}/gm, "");
    const file = join(folder, "project/example.toml");
    writeFileSync(file, example.replace("[app.mysite]", '[app.mysite]\npython = "../python-new"'));
    expect(await run(["check", "-c", file])).toMatchObject({ code: 0, stderr: "" });
  });

  test.each(["run", "check"])("%s -c of a file that is not there", async (command) => {
    const { code, stderr } = await run([command, "-c", "absent.toml"]);
    expect(code).toBe(2);
    expect(stderr).toBe("absent.toml: does not exist\nserver: absent.toml: 1 error\n");
  });
});

test("run with a bad configuration starts nothing", async () => {
  writeFileSync(join(folder, "bad.toml"), "[server]\nfronts = 0\n[[site]]\n[site.routes]\n'/' = { respond = 'x' }\n");
  const { code, stderr } = await run(["run", "-c", "bad.toml"]);
  expect(code).toBe(2);
  expect(stderr).toEndWith("server: bad.toml: 1 error\n");
});

test("colours need a terminal that knows them and a user who wants them (no-color.org)", () => {
  expect(mayColour(true, {})).toBe(true);
  expect(mayColour(true, { NO_COLOR: "" })).toBe(true);
  expect(mayColour(true, { NO_COLOR: "1" })).toBe(false);
  expect(mayColour(true, { TERM: "dumb" })).toBe(false);
  expect(mayColour(false, {})).toBe(false);
});

describe("the program itself", () => {
  const main = join(import.meta.dir, "../../src/main.ts");
  const execute = (...words: string[]) =>
    Bun.spawnSync([process.execPath, main, ...words], { cwd: join(folder, "empty"), env: { PATH: "/usr/bin:/bin" } });

  test("hands over words, streams and exit codes", () => {
    const shown = execute("version");
    expect([shown.exitCode, shown.stdout.toString(), shown.stderr.toString()]).toEqual([
      0,
      `server ${version} (bun ${Bun.version}, ${process.platform} ${process.arch})\n`,
      "",
    ]);
    const refused = execute("check");
    expect([refused.exitCode, refused.stdout.toString()]).toEqual([2, ""]);
    expect(refused.stderr.toString()).toStartWith("server: there is no server.toml");
  });
});
