/** `server doctor` of the built executable: a server that runs, one that does not, one that cannot. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { controlHome, E2E_TIMEOUT_MS, runServer, type Server, startServer } from "../support/binary.ts";
import { freePort, makeFolder, removeFolder, writeFiles } from "../support/folder.ts";
import { TerminalScreen } from "../support/screen.ts";

setDefaultTimeout(E2E_TIMEOUT_MS);

interface Report {
  readonly ok: boolean;
  readonly findings: readonly {
    check: string;
    verdict: string;
    subject: string;
    says: string;
    remedy: string | null;
  }[];
}

let folder = "";
let port = 0;
let toml = "";
let server: Server | undefined;

beforeAll(async () => {
  folder = makeFolder("doctor-e2e");
  port = await freePort();
  writeFiles(folder, {
    "app.py": 'def application(environ, start):\n    start("200 OK", [])\n    return [b"x"]\n',
    "static/a b.css": "a {}",
  });
  toml = `[app.x]\nwsgi = "app"\nprocesses = 1\n[[site]]\nlisten = ["127.0.0.1:${port}"]\n[site.routes]\n"/" = { app = "x" }\n"/static/" = { files = "static/" }\n`;
  server = await startServer(toml, { folder });
});

afterAll(async () => {
  await server?.dispose();
  removeFolder(folder);
});

async function doctor(...words: readonly string[]): Promise<{ code: number; report: Report }> {
  const { code, stdout } = await runServer(["doctor", "--json", ...words], folder, controlHome(folder));
  return { code, report: JSON.parse(stdout) as Report };
}

const lineOf = ({ verdict, subject, says }: Report["findings"][number]) => `${verdict} ${subject}: ${says}`;

test("a server that runs is well: its port, its workers, its files are asked for", async () => {
  const { code, report } = await doctor();
  const lines = report.findings.map(lineOf);
  expect(report.findings.filter(({ verdict }) => verdict === "problem")).toEqual([]);
  expect({ code, ok: report.ok }).toEqual({ code: 0, ok: true });
  expect(lines).toContainEqual(expect.stringMatching(/^ok server: runs, pid \d+, for /));
  expect(lines).toContain(`ok port 127.0.0.1:${port}: this server has it, pid ${server?.pid}`);
  expect(lines).toContain("ok app x workers: 1 ready");
  expect(lines).toContain("ok files of /static/ (default): /static/a%20b.css is answered 200");
});

test("a mistake in the file, and a file that is not there", async () => {
  writeFileSync(join(folder, "bad.toml"), toml.replace('wsgi = "app"', 'wsgi = "ap"'));
  const bad = await doctor("-c", "bad.toml");
  expect(bad.code).toBe(1);
  expect(bad.report.findings[0]).toMatchObject({
    verdict: "problem",
    check: "configuration",
    remedy: expect.stringContaining('did you mean "app"?'),
  });
  const none = await doctor("-c", "none.toml");
  expect(none.code).toBe(1);
  expect(none.report.findings[0]).toMatchObject({
    verdict: "problem",
    says: "does not exist",
    remedy: expect.stringContaining("server setup"),
  });
});

test("another server on the port, and an app that cannot be imported: found before a start", async () => {
  writeFiles(folder, { "broken.py": "import no_such_module\n" });
  writeFileSync(join(folder, "other.toml"), toml.replace('wsgi = "app"', 'wsgi = "broken"'));
  const { code, report } = await doctor("-c", "other.toml");
  const problems = report.findings.filter(({ verdict }) => verdict === "problem").map(lineOf);
  expect(code).toBe(1);
  expect(problems).toEqual([
    `problem port 127.0.0.1:${port}: taken by server, pid ${server?.pid}`,
    "problem app x import: it cannot be imported: ModuleNotFoundError: No module named 'no_such_module'",
  ]);
});

test("for people: a line each, the remedy below, a sum at the end", async () => {
  const { code, stdout } = await runServer(["doctor", "-c", "other.toml"], folder, controlHome(folder));
  expect(code).toBe(1);
  expect(stdout).toContain(
    `problem  port 127.0.0.1:${port}: taken by server, pid ${server?.pid}\n         -> end it (kill ${server?.pid}), or listen on another port\n`,
  );
  expect(stdout).toMatch(/\n2 problems, \d+ notices?, \d+ ok\n$/);
  expect((await runServer(["doctor", "--user", "no-such-user"], folder, controlHome(folder))).stderr).toBe(
    'server doctor: there is no user "no-such-user"\n',
  );
});

test("on a narrow terminal lines break between words and stay below their beginning", async () => {
  const screen = new TerminalScreen({ words: ["doctor"], folder, env: controlHome(folder), columns: 50 });
  try {
    await screen.ended();
    const lines = screen.text.split("\n").slice(0, -1);
    const known = /^$|^(ok|notice|problem|unknown) +\S|^ {9}\S|^ {12}\S|^\d+ problem/;
    expect(lines.filter((line) => !known.test(line))).toEqual([]);
    expect(lines.some((line) => line.startsWith(" ".repeat(9)))).toBe(true);
  } finally {
    screen.close();
  }
});

test("a file that went away under a running server is a problem", async () => {
  rmSync(join(folder, "static"), { recursive: true });
  const { code, report } = await doctor();
  expect(code).toBe(1);
  expect(report.findings[0]).toMatchObject({
    check: "configuration",
    verdict: "problem",
    remedy: expect.stringMatching(/^make it, as manage.py collectstatic does/),
  });
  expect(report.findings.map(lineOf)).toContainEqual(expect.stringMatching(/^ok server: runs, pid \d+, for /));
});
