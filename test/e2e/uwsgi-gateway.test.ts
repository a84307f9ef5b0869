/**
 * What a uwsgi.ini says beside the app, behind a gateway: the real nginx passes to the machine's uWSGI and to this server
 * under its name, both given the same file, and clients get the same from both. Then the pair of files as one server.
 */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout } from "bun:test";
import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { BINARY, E2E_TIMEOUT_MS, runServer } from "../support/binary.ts";
import { freePort, makeFolder, removeFolder, writeFiles } from "../support/folder.ts";
import { nginxMissing, startNginxOn, UWSGI_PARAMS } from "../support/nginx.ts";
import { Peer } from "../support/peer.ts";
import { testUnless } from "../support/skip.ts";
import { uwsgiMissing } from "../support/uwsgi.ts";
import { startOurs, startReal, writeProject } from "../support/uwsgi-files.ts";
import { type Address, ask, field } from "../support/wire.ts";

setDefaultTimeout(E2E_TIMEOUT_MS);

const missing = nginxMissing() ?? uwsgiMissing();
const test = testUnless(missing);
const folder = makeFolder("uwsgi-gateway");
const site = join(folder, "site");
const peers: Peer[] = [];

interface Case {
  readonly name: string;
  readonly ini: string;
  /** Inside `server { }`; `@SOCKET@` is where uWSGI is. */
  readonly nginx: string;
  readonly targets: readonly string[];
}

const CASES: readonly Case[] = [
  {
    name: "static-map, check-static, add-header and limit-post",
    ini:
      "wsgi-file = facts.py\nstatic-map = /static=@SITE@/static\nstatic-map = /media=media\ncheck-static = @SITE@/static\n" +
      "add-header = X-By: uwsgi\nlimit-post = 4\n",
    nginx: "location / { include uwsgi_params; uwsgi_pass @SOCKET@; }",
    targets: [
      "/",
      "/a/b?c=d",
      "/static/site.css",
      "/static/none.css",
      "/media/a.txt",
      "/site.css",
      "/favicon.ico",
      "/static/dir/",
    ],
  },
  {
    name: "mounts with manage-script-name",
    ini: "manage-script-name = true\nmount = /shop=facts:other\nmount = /blog=pkg.wsgi:application\n",
    nginx: "location / { include uwsgi_params; uwsgi_pass @SOCKET@; }",
    targets: ["/shop/a?b=c", "/shop/", "/shop", "/blog/x/y", "/", "/elsewhere"],
  },
  {
    name: "SCRIPT_NAME by uwsgi_param and modifier 30",
    ini: "wsgi-file = facts.py\n",
    nginx:
      "location /app { include uwsgi_params; uwsgi_param SCRIPT_NAME /app; uwsgi_modifier1 30; uwsgi_pass @SOCKET@; } " +
      "location / { return 204; }",
    targets: ["/app", "/app/", "/app/x?y=z", "/app/a%20b", "/other"],
  },
];

const places: { readonly there: Address; readonly here: Address }[] = [];

beforeAll(async () => {
  if (missing !== undefined) return;
  writeProject(folder);
  copyFileSync(UWSGI_PARAMS, join(folder, "uwsgi_params"));
  const servers: string[] = [];
  let firstPort = 0;
  for (const [index, { ini, nginx }] of CASES.entries()) {
    const fronts: Address[] = [];
    for (const [who, start] of [["real", startReal] as const, ["ours", startOurs] as const]) {
      const [socket, port] = [await freePort(), await freePort()];
      const text = `[uwsgi]\nsocket = 127.0.0.1:${socket}\nchdir = @SITE@\nmaster = true\n${ini}`;
      writeFiles(site, { [`${who}/case${index}.ini`]: text.replaceAll("@SITE@", site) });
      peers.push(await start(["--ini", `${who}/case${index}.ini`], { host: "127.0.0.1", port: socket }, folder));
      servers.push(`server { listen 127.0.0.1:${port}; ${nginx.replaceAll("@SOCKET@", `127.0.0.1:${socket}`)} }`);
      firstPort ||= port;
      fronts.push({ host: "127.0.0.1", port });
    }
    places.push({ there: fronts[0] as Address, here: fronts[1] as Address });
  }
  peers.push(await startNginxOn(`http {\n${servers.join("\n")}\n}`, folder, firstPort));
});

afterAll(async () => {
  await Promise.all(peers.map((peer) => peer.stop()));
  removeFolder(folder);
});

function request(target: string, body = ""): string {
  const [method, length] = body === "" ? ["GET", ""] : ["POST", `Content-Length: ${body.length}\r\n`];
  return `${method} ${target} HTTP/1.1\r\nHost: site.example\r\n${length}Connection: close\r\n\r\n${body}`;
}

/** Types of files depend on what the machine's mime.types says; texts of errors are each server's own. */
async function told(address: Address, text: string): Promise<unknown> {
  const answer = await ask(address, text);
  const body = answer.body.toString();
  const shown = body.startsWith("{") ? JSON.parse(body) : answer.status < 400 ? body : "";
  return { status: answer.status, by: field(answer, "X-By"), body: shown };
}

CASES.forEach(({ name, targets }, index) => {
  describe(name, () => {
    test("every request is answered alike", async () => {
      const place = places[index];
      if (place === undefined) throw new Error("not started");
      for (const target of targets) {
        const text = request(target);
        expect([target, await told(place.here, text)]).toEqual([target, await told(place.there, text)]);
      }
    });
  });
});

test("a body beyond limit-post: 413 here, there uWSGI hangs up and nginx says 502", async () => {
  const place = places[0];
  if (place === undefined) throw new Error("not started");
  const [here, there] = [await ask(place.here, request("/", "hello")), await ask(place.there, request("/", "hello"))];
  expect([here.status, there.status]).toEqual([413, 502]);
});

test("the pair becomes one server: what uWSGI served beside the app is served below nginx's routes", async () => {
  const port = await freePort();
  writeFiles(site, {
    "pair/uwsgi.ini": `[uwsgi]\nsocket = 127.0.0.1:9\nchdir = ${site}\nmodule = facts\nstatic-map = /static=${site}/static\n`,
    "pair/nginx.conf": `server { listen 127.0.0.1:${port}; location / { include uwsgi_params; uwsgi_pass 127.0.0.1:9; } }`,
  });
  const pair = join(site, "pair");
  const { code, stderr } = await runServer(["import", "nginx.conf", "uwsgi.ini", "-o", "server.toml"], pair);
  expect([code, stderr.match(/not-supported|error  /g) ?? []]).toEqual([0, []]);
  const peer = await Peer.start([BINARY, "run"], { host: "127.0.0.1", port }, pair, "SIGTERM");
  peers.push(peer);
  const file = await ask(peer.address, request("/static/site.css"));
  expect([file.status, file.body.toString()]).toEqual([200, "body { color: black }\n"]);
  expect(await told(peer.address, request("/x"))).toMatchObject({ status: 200, body: { PATH_INFO: "/x" } });
});
