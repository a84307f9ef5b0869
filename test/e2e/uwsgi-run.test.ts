/** The executable in the place of `uwsgi`: the article's files and commands, word for word but for paths and ports. */
import { afterEach, describe, expect, setDefaultTimeout, test as plainTest } from "bun:test";
import { copyFileSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { BINARY, E2E_TIMEOUT_MS, type Ended, withoutNoOrphans } from "../support/binary.ts";
import { freePort, makeFolder, removeFolder, writeFiles } from "../support/folder.ts";
import { nginxMissing } from "../support/nginx.ts";
import { Peer } from "../support/peer.ts";
import { isAlive, processAt } from "../support/processes.ts";
import { testUnless } from "../support/skip.ts";
import { startOurs, uwsgiLink, writeProject } from "../support/uwsgi-files.ts";
import { until } from "../support/wait.ts";
import { type Address, get } from "../support/wire.ts";

setDefaultTimeout(E2E_TIMEOUT_MS);

const BOUND_MS = 30_000;
const testWithNginx = testUnless(nginxMissing());

const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

function project(name: string): string {
  const folder = makeFolder(name);
  undo.push(() => removeFolder(folder));
  writeProject(folder);
  return folder;
}

/** To its end; what it leaves behind is not waited for. */
async function run(
  command: readonly string[],
  cwd: string,
  env: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  const child = Bun.spawn([...command], {
    cwd,
    env: { ...withoutNoOrphans(), ...env },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  return { code: await child.exited, stdout, stderr };
}

/** The number in the pid file; what runs under it is ended with the test. */
async function pidIn(file: string): Promise<number> {
  const pid = await until(file, BOUND_MS, () => (existsSync(file) ? Number(readFileSync(file, "utf8")) : undefined));
  undo.push(() => {
    const found = processAt(pid);
    if (found !== undefined && isAlive(found)) process.kill(pid, "SIGKILL");
  });
  return pid;
}

function answers(address: Address, target: string, status = 200): Promise<boolean> {
  return until(`${target} answered ${status}`, BOUND_MS, async () => {
    const answer = await get(address, target).catch(() => undefined);
    return answer?.status === status;
  });
}

async function appSeen(
  address: Address,
  target = "/",
): Promise<{ app: string; env: Readonly<Record<string, string>> }> {
  return JSON.parse((await get(address, target)).body.toString());
}

describe("the article's uwsgi.ini in the background", () => {
  testWithNginx("uwsgi --ini, nginx in front, uwsgi --reload, uwsgi --stop", async () => {
    const folder = project("article");
    const site = join(folder, "site");
    const uwsgi = uwsgiLink(folder);
    const [port, front] = [await freePort(), await freePort()];
    const ini = (more: string) =>
      `[uwsgi]\nsocket=127.0.0.1:${port}\nchdir=${site}\nwsgi-file=pkg/wsgi.py\nprocesses=4\nthreads=2\nmaster=True\npidfile=uwsgi.pid\ndaemonize=uwsgi.log\n${more}`;
    writeFiles(site, { "uwsgi.ini": ini("") });

    const started = await run([uwsgi, "--ini", "uwsgi.ini"], site);
    expect([started.code, started.stderr]).toEqual([0, "[uWSGI] getting INI configuration from uwsgi.ini\n"]);
    const pid = await pidIn(join(site, "uwsgi.pid"));
    // A second one does not start, and leaves the number of the first where it is.
    const second = await run([uwsgi, "--ini", "uwsgi.ini"], site);
    expect(second.code).toBe(1);
    await until(
      "the number of the first",
      BOUND_MS,
      () => readFileSync(join(site, "uwsgi.pid"), "utf8") === `${pid}\n`,
    );
    // What `ps` shows.
    expect(readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").slice(1, 4)).toEqual([
      "uwsgi",
      "--ini",
      "uwsgi.ini",
    ]);

    const nginx = await startArticleNginx(folder, site, port, front);
    undo.push(() => nginx.stop());
    const address = { host: "127.0.0.1", port: front };
    await answers(address, "/a");
    expect(await appSeen(address, "/a")).toMatchObject({ app: "application", PATH_INFO: "/a", SCRIPT_NAME: "" });
    expect((await get(address, "/static/site.css")).body.toString()).toStartWith("body");
    const log = () => readFileSync(join(site, "uwsgi.log"), "utf8");
    expect(log()).toContain("*** Starting server ");
    await until("the request in the log", BOUND_MS, () => log().includes("GET /a "));

    // The file is read again, as uWSGI does.
    writeFiles(site, { "uwsgi.ini": ini("env = CASE_NEW=1\n") });
    expect((await run([uwsgi, "--reload", "uwsgi.pid"], site)).code).toBe(0);
    await until("the new configuration", BOUND_MS, async () => (await appSeen(address)).env["CASE_NEW"] === "1");
    expect(Number(readFileSync(join(site, "uwsgi.pid"), "utf8"))).toBe(pid);

    expect((await run([uwsgi, "--stop", "uwsgi.pid"], site)).code).toBe(0);
    await until("its end", BOUND_MS, () => processAt(pid) === undefined);
    expect(existsSync(join(site, "uwsgi.pid"))).toBe(false);
    expect(log()).toContain("stopped");
    expect((await run([uwsgi, "--stop", "uwsgi.pid"], site)).code).toBe(1);
  });

  plainTest("one that cannot start says so before its command ends", async () => {
    const folder = project("no-start");
    const site = join(folder, "site");
    const port = await freePort();
    writeFiles(site, {
      "broken.py": "raise RuntimeError('broken on purpose')\n",
      "uwsgi.ini": `[uwsgi]\nhttp-socket = 127.0.0.1:${port}\nmodule = broken\ndaemonize = uwsgi.log\npidfile = run.pid\n`,
    });
    const { code, stderr } = await run([uwsgiLink(folder), "--ini", "uwsgi.ini"], site);
    expect(code).toBe(1);
    expect(stderr).toContain("server: it does not start: ");
    expect(readFileSync(join(site, "uwsgi.log"), "utf8")).toContain("broken on purpose");
    await until("the end of its pid file", BOUND_MS, () => !existsSync(join(site, "run.pid")));
  });
});

/** The article's nginx.conf: its paths, ports and the number of workers are the test's. */
function startArticleNginx(folder: string, site: string, port: number, front: number): Promise<Peer> {
  for (const name of ["mime.types", "uwsgi_params"]) copyFileSync(`/etc/nginx/${name}`, join(folder, name));
  const user = process.getuid?.() === 0 ? "user root;\n" : "";
  const text = `${user}daemon off;
pid ${folder}/nginx.pid;
events {
    worker_connections  1024;
}
http {
    access_log off;
    include       mime.types;
    default_type  application/octet-stream;
    sendfile        on;
    server {
        listen ${front};
        server_name localhost;
        charset utf-8;
        location / {
           include uwsgi_params;
           uwsgi_pass 127.0.0.1:${port};
           uwsgi_param UWSGI_SCRIPT pkg.wsgi;
           uwsgi_param UWSGI_CHDIR ${site}/;
        }
        location /static/ {
           alias ${site}/static/;
        }
    }
}
`;
  writeFiles(folder, { "nginx.conf": text });
  const program = Bun.which("nginx") ?? "/usr/sbin/nginx";
  const command = [program, "-p", folder, "-c", "nginx.conf", "-e", join(folder, "nginx-error.log")];
  return Peer.start(command, { host: "127.0.0.1", port: front }, folder, "SIGTERM");
}

describe("in the foreground", () => {
  plainTest("server --ini says what it reads, writes its pid file, and ends with TERM", async () => {
    const folder = project("ini");
    const site = join(folder, "site");
    const port = await freePort();
    const address = { host: "127.0.0.1", port };
    writeFiles(site, {
      "uwsgi.ini": `[uwsgi]\nhttp-socket = 127.0.0.1:${port}\nmodule = facts\npidfile = run.pid\ntouch-reload = again\nenv = CASE_HOST=@(exec://echo from-a-command)\nvaccum = true\n`,
      again: "",
    });
    const child = Bun.spawn([BINARY, "--ini", "uwsgi.ini"], {
      cwd: site,
      stdin: "ignore",
      stdout: "ignore",
      stderr: "pipe",
    });
    undo.push(() => child.kill("SIGKILL"));
    const stderr = new Response(child.stderr).text();
    await answers(address, "/");
    expect(await pidIn(join(site, "run.pid"))).toBe(child.pid);
    expect((await appSeen(address)).env).toEqual({ CASE_HOST: "from-a-command" });

    writeFiles(site, {
      "facts.py": readFileSync(join(site, "facts.py"), "utf8").replaceAll(
        '"application", environ',
        '"changed", environ',
      ),
    });
    writeFiles(site, { again: "now" });
    await until("the new code", BOUND_MS, async () => (await appSeen(address)).app === "changed");

    child.kill("SIGTERM");
    expect(await child.exited).toBe(0);
    const said = await stderr;
    expect(said).toStartWith("[uWSGI] getting INI configuration from uwsgi.ini\n");
    expect(said).toContain("vaccum = true: is no option of uWSGI");
    expect(said).toContain(`spawned server master process (pid: ${child.pid})`);
    await until("the end of its pid file", BOUND_MS, () => !existsSync(join(site, "run.pid")));
  });

  plainTest("options and variables of the environment are enough", async () => {
    const folder = project("flags");
    const port = await freePort();
    const address = { host: "127.0.0.1", port };
    const peer = await startOurs(
      ["--http", `:${port}`, "--module", "facts:other", "--env", "CASE_F=1"],
      address,
      folder,
    );
    undo.push(() => peer.stop());
    expect(await appSeen(address)).toMatchObject({ app: "other", env: { CASE_F: "1" } });
    await peer.stop();

    const site = join(folder, "site");
    const command = [BINARY, "uwsgi", "--module", "facts"];
    const env = { UWSGI_HTTP_SOCKET: `127.0.0.1:${port}`, UWSGI_ENV: "CASE_E=2" };
    const child = Bun.spawn(command, {
      cwd: site,
      env: { ...withoutNoOrphans(), ...env },
      stdin: "ignore",
      stdout: "ignore",
      stderr: "ignore",
    });
    undo.push(() => child.kill("SIGKILL"));
    await answers(address, "/");
    expect(await appSeen(address)).toMatchObject({ app: "application", env: { CASE_E: "2" } });
    child.kill("SIGTERM");
    expect(await child.exited).toBe(0);
  });
});

describe("what cannot be", () => {
  plainTest("what would behave otherwise is named and nothing starts, unless it is to be partial", async () => {
    const folder = project("partial");
    const site = join(folder, "site");
    const port = await freePort();
    writeFiles(site, { "uwsgi.ini": `[uwsgi]\nhttp-socket = 127.0.0.1:${port}\nmodule = facts\nspooler = tasks\n` });
    const refused = await run([BINARY, "--ini", "uwsgi.ini"], site);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain("uwsgi.ini:4:1: not-supported   spooler = tasks: there is no spooler");
    expect(refused.stderr).toContain("nothing is started");
    const address = { host: "127.0.0.1", port };
    const peer = await startOurs(["--partial", "--ini", "uwsgi.ini"], address, folder);
    undo.push(() => peer.stop());
    await answers(address, "/");
  });

  plainTest("a mistake is shown where the option stands", async () => {
    const folder = project("mistakes");
    const site = join(folder, "site");
    writeFiles(site, { "uwsgi.ini": "[uwsgi]\nhttp-socket = :8080\nchdir = nowhere\nmodule = facts\n" });
    const { code, stderr } = await run([BINARY, "--ini", "uwsgi.ini"], site);
    expect(code).toBe(2);
    expect(stderr).toContain(`uwsgi.ini:3:1: app.facts.root: names ${site}/nowhere, which does not exist`);
    writeFiles(site, { "uwsgi.ini": "[uwsgi]\nhttp-socket = :1x\nmodule = facts\n" });
    expect((await run([BINARY, "--ini", "uwsgi.ini"], site)).stderr).toContain(
      "uwsgi.ini:2:1: not-supported   http-socket = :1x",
    );
    const conflict = "[uwsgi]\nmodule = facts\n<<<<<<< ours\nprocesses = 2\n";
    writeFiles(site, { "uwsgi.ini": conflict });
    const broken = await run([BINARY, "--ini", "uwsgi.ini"], site);
    expect(broken.code).toBe(1);
    expect(broken.stderr).toContain("3 | <<<<<<< ours\n");
  });

  plainTest("a pid file of nobody is an error", async () => {
    const folder = project("pids");
    const site = join(folder, "site");
    writeFiles(site, { "old.pid": "4194303\n", "odd.pid": "x\n" });
    for (const [file, why] of [
      ["old.pid", "that process is gone"],
      ["odd.pid", "no number of a process"],
      ["none.pid", "there is no such file"],
    ] as const) {
      const { code, stderr } = await run([BINARY, "--stop", file], site);
      expect([code, stderr.includes(why)]).toEqual([1, true]);
    }
  });
});
