import { describe, expect, test } from "bun:test";
import { readPython } from "../../../src/import/gunicorn/python-file.ts";
import { SETTINGS } from "../../../src/import/gunicorn/settings.ts";
import { isGunicorn, translateGunicorn } from "../../../src/import/gunicorn/translate.ts";
import { emptyPlan } from "../../../src/import/plan.ts";
import { ImportReport } from "../../../src/import/report.ts";
import { SourceFile } from "../../../src/import/source.ts";

function imported(service: string) {
  const plan = emptyPlan();
  const report = new ImportReport();
  const file = new SourceFile(
    "x.service",
    "/nowhere/x.service",
    `[Service]\nWorkingDirectory=/srv/mysite\n${service}\n`,
  );
  translateGunicorn([file], { plan, report, environment: {} }, 2);
  return { plan, report };
}

const start = (options: string, lines = "") => imported(`${lines}\nExecStart=/usr/bin/gunicorn ${options} mysite.wsgi`);

describe("every option of gunicorn has something said of it", () => {
  const flags = SETTINGS.flatMap(({ name, flags: all, kind }) => all.map((flag) => [flag, name, kind] as const));

  test.each(flags)("%s", (flag, _, kind) => {
    const takes = kind === "value" || kind === "list";
    const { report } = start(takes ? `${flag} 1` : flag);
    const found = report.findings.filter(({ directive }) => directive.split(" ")[0] === flag);
    expect(found).toHaveLength(1);
    expect(found[0]?.sentence).not.toContain("has no counterpart");
  });

  test("a word that is none is a mistake", () => {
    const { report } = start("--no-such-option");
    expect(report.findings.find(({ directive }) => directive === "--no-such-option")?.verdict).toBe("error");
  });
});

describe("command lines as argparse reads them", () => {
  const processes = (options: string) => start(options).plan.apps.get("mysite")?.get("processes");

  test.each(["-w 4", "-w4", "-w=4", "--workers 4", "--workers=4", "--workers '4'", "-Rw4", '"--workers" \\\n 4'])(
    "%s",
    (options) => expect(processes(options)).toBe(4),
  );

  test.each([
    ["GUNICORN_CMD_ARGS comes after WEB_CONCURRENCY", "", 'Environment="GUNICORN_CMD_ARGS=-w 3" WEB_CONCURRENCY=2', 3],
    ["the command line comes last", "-w 4", 'Environment="GUNICORN_CMD_ARGS=-w 3"', 4],
    ["WEB_CONCURRENCY is a default", "", "Environment=WEB_CONCURRENCY=2", 2],
    ["${NAME} is what Environment= says", "-w ${COUNT}", "Environment=COUNT=5", 5],
    ["$NAME is split at blanks", "$OPTIONS", 'Environment="OPTIONS=--threads 2 -w 6"', 6],
    ["an empty Environment= takes back what was said", "-w ${A}", "Environment=A=1\nEnvironment=\nEnvironment=A=7", 7],
  ])("%s", (_, options, lines, expected) => {
    const { plan } = start(options, lines);
    expect(plan.apps.get("mysite")?.get("processes")).toBe(expected);
  });
});

describe("which interpreter it is", () => {
  test.each([
    ["/srv/x/.venv/bin/gunicorn a", "/srv/x/.venv"],
    ["/srv/x/.venv/bin/python -m gunicorn a", "/srv/x/.venv"],
    ["/srv/x/.venv/bin/python3.11 /srv/x/.venv/bin/gunicorn a", "/srv/x/.venv"],
    ["-/usr/bin/gunicorn a", "/usr/bin/python3"],
    ["/usr/bin/python3.11 -m gunicorn a", "/usr/bin/python3.11"],
    ["/home/u/.local/bin/gunicorn a", "/usr/bin/python3"],
    ["gunicorn a", undefined],
  ])("%s", (command, python) => {
    const { plan } = imported(`ExecStart=${command}`);
    expect([...plan.apps.values()].map((app) => app.get("python"))).toEqual([python]);
  });
});

describe("where it listens", () => {
  test.each([
    ["", "127.0.0.1:8000"],
    ["-b :9000", "0.0.0.0:9000"],
    ["-b 0.0.0.0", "0.0.0.0:8000"],
    ["-b localhost:9000", "127.0.0.1:9000"],
    ["-b tcp://127.0.0.1:9000", "127.0.0.1:9000"],
    ["-b [::1]:9000", "[::1]:9000"],
    ["-b unix:run/x.sock", "unix:/srv/mysite/run/x.sock"],
    ["-b unix:///run/x.sock -m 007", { address: "unix:/run/x.sock", mode: "660" }],
    ["-b 127.0.0.1:9000 -b [::1]:9000", ["127.0.0.1:9000", "[::1]:9000"]],
  ])("%s", (options, listen) => expect(start(options).plan.sites[0]?.settings.get("listen")).toEqual(listen));

  test.each(["-b fd://3", "-b unix:@x", "-b web1:80", "-b 127.0.0.1:http"])("%s is not supported", (options) => {
    const { plan, report } = start(options);
    expect([plan.sites.length, report.changesMeaning]).toEqual([0, true]);
  });
});

describe("a file of settings is read without running it", () => {
  const read = (text: string) =>
    readPython(new SourceFile("g.py", "/g.py", text), 4).map(({ assigned, kind }) => assigned?.value ?? kind);

  test.each([
    ["x = 1", [1]],
    ["x = 0o17", [15]],
    ["x: int = 1_000  # one", [1000]],
    ["x = 'a # b'", ["a # b"]],
    ["x = ('a'\n     'b')", ["ab"]],
    ["x = r'a\\b'", ["a\\b"]],
    ["x = True", [true]],
    ["x = ['a', \"b\",]", [["a", "b"]]],
    ["x = ()", [[]]],
    ["x = (\n 2\n)", [2]],
    ["x = 1; y = 2", [1, 2]],
    ["x = (multiprocessing.cpu_count() * 2) + 1", [9]],
    ["x = 2 * os.cpu_count()", [8]],
    ['"""Of the file."""\n# nothing\n', []],
    ["x = f'{y}'", ["assignment"]],
    ["x = 'a' + 'b'", ["assignment"]],
    ["x = int('4')", ["assignment"]],
    ["x = [y]", ["assignment"]],
    ["x += 1", ["other"]],
    ["x == 1", ["other"]],
    ["def f():\n    x = 1\n\n    return x\n", ["definition"]],
    ["if y:\n    x = 1\nelse:\n    x = 2\n", ["other"]],
    ["import os", ["import"]],
    ["x = '''a\ndef f():\n'''", ["a\ndef f():\n"]],
  ])("%j", (text, expected) => expect(read(text)).toEqual(expected as never));
});

test("what is gunicorn's, and what is a unit of something else", () => {
  const of = (name: string, text: string) => isGunicorn(new SourceFile(name, `/x/${name}`, text));
  expect(of("a.service", "[Service]\nExecStart=/usr/bin/gunicorn a\n")).toBe(true);
  expect(of("nginx.conf", "server { proxy_pass http://unix:/run/gunicorn.sock; }")).toBe(false);
  const { plan, report } = imported("ExecStart=/usr/bin/celery -A shop worker");
  expect([plan.apps.size, report.changesMeaning]).toEqual([0, true]);
  expect(report.findings.at(-1)?.sentence).toBe(
    "starts celery, and not gunicorn; beside an app it may be a [service.NAME]",
  );
});

test.each(["0", "100000"])("--timeout %s is no bound, so that a request may take for ever", (seconds) => {
  const { plan } = start(`--timeout ${seconds}`);
  expect(plan.apps.get("mysite")?.all.find(({ key }) => key === "request_timeout")).toMatchObject({
    value: "0s",
    comment: undefined,
  });
});

test("what is longer than server.toml takes is as long as it may be", () => {
  const { plan } = start("--graceful-timeout 100000 --threads 2 --keep-alive 100000");
  expect(plan.apps.get("mysite")?.get("drain_timeout")).toBe("1d");
  expect(plan.server.get("keepalive_timeout")).toBe("1d");
});
