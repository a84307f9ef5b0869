/** `server config`: what is in force with its origin, keys explained, the schema printed. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "smol-toml";
import { effectiveText } from "../../src/cli/config-text.ts";
import { runCli } from "../../src/cli/cli.ts";
import { effective } from "../../src/config/effective.ts";
import { loadTranslated } from "../../src/config/load.ts";
import { makeFolder, removeFolder, ROOT } from "../support/folder.ts";

const TOML = `[app.mysite]
wsgi      = "mysite.wsgi:application"
processes = "$ENV{WORKERS:-3}"
env       = { SECRET = "$ENV{SECRET}" }

[metrics]
listen = "127.0.0.1:9145"
token  = "$ENV{SECRET}"

[[site]]
listen = [8000]
compress = { gzip_level = 6 }

[site.routes]
"/static/" = { files = "static/", cache = "30d" }
"/" = { app = "mysite", cache = { ttl = "10s" } }
`;

let folder = "";
beforeAll(() => {
  folder = makeFolder("config-command");
  mkdirSync(join(folder, "mysite"));
  mkdirSync(join(folder, "static"));
  writeFileSync(join(folder, "mysite/wsgi.py"), "application = None\n");
  writeFileSync(join(folder, "server.toml"), TOML);
});
afterAll(() => removeFolder(folder));

async function run(...words: readonly string[]) {
  let stdout = "";
  let stderr = "";
  const code = await runCli(words, {
    stdout: (text) => void (stdout += text),
    stderr: (text) => void (stderr += text),
    colour: { stdout: false, stderr: false },
    environment: { PATH: "/usr/bin:/bin", SECRET: "0123456789abcdef0123" },
    folder,
  });
  return { code, stdout, stderr };
}

const line = (text: string, start: string) => text.split("\n").find((each) => each.startsWith(start));

test("config show says of each value where it comes from: file and line, default, derived", async () => {
  const { code, stdout } = await run("config", "show");
  expect(code).toBe(0);
  expect(line(stdout, "[app.mysite]")).toMatch(/# server\.toml:1$/);
  expect(line(stdout, "wsgi")).toMatch(/^wsgi = "mysite\.wsgi:application" +# server\.toml:2$/);
  expect(line(stdout, "processes")).toMatch(/^processes = "3" +# server\.toml:3, from the environment$/);
  expect(line(stdout, "# threads")).toMatch(/^# threads = 2 +# default$/);
  expect(line(stdout, "# root")).toMatch(new RegExp(`^# root = "${folder}" +# derived: the directory of this file$`));
  expect(line(stdout, "# fronts")).toMatch(/^# fronts = \d+ +# derived: one for each core$/);
  expect(line(stdout, "# umask")).toMatch(/^# umask: as it is started +# default$/);
  expect(line(stdout, '[site.routes."/static/"]')).toMatch(/# server\.toml:15$/);
  expect(line(stdout, '[site.routes."/".cache]')).toMatch(/# server\.toml:16$/);
  expect(line(stdout, "gzip_level")).toMatch(/^gzip_level = 6 +# server\.toml:12$/);
  expect(line(stdout, "[server]")).toMatch(/# not in the file$/);
});

test("config show keeps secrets: as they are written, or ***", async () => {
  expect((await run("config", "show", "metrics.token")).stdout).toContain('token = "$ENV{SECRET}"');
  writeFileSync(join(folder, "plain.toml"), TOML.replace('token  = "$ENV{SECRET}"', 'token = "abcdefabcdefabcdef"'));
  const { stdout } = await run("config", "show", "-c", "plain.toml");
  expect(stdout).toContain('token = "***"');
  expect(stdout).not.toContain("abcdefabcdef");
  expect(stdout).toContain("# plain.toml:8");
});

test("config show keeps what goes into the environment of apps", async () => {
  expect((await run("config", "show", "app.mysite.env")).stdout).toContain('env = { SECRET = "$ENV{SECRET}" }');
  const literal = 'env       = { SECRET_KEY = "s3cret", DATABASE_URL = "postgres://u:s3cret@db/x", DEBUG = "0" }';
  writeFileSync(join(folder, "env.toml"), TOML.replace('env       = { SECRET = "$ENV{SECRET}" }', literal));
  const { stdout } = await run("config", "show", "-c", "env.toml");
  expect(stdout).toContain('env = { SECRET_KEY = "***", DATABASE_URL = "***", DEBUG = "0" }');
  expect(stdout + (await run("config", "show", "-c", "env.toml", "--json")).stdout).not.toContain("s3cret");
});

test("config show KEY shows a part, and says when there is none", async () => {
  const { stdout } = await run("config", "show", "app.mysite");
  expect(stdout).toContain("[app.mysite]");
  expect(stdout).not.toContain("[[site]]");
  const one = await run("config", "show", "server.header_timeout");
  expect(one.stdout.split("\n").filter((each) => each !== "")).toHaveLength(2);
  expect(await run("config", "show", "app.other")).toMatchObject({ code: 2, stdout: "" });
});

test("config show --json has a row for each key", async () => {
  const rows = JSON.parse((await run("config", "show", "--json")).stdout) as Record<string, unknown>[];
  const row = (key: string) => rows.find((each) => each["key"] === key);
  expect(row("app.mysite.processes")).toMatchObject({ value: "3", from: "file", line: 3, environment: true });
  expect(row("app.mysite.threads")).toMatchObject({ value: 2, from: "default", line: null });
  expect(row("app.mysite.python")).toMatchObject({ from: "derived" });
  expect(row('site.routes."/static/".cache')).toMatchObject({ value: "30d", from: "file", line: 15 });
});

test("a file that cannot be used is refused with its problems", async () => {
  writeFileSync(join(folder, "bad.toml"), "[server]\nfronts = 0\n");
  const { code, stderr } = await run("config", "show", "-c", "bad.toml");
  expect(code).toBe(2);
  expect(stderr).toContain("bad.toml:2:10: server.fronts: is 0");
});

const CASES = join(ROOT, "test/cases/config");
const ENVIRONMENT = { PATH: "/usr/bin:/bin", PROJECT: "project", THREADS: "3", EMPTY: "", TRICK: "x" };

test.each(readdirSync(CASES).filter((name) => name.startsWith("ok_")))(
  "%s: what is shown is a configuration that says the same",
  (name) => {
    const file = join(CASES, name);
    const { groups } = effective(file, ENVIRONMENT);
    const text = effectiveText(groups ?? [], name, false);
    const again = loadTranslated(file, text, ENVIRONMENT);
    const before = loadTranslated(file, readFileSync(file, "utf8"), ENVIRONMENT);
    expect(before.config).toBeDefined();
    expect(again.problems).toEqual([]);
    expect(again.config).toEqual(before.config as typeof again.config);
  },
);

test("config explain of a table lists its keys", async () => {
  for (const table of ["site", "app.mysite", "cron", "service", "metrics", "acme"]) {
    const { code, stdout } = await run("config", "explain", table);
    expect({ table, code, lines: stdout.split("\n").length > 4 }).toEqual({ table, code: 0, lines: true });
  }
  const { stdout } = await run("config", "explain", "site");
  expect(stdout).toMatch(/^ {2}names +\S/m);
  expect(stdout).toEndWith("server config explain site.names tells more of one.\n");
});

test("config explain says what a key is, and what nginx and uWSGI call it", async () => {
  const { code, stdout } = await run("config", "explain", "app.mysite.request_timeout");
  expect(code).toBe(0);
  expect(stdout).toStartWith("app.request_timeout\n  How long a Python thread may take for a request");
  expect(stdout).toContain("should be  a duration from 0s to 1d");
  expect(stdout).toContain('default    "5m"\n');
  expect(stdout).toContain("nginx      uwsgi_read_timeout, 60 s\n");
  expect(stdout).toContain("uWSGI      harakiri\n");
  const [json] = JSON.parse((await run("config", "explain", "harakiri", "--json")).stdout) as object[];
  expect(json).toMatchObject({ key: "app.request_timeout", uwsgi: "harakiri", nginx: "uwsgi_read_timeout, 60 s" });
  expect(await run("config", "explain", "app.treads")).toMatchObject({
    code: 2,
    stderr: 'server config: there is no key "app.treads"; did you mean app.threads?\n',
  });
});

test("config schema prints JSON Schema; without a word it says what there is", async () => {
  const { code, stdout } = await run("config", "schema");
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ $schema: "http://json-schema.org/draft-07/schema#", type: "object" });
  expect(await run("config")).toMatchObject({ code: 2, stdout: "" });
  expect((await run("config", "explain")).stderr).toContain("a KEY is missing");
});

test("what is shown is TOML even with quotes and regular expressions in names", () => {
  const toml = `[app.x]\nroot = ${JSON.stringify(folder)}\nwsgi = "mysite.wsgi"\n[[site]]\n[site.routes]\n'~ ^/"\\d+"$' = { app = "x" }\n`;
  const { groups } = effective(writeAs("quotes.toml", toml), ENVIRONMENT);
  const again = parse(effectiveText(groups ?? [], "quotes.toml", false)) as { site: { routes: object }[] };
  expect(again.site[0]?.routes).toEqual({ '~ ^/"\\d+"$': { app: "x" } });
});

function writeAs(name: string, text: string): string {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
}
