import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, renameSync, symlinkSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { BINARY, E2E_TIMEOUT_MS, type Server, startServer } from "../support/binary.ts";
import { freePort, makeFolder, removeFolder } from "../support/folder.ts";
import { until } from "../support/wait.ts";
import { Client } from "../support/wire.ts";

setDefaultTimeout(E2E_TIMEOUT_MS);

const BOUND_MS = 20_000;

let folder = "";
let port = 0;
let server: Server;

const TOML = () => `
[server]
fronts = 2
access_log = "access.log"
error_log_format = "json"
log_rotate_size = "8KiB"
[[site]]
listen = ["127.0.0.1:${port}"]
[site.routes]
"/quiet" = { respond = "x", access_log = "off" }
"/" = { respond = "x" }
[[site]]
names = ["json.example"]
listen = ["127.0.0.1:${port}"]
access_log = "json.log"
access_log_format = "json"
access_log_status = [404]
[site.routes]
"= /here" = { respond = "x" }
[[site]]
names = ["full.example"]
listen = ["127.0.0.1:${port}"]
access_log = "full.log"
[site.routes]
"/" = { respond = "x" }
`;

beforeAll(async () => {
  folder = makeFolder("logs");
  port = await freePort();
  symlinkSync("/dev/full", join(folder, "full.log"));
  server = await startServer(TOML(), { folder });
});

afterAll(async () => {
  await server.dispose();
  removeFolder(folder);
});

const read = (name: string) => (existsSync(join(folder, name)) ? readFileSync(join(folder, name), "latin1") : "");

async function get(path: string, host = "localhost"): Promise<number> {
  const reply = await fetch(`http://127.0.0.1:${port}${path}`, { headers: { Host: host } });
  await reply.text();
  return reply.status;
}

function shows(name: string, text: string): Promise<string> {
  return until(`${text} in ${name}`, BOUND_MS, () =>
    read(name)
      .split("\n")
      .find((line) => line.includes(text)),
  );
}

describe("access logs", () => {
  test("each site has its own, in its format, of the requests it wants; a route may have none", async () => {
    await get("/quiet?mark=1");
    await get("/loud?mark=2&token=s3cret");
    await get("/here?mark=3", "json.example");
    await get("/nowhere?mark=4", "json.example");
    expect(await shows("access.log", "mark=2")).toContain("/loud?mark=2&token=*** HTTP/1.1");
    const line = JSON.parse(await shows("json.log", "mark=4")) as Record<string, unknown>;
    expect(line).toMatchObject({ status: 404, site: "json.example", host: "json.example", uri: "/nowhere?mark=4" });
    expect(read("json.log").trim().split("\n")).toHaveLength(1);
    expect(read("access.log")).not.toContain("mark=1");
    expect(read("access.log")).not.toContain("mark=3");
  });

  test("a request that is refused is shown by its first line, as nginx shows it", async () => {
    for (const sent of ["GET /mark=5?token=s3cret HTTP/1.1\r\nBad Name: x\r\n\r\n", "\x16\x03\x01 mark=6\r\n\r\n"]) {
      const client = await Client.open({ host: "127.0.0.1", port });
      client.send(sent);
      expect((await client.answer()).status).toBe(400);
      client.close();
    }
    expect(await shows("access.log", "mark=5")).toContain('"GET /mark=5?token=*** HTTP/1.1" 400');
    expect(await shows("access.log", "mark=6")).toContain('"\\x16\\x03\\x01 mark=6" 400');
  });

  test("USR1 opens files anew, and no line is lost on the way", async () => {
    await get("/before-the-move");
    await shows("access.log", "before-the-move");
    renameSync(join(folder, "access.log"), join(folder, "moved.log"));
    server.signal("SIGUSR1");
    // The file is there a moment before lines go to it.
    await server.logged("log files are opened anew", BOUND_MS);
    await get("/after-the-move");
    await shows("access.log", "after-the-move");
    expect(read("moved.log")).toContain("before-the-move");
    expect(read("moved.log")).not.toContain("after-the-move");
  });

  test("a file that was deleted without a word is begun anew", async () => {
    unlinkSync(join(folder, "access.log"));
    // The file is there a moment before lines go to it.
    await until("a line in a new access.log", BOUND_MS, async () => {
      await get("/after-the-loss");
      return read("access.log").includes("after-the-loss");
    });
  });

  test("a large file is rotated and compressed, and every request is in one of the files", async () => {
    const rounds = 200;
    for (let i = 0; i < rounds; i++) await get(`/rotated/${i}.`);
    await until("a compressed file", BOUND_MS, () =>
      readdirSync(folder).some((name) => /^access\.log\..*Z\.gz$/.test(name)),
    );
    await get("/rotated/last.");
    await shows("access.log", "/rotated/last.");
    const lost = () => {
      const rotated = readdirSync(folder).filter((name) => /^access\.log\..*Z(-\d+)?\.gz$/.test(name));
      const texts = rotated.map((name) => Buffer.from(Bun.gunzipSync(readFileSync(join(folder, name)))).toString());
      const all = [...texts, read("access.log")].join("");
      return Array.from({ length: rounds }, (_, i) => `/rotated/${i}. `).filter((each) => !all.includes(each));
    };
    // One that was rotated a moment ago is still being compressed.
    await until("all of them", BOUND_MS, () => lost().length === 0);
  });

  test("a full disk costs lines and no request; when there is room again the log says how many", async () => {
    for (let i = 0; i < 5; i++) expect(await get(`/lost/${i}`, "full.example")).toBe(200);
    await server.logged(/access log [^ ]*full\.log: lines are lost: ENOSPC/, BOUND_MS);
    unlinkSync(join(folder, "full.log"));
    server.signal("SIGUSR1");
    await until("a file in its place", BOUND_MS, () => existsSync(join(folder, "full.log")));
    const recovered = () => /full\.log: \d+ lines? (?:was|were) lost \(ENOSPC/.exec(server.log);
    await until("a line that tells", BOUND_MS, async () => {
      await get("/found", "full.example");
      return recovered() !== null;
    });
    await shows("full.log", "/found");
  });
});

describe("server logs", () => {
  test("shows the logs of the configuration, filtered", async () => {
    await get("/shown?mark=5");
    await shows("access.log", "mark=5");
    const { stdout, code } = await server.command("logs", "-n", "500");
    expect(code).toBe(0);
    expect(stdout).toContain("/shown?mark=5");
    expect(stdout).toContain("serving");
    expect(stdout).toContain("/rotated/1. ");
    const missing = await server.command("logs", "--site", "json.example", "--status", "4xx");
    expect(missing.stdout.trim().split("\n")).toEqual([expect.stringContaining("mark=4")]);
    const shared = await server.command("logs", "--site", "default", "--status", "5xx");
    expect(shared).toMatchObject({ stdout: "", code: 0 });
    const errors = await server.command("logs", "--level", "error", "--since", "1h");
    expect(errors.stdout).toContain("lines are lost: ENOSPC");
    expect(errors.stdout).not.toContain("serving");
  });

  test("says what is wrong with what it is asked", async () => {
    expect(await server.command("logs", "--site", "nowhere")).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('no site "nowhere"; known: default, json.example, full.example'),
    });
    expect(await server.command("logs", "--app", "x")).toMatchObject({ code: 2 });
    expect(await server.command("logs", "--level", "warn", "--status", "404")).toMatchObject({ code: 2 });
  });

  test("follows, and ends with its reader", async () => {
    const command = `${BINARY} logs -c server.toml --access -n 0 -f | head -n 2`;
    const child = Bun.spawn(["sh", "-c", command], { cwd: folder, stdout: "pipe" });
    const stop = setInterval(() => void get("/followed"), 200);
    const text = await new Response(child.stdout).text();
    clearInterval(stop);
    expect(await child.exited).toBe(0);
    expect(text.split("\n").filter((line) => line.includes("/followed"))).toHaveLength(2);
  });

  test("reopen does what USR1 does", async () => {
    renameSync(join(folder, "access.log"), join(folder, "moved-again.log"));
    const { stdout, code } = await server.command("logs", "reopen");
    expect({ stdout, code }).toEqual({ stdout: "3 log files opened anew\n", code: 0 });
    expect(existsSync(join(folder, "access.log"))).toBe(true);
  });
});

test("a reload brings other logs and formats, and ends none before its last line", async () => {
  const changed = TOML().replace(
    '"json.log"\naccess_log_format = "json"',
    '"other.log"\naccess_log_format = "O $status $uri"',
  );
  writeFileSync(join(folder, "server.toml"), changed);
  expect(await server.command("reload")).toMatchObject({ code: 0 });
  await get("/other", "json.example");
  expect(await shows("other.log", "/other")).toBe("O 404 /other");
  writeFileSync(join(folder, "server.toml"), changed.replace('"other.log"', '"nowhere/other.log"'));
  const { code, stderr } = await server.command("reload");
  expect(code).not.toBe(0);
  expect(stderr).toContain("nowhere");
  await get("/again", "json.example");
  await shows("other.log", "/again");
});

test("the error log can be JSON, one line for each event", () => {
  const lines = server.log
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(lines.find(({ message }) => String(message).startsWith("serving"))).toMatchObject({
    level: "notice",
    source: "master",
  });
});
