/** This executable under the name nginx: tests an nginx.conf, serves it in the background, and follows `-s`. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { BINARY, controlHome, E2E_TIMEOUT_MS, withoutNoOrphans } from "../support/binary.ts";
import { freePort, makeFolder, removeFolder, writeFiles } from "../support/folder.ts";
import { until } from "../support/wait.ts";

setDefaultTimeout(E2E_TIMEOUT_MS);

const folder = makeFolder("nginx-command");
const conf = join(folder, "nginx.conf");
const pidFile = join(folder, "nginx.pid");
const PATIENCE_MS = 30_000;
let port = 0;

beforeAll(async () => {
  port = await freePort();
  symlinkSync(BINARY, join(folder, "nginx"));
  writeFiles(folder, { "www/index.html": "hello\n" });
  write(`root ${folder}/www;`);
});

afterAll(() => {
  if (existsSync(pidFile)) process.kill(Number(readFileSync(pidFile, "utf8")), "SIGKILL");
  removeFolder(folder);
});

function write(inside: string): void {
  // As root its workers would be nobody, who may not look into this folder.
  const user = process.getuid?.() === 0 ? "user root; " : "";
  const logs = `${user}error_log ${folder}/error.log; pid ${pidFile};`;
  const server = `server { listen 127.0.0.1:${port}; ${inside} }`;
  writeFileSync(conf, `${logs} worker_processes 1; events { }\nhttp { access_log ${folder}/access.log; ${server} }\n`);
}

type Outcome = { code: number; stdout: string; stderr: string };

const nginx = (...words: string[]): Outcome => run(join(folder, "nginx"), words);

function run(program: string, words: readonly string[]): Outcome {
  const env = { ...withoutNoOrphans(), NO_COLOR: "1", ...controlHome(folder) };
  const ended = Bun.spawnSync([program, ...words], { cwd: folder, env });
  return { code: ended.exitCode, stdout: ended.stdout.toString(), stderr: ended.stderr.toString() };
}

async function answer(): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${port}/`).catch(() => undefined);
  return response === undefined ? "" : response.text();
}

describe("nginx's commands", () => {
  test("-t says that a file is good, -T shows it", () => {
    const good = `nginx: the configuration file ${conf} syntax is ok\nnginx: configuration file ${conf} test is successful\n`;
    expect(nginx("-t", "-c", conf)).toEqual({ code: 0, stdout: "", stderr: good });
    const { stdout } = nginx("-T", "-q", "-c", "nginx.conf");
    expect(stdout).toBe(`# configuration file ${conf}:\n${readFileSync(conf, "utf8")}\n`);
  });

  test("-t names what cannot be carried over, with its place, and fails", () => {
    writeFiles(folder, { "bad.conf": "http {\n  server { location / { fastcgi_pass y; } }\n}\n" });
    const { code, stderr } = nginx("-t", "-c", "bad.conf");
    expect(code).toBe(1);
    expect(stderr).toContain(`bad.conf:2:25: fastcgi_pass y: fastcgi is not spoken here`);
    expect(stderr).toEndWith(`nginx: configuration file ${join(folder, "bad.conf")} test failed\n`);
  });

  test("-v, -V and -h speak to stderr, as nginx's do", () => {
    expect(nginx("-v")).toMatchObject({ code: 0, stdout: "" });
    const { code, stdout, stderr } = nginx("-V");
    expect([code, stdout]).toEqual([0, ""]);
    // Certbot looks for these.
    expect(stderr).toMatch(/^nginx version: /);
    expect(stderr).toContain("\nTLS SNI support enabled\nconfigure arguments: --prefix=");
    expect(nginx("-h").stderr).toContain("-s signal     : send signal to a master process: stop, quit, reopen, reload");
  });

  test("options are refused in nginx's words", () => {
    expect(nginx("-x")).toEqual({ code: 1, stdout: "", stderr: 'nginx: invalid option: "x"\n' });
    expect(nginx("-c").stderr).toBe('nginx: option "-c" requires file name\n');
    expect(nginx("-p").stderr).toBe('nginx: option "-p" requires directory name\n');
  });

  test("-g stands in main: once beside the file", () => {
    expect(nginx("-tq", "-c", conf, "-g", "worker_rlimit_nofile 1000;")).toEqual({ code: 0, stdout: "", stderr: "" });
    const twin = nginx("-t", "-c", conf, "-g", "worker_processes 2;");
    expect([twin.code, twin.stderr]).toEqual([1, expect.stringContaining("worker_processes: is duplicate")]);
    const bogus = nginx("-t", "-c", conf, "-g", "bogus on;");
    expect([bogus.code, bogus.stderr]).toEqual([1, expect.stringContaining("command line:1:1: bogus on")]);
  });

  test("-s without a server fails, as a file that is not there does", () => {
    expect(nginx("-s", "stop", "-c", conf)).toMatchObject({ code: 1 });
    expect(nginx("-t", "-c", "none.conf").stderr).toContain("failed (2: No such file or directory)");
    expect(nginx("-s", "dance", "-c", conf).stderr).toBe('nginx: invalid option: "-s dance"\n');
  });

  test("it goes to the background, reloads, reopens its logs and quits", async () => {
    expect(nginx("-c", conf)).toMatchObject({ code: 0, stderr: "" });
    await until("the page", PATIENCE_MS, async () => (await answer()) === "hello\n");
    write('location / { return 200 "anew"; }');
    expect(nginx("-s", "reload", "-c", conf).code).toBe(0);
    await until("the new text", PATIENCE_MS, async () => (await answer()) === "anew");
    write("bogus on;");
    expect(nginx("-s", "reload", "-c", conf)).toMatchObject({ code: 1, stderr: expect.stringContaining("bogus") });
    write('location / { return 200 "anew"; }');
    renameSync(join(folder, "access.log"), join(folder, "access.old"));
    expect(nginx("-s", "reopen", "-c", conf).code).toBe(0);
    await until("a new access log", PATIENCE_MS, () => existsSync(join(folder, "access.log")));
    expect(nginx("-s", "quit", "-c", conf).code).toBe(0);
    await until("its end", PATIENCE_MS, () => !existsSync(pidFile));
    expect(await answer()).toBe("");
  });

  test("-g daemon off keeps it in the foreground", async () => {
    const env = { ...withoutNoOrphans(), ...controlHome(folder) };
    const child = Bun.spawn([join(folder, "nginx"), "-c", conf, "-g", "daemon off;"], {
      cwd: folder,
      env,
      stdio: ["ignore", "ignore", "ignore"],
    });
    await until("the text", PATIENCE_MS, async () => (await answer()) === "anew");
    expect(child.exitCode).toBeNull();
    child.kill("SIGTERM");
    expect(await child.exited).toBe(0);
  });
});

test("an access log that is not named is where nginx has it", async () => {
  writeFiles(folder, { "logs/.keep": "" });
  const user = process.getuid?.() === 0 ? "user root; " : "";
  const server = `server { listen 127.0.0.1:${port}; location / { return 200 "logged"; } }`;
  writeFiles(folder, { "bare.conf": `${user}error_log ${folder}/error.log; events { }\nhttp { ${server} }\n` });
  const words = ["-p", folder, "-c", "bare.conf"];
  expect(nginx(...words)).toMatchObject({ code: 0 });
  await until("the page", PATIENCE_MS, async () => (await answer()) === "logged");
  const log = join(folder, "logs/access.log");
  await until("the line", PATIENCE_MS, () => existsSync(log) && readFileSync(log, "utf8").includes("GET / HTTP/1.1"));
  expect(nginx(...words, "-s", "stop").code).toBe(0);
  await until("its end", PATIENCE_MS, () => !existsSync(join(folder, "logs/nginx.pid")));
});

test("what it serves need not be there yet", async () => {
  writeFiles(folder, { "www/index.html": "hello\n" });
  const inside = `location /media/ { alias ${folder}/later/; } location /old { rewrite ^/old/(.*)$ /$1 permanent; }`;
  write(`root ${folder}/www; index index.php index.html; ${inside} location / { }`);
  const tested = nginx("-t", "-c", conf);
  expect([tested.code, tested.stderr]).toEqual([0, expect.stringContaining("which does not exist; should be made")]);
  expect(nginx("-c", conf).code).toBe(0);
  const media = async () => (await fetch(`http://127.0.0.1:${port}/media/a.txt`).catch(() => undefined))?.status;
  await until("an answer", PATIENCE_MS, async () => (await media()) === 404);
  writeFiles(folder, { "later/a.txt": "a\n" });
  await until("the file", PATIENCE_MS, async () => (await media()) === 200);
  expect(nginx("-s", "stop", "-c", conf).code).toBe(0);
  await until("its end", PATIENCE_MS, () => !existsSync(pidFile));
});

test("a copy by that name, or a link to it by another, goes to the background as a link does", async () => {
  const copy = join(folder, "copy", "nginx");
  mkdirSync(join(folder, "copy"));
  copyFileSync(BINARY, copy);
  write('location / { return 200 "copied"; }');
  expect(run(copy, ["-c", conf])).toMatchObject({ code: 0, stderr: "" });
  await until("the text", PATIENCE_MS, async () => (await answer()) === "copied");
  expect(run(copy, ["-s", "stop", "-c", conf]).code).toBe(0);
  await until("its end", PATIENCE_MS, () => !existsSync(pidFile));
  symlinkSync("nginx", join(folder, "copy", "uwsgi"));
  const text = 'def application(e, answer):\n    answer("200 OK", [])\n    return [b"by uwsgi"]\n';
  writeFiles(folder, { "app.py": text });
  const words = ["--http-socket", `127.0.0.1:${port}`, "--wsgi-file", "app.py", "--pidfile", pidFile];
  const started = run(join(folder, "copy", "uwsgi"), [...words, "--daemonize", join(folder, "uwsgi.log")]);
  expect([started.code, started.stderr]).toEqual([0, ""]);
  await until("the app", PATIENCE_MS, async () => (await answer()) === "by uwsgi");
  expect(run(join(folder, "copy", "uwsgi"), ["--stop", pidFile]).code).toBe(0);
  await until("its end", PATIENCE_MS, () => !existsSync(pidFile));
});

test("-c takes a server.toml, too, and -s speaks to the server that it names", async () => {
  const toml = `[server]\nfronts = 1\n[[site]]\nlisten = "127.0.0.1:${port}"\n[site.routes]\n"/" = { respond = "toml" }\n`;
  writeFiles(folder, { "server.toml": toml });
  expect(nginx("-t", "-c", "server.toml").code).toBe(0);
  const env = { ...withoutNoOrphans(), ...controlHome(folder) };
  const child = Bun.spawn([join(folder, "nginx"), "-c", "server.toml"], {
    cwd: folder,
    env,
    stdio: ["ignore", "ignore", "ignore"],
  });
  await until("the text", PATIENCE_MS, async () => (await answer()) === "toml");
  expect(nginx("-s", "reload", "-c", "server.toml").code).toBe(0);
  expect(nginx("-s", "reopen", "-c", "server.toml").code).toBe(0);
  expect(nginx("-s", "dance", "-c", "server.toml").code).toBe(1);
  // Not waited for by a process that stands still: it would not see that its own child has ended.
  const quit = Bun.spawn([join(folder, "nginx"), "-s", "quit", "-c", "server.toml"], { cwd: folder, env });
  expect([await quit.exited, await child.exited]).toEqual([0, 0]);
  expect(nginx("-s", "quit", "-c", "server.toml").code).toBe(1);
});
