/** Makes the scenes: folders of files, the sample project filled, upstreams started. */
import { randomBytes } from "node:crypto";
import { mkdirSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Authority } from "../../../test/support/certificates.ts";
import { freePort, ROOT, writeFiles } from "../../../test/support/folder.ts";
import { startNginx } from "../../../test/support/nginx.ts";
import { WSGI_FOLDER } from "../../../test/support/toml.ts";
import { startUwsgi } from "../../../test/support/uwsgi.ts";
import { chooseDjango } from "../../sample/django.ts";
import { prepareProject, PROJECT } from "../../sample/prepare.ts";
import { run } from "../../sample/run.ts";
import { startEcho } from "../load/conversations.ts";
import { FILE_BYTES, FILE_TIME, MANY, MANY_BYTES, MANY_FOLDERS, MEGABYTE, PAGE_BYTES, PAGE_ENTRIES } from "./scene.ts";
import type { Prepared, SceneName } from "./scene.ts";

const nothing = async () => {};

/** The 10,000 files take a while to make. */
export interface Wanted {
  readonly manyFiles: boolean;
}

export const PREPARE: Readonly<Record<SceneName, (folder: string, wanted: Wanted) => Promise<Prepared>>> = {
  wsgi: async () => ({ scene: { app: { root: WSGI_FOLDER, module: "rows" } }, stop: nothing }),
  django: async () => ({ scene: { app: djangoProject() }, stop: nothing }),
  files: async (folder, wanted) => ({ scene: { files: makeTree(folder, wanted) }, stop: nothing }),
  tls: async (folder) => {
    const certificate = new Authority(folder).make("bench", { names: "IP:127.0.0.1,DNS:localhost" });
    // Servers that give up being root read them before, but not all do.
    Bun.spawnSync(["chmod", "644", certificate.key]);
    return { scene: { files: makeTree(folder, { manyFiles: false }), tls: certificate }, stop: nothing };
  },
  proxy: startUpstreams,
  websocket: async () => {
    const echo = startEcho();
    return { scene: { upstream: echo.port }, stop: async () => echo.stop() };
  },
};

function makeTree(folder: string, { manyFiles }: Wanted): string {
  const root = join(folder, "tree");
  mkdirSync(root);
  const noise = Buffer.concat(Array.from({ length: 100 }, () => randomBytes(MEGABYTE)));
  for (const [name, size] of Object.entries(FILE_BYTES)) writeOld(join(root, name), noise.subarray(0, size));
  for (let i = 0; manyFiles && i < MANY_FOLDERS; i++) {
    mkdirSync(join(root, `many${i}`));
    for (let n = 0; n < MANY; n++) writeOld(join(root, `many${i}`, `${n}.css`), noise.subarray(n, n + MANY_BYTES));
  }
  return root;
}

function writeOld(path: string, bytes: Uint8Array): void {
  writeFileSync(path, bytes);
  utimesSync(path, FILE_TIME, FILE_TIME);
}

/** The sample project with Debian's Django, which every peer's interpreter sees, and a page to show. */
function djangoProject() {
  const django = chooseDjango("debian", () => {});
  const data = join(ROOT, ".build/bench", django.source);
  prepareProject(django, data, () => {});
  const fill = `from guestbook.models import Entry
Entry.objects.all().delete()
for number in range(${PAGE_ENTRIES}): Entry.objects.create(name="visitor %d" % number, message="A line about the weather.")`;
  const filled = run([django.python, "manage.py", "shell", "-c", fill], { cwd: PROJECT, env: { MYSITE_DATA: data } });
  if (filled.code !== 0) throw new Error(`the sample's pages could not be filled:\n${filled.stderr}`);
  return { root: PROJECT, module: "mysite.wsgi", env: { MYSITE_DATA: data } };
}

/** An nginx with a small reply, a megabyte and a page; a uWSGI with a hello. */
async function startUpstreams(folder: string): Promise<Prepared> {
  const upstream = await freePort();
  const uwsgi = join(folder, "upstream.sock");
  const manual = await Bun.file(join(ROOT, "docs/config.md")).text();
  const page = manual.replace(/[^ -~\n]/g, "").slice(0, PAGE_BYTES);
  writeFiles(folder, { "www/large": Buffer.alloc(MEGABYTE, "x"), "www/page/page.html": page });
  const http = "keepalive_requests 100000000; sendfile on; open_file_cache max=100;";
  const server = `root ${folder}/www; location = /small { default_type text/plain; return 200 "Hello, world!"; }`;
  const nginx = await startNginx({ folder, port: upstream, http, server, workers: 1 });
  const more = ["--disable-logging", "--listen", "1024"];
  const app = await startUwsgi({ address: { path: uwsgi }, module: "hello", folder, more });
  const stop = async () => {
    await nginx.stop();
    await app.stop();
  };
  return { scene: { upstream, uwsgi }, stop };
}
