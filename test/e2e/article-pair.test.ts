/**
 * The article's pair of files, word for word but for paths and ports, in the combinations that uwsgi-run.test.ts does not
 * have: our front before the real uWSGI, ours as two processes, and both files in one server.toml.
 */
import { afterEach, setDefaultTimeout, expect } from "bun:test";
import { copyFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { BINARY, E2E_TIMEOUT_MS, runServer } from "../support/binary.ts";
import { freePort, makeFolder, removeFolder, writeFiles } from "../support/folder.ts";
import { nginxMissing } from "../support/nginx.ts";
import { Peer } from "../support/peer.ts";
import { testUnless } from "../support/skip.ts";
import { uwsgiMissing } from "../support/uwsgi.ts";
import { startOurs, startReal, writeProject } from "../support/uwsgi-files.ts";
import { until } from "../support/wait.ts";
import { type Address, get } from "../support/wire.ts";

setDefaultTimeout(E2E_TIMEOUT_MS);

const test = testUnless(nginxMissing() ?? uwsgiMissing());

const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

interface Article {
  readonly folder: string;
  readonly site: string;
  readonly socket: Address;
  readonly front: Address;
}

async function article(): Promise<Article> {
  const folder = makeFolder("pair");
  undo.push(() => removeFolder(folder));
  writeProject(folder);
  const site = join(folder, "site");
  const [port, front] = [await freePort(), await freePort()];
  const ini = `[uwsgi]\nsocket=127.0.0.1:${port}\nchdir=${site}\nwsgi-file=pkg/wsgi.py\nprocesses=4\nthreads=2\nmaster=True\n`;
  const conf = `events {
    worker_connections  1024;
}
http {
    include       mime.types;
    default_type  application/octet-stream;
    sendfile        on;
    server {
        listen ${front};
        server_name  localhost;
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
  for (const name of ["mime.types", "uwsgi_params"]) copyFileSync(`/etc/nginx/${name}`, join(folder, name));
  writeFiles(folder, { "site/uwsgi.ini": ini, "nginx.conf": conf });
  return { folder, site, socket: { host: "127.0.0.1", port }, front: { host: "127.0.0.1", port: front } };
}

/** What `server import` writes of these files, run by `server run`. */
async function startImported({ folder, front }: Article, files: readonly string[]): Promise<string> {
  const { code, stderr } = await runServer(["import", ...files, "-o", "server.toml"], folder);
  expect([code, stderr.match(/not-supported|error  /g) ?? []]).toEqual([0, []]);
  expect((await runServer(["check"], folder)).code).toBe(0);
  return startIn(folder, front);
}

/** By itself, also where nobody has said elsewhere that it may be root. */
async function startIn(folder: string, front: Address): Promise<string> {
  const command = ["env", "-u", "SERVER_RUN_AS_ROOT", BINARY, "run"];
  const peer = await Peer.start(command, front, folder, "SIGTERM");
  undo.push(() => peer.stop());
  return readFileSync(join(folder, "server.toml"), "utf8");
}

async function expectServed({ front, site }: Article): Promise<void> {
  await until("the page", 30_000, async () => (await get(front, "/a").catch(() => undefined))?.status === 200);
  const page = JSON.parse((await get(front, "/a/b?c=d")).body.toString());
  expect(page).toMatchObject({
    app: "application",
    PATH_INFO: "/a/b",
    QUERY_STRING: "c=d",
    SCRIPT_NAME: "",
    cwd: site,
  });
  expect((await get(front, "/static/site.css")).body.toString()).toStartWith("body");
  expect((await get(front, "/static/none.css")).status).toBe(404);
}

test("our front before the real uWSGI", async () => {
  const pair = await article();
  const uwsgi = await startReal(["--ini", "uwsgi.ini"], pair.socket, pair.folder);
  undo.push(() => uwsgi.stop());
  const toml = await startImported(pair, ["nginx.conf"]);
  expect(toml).toContain('protocol = "uwsgi"');
  await expectServed(pair);
});

test("ours as two processes with the socket between them", async () => {
  const pair = await article();
  const uwsgi = await startOurs(["--ini", "uwsgi.ini"], pair.socket, pair.folder);
  undo.push(() => uwsgi.stop());
  await startImported(pair, ["nginx.conf"]);
  await expectServed(pair);
});

test("both files in one server.toml, without a socket", async () => {
  const pair = await article();
  const toml = await startImported(pair, ["nginx.conf", "site/uwsgi.ini"]);
  expect(toml).toContain("[app.pkg]");
  // As whom uWSGI would have run: nobody is named.
  expect(toml.includes("run_as_root = true")).toBe(process.geteuid?.() === 0);
  expect(toml).not.toContain("uwsgi_socket");
  expect(toml).not.toContain("[upstream");
  await expectServed(pair);
});

test("the wizard takes the files over as server import does", async () => {
  const folder = makeFolder("pair-setup");
  undo.push(() => removeFolder(folder));
  writeProject(folder);
  const site = join(folder, "site");
  const front = { host: "127.0.0.1", port: await freePort() };
  const ini = `[uwsgi]\nhttp-socket=127.0.0.1:${front.port}\nchdir=${site}\nwsgi-file=pkg/wsgi.py\n`;
  writeFiles(folder, { "site/uwsgi.ini": ini });
  const words = ["setup", "--yes", "--import", "yes", "--start", "no"];
  const { code, stdout } = await runServer(words, site);
  expect([code, code === 0 ? "" : stdout]).toEqual([0, ""]);
  const toml = await startIn(site, front);
  expect(toml.includes("run_as_root")).toBe(process.geteuid?.() === 0);
  expect((await get(front, "/a")).status).toBe(200);
});
