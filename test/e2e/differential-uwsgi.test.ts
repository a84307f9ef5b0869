/**
 * The same uwsgi.ini served by the machine's uWSGI and by the server under its name: what the app sees and what a client gets
 * must be equal. Where they are meant to differ, a test says how.
 */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout } from "bun:test";
import { join } from "node:path";
import { E2E_TIMEOUT_MS } from "../support/binary.ts";
import { freePort, makeFolder, removeFolder, writeFiles } from "../support/folder.ts";
import type { Peer } from "../support/peer.ts";
import { testUnless } from "../support/skip.ts";
import { uwsgiMissing } from "../support/uwsgi.ts";
import { startOurs, startReal, writeProject } from "../support/uwsgi-files.ts";
import { type Address, ask, Client, field, get } from "../support/wire.ts";

setDefaultTimeout(E2E_TIMEOUT_MS);

const missing = uwsgiMissing();
const test = testUnless(missing);

interface Case {
  readonly name: string;
  /** `@PORT@` and `@SITE@` are filled in. A name that ends in .yaml is the YAML form; undefined: only words. */
  readonly file?: readonly [name: string, text: string];
  readonly words?: readonly string[];
  /** Targets of GET. */
  readonly targets: readonly string[];
  /** Fields of replies that are to be equal, too. */
  readonly fields?: readonly string[];
}

const CASES: readonly Case[] = [
  {
    name: "static-map, with what is not there asked of the app",
    file: [
      "uwsgi.ini",
      "[uwsgi]\nhttp-socket = 127.0.0.1:@PORT@\nchdir = @SITE@\nwsgi-file = facts.py\nmaster = true\n" +
        "static-map = /static=@SITE@/static\nstatic-map = /media=media\nstatic-map = /favicon.ico=@SITE@/static/favicon.ico\n" +
        "env = CASE_A=a=b\nenv = CASE_V=@(@SITE@/VERSION)\n",
    ],
    targets: [
      "/",
      "/a/b?c=d%20e",
      "/static/site.css",
      "/static/none.css",
      "/static/dir/",
      "/static",
      "/media/a.txt",
      "/favicon.ico",
      "/a%20b",
      "/static/../facts.py",
    ],
  },
  {
    name: "mounts with manage-script-name",
    file: [
      "uwsgi.ini",
      "[uwsgi]\nhttp-socket = 127.0.0.1:@PORT@\nchdir = @SITE@\nmanage-script-name = true\nmount = /shop=facts:other\n" +
        "mount = /blog=pkg.wsgi:application\nmaster = true\nprocesses = 2\nthreads = 2\n",
    ],
    targets: ["/shop/a?b=c", "/shop/", "/shop", "/shopping", "/blog/x/y", "/", "/elsewhere"],
  },
  {
    name: "a module with a callable, one process of one thread",
    file: [
      "uwsgi.ini",
      "[uwsgi]\nhttp-socket = 127.0.0.1:@PORT@\nchdir = @SITE@\nmodule = pkg.wsgi\ncallable = other\npp = @SITE@/extra\n",
    ],
    targets: ["/", "/x"],
  },
  {
    name: "sections, placeholders and magic variables",
    file: [
      "uwsgi.ini",
      "[uwsgi]\nini = :base\nname = pkg\nmodule = %(name).wsgi:application\nenv = CASE_N=%n-%e\nenv = CASE_P=100%%\n" +
        "env = CASE_SUM=%(workers * 3)\nfor = X Y\nenv = CASE_%(_)=%(_)%(_)\nendfor =\nif-env = NOBODY_SETS_THIS\nenv = CASE_NEVER=1\nendif =\n" +
        "[base]\nhttp-socket = 127.0.0.1:@PORT@\nchdir = %d\nworkers = 2\nlazy-apps = true\n",
    ],
    targets: ["/"],
  },
  {
    name: "the http router, with threads",
    file: [
      "uwsgi.ini",
      "[uwsgi]\nhttp = 127.0.0.1:@PORT@\nchdir = @SITE@\nmodule = facts\nthreads = 4\nmaster = 1 ; yes\n",
    ],
    targets: ["/", "/a//b", "/%E4%BD%A0"],
  },
  {
    name: "YAML",
    file: [
      "uwsgi.yaml",
      'uwsgi:\n  http-socket: "127.0.0.1:@PORT@"\n  chdir: @SITE@\n  module: facts:other\n  env: CASE_Y=yes\n  processes: 2\n',
    ],
    targets: ["/"],
  },
  {
    name: "options on the command line",
    words: [
      "--http-socket",
      "127.0.0.1:@PORT@",
      "--chdir=@SITE@",
      "-w",
      "facts",
      "-Mp2",
      "--threads=2",
      "--env",
      "CASE_O=1",
    ],
    targets: ["/", "/z?"],
  },
  {
    name: "several directories behind one prefix, one below another, and files",
    file: [
      "uwsgi.ini",
      "[uwsgi]\nhttp-socket = 127.0.0.1:@PORT@\nchdir = @SITE@\nmodule = facts\nstatic-map = /static=static\n" +
        "static-map = /static=media\nstatic-map = /static/inner=media\nstatic-map = /robots.txt=static/robots.txt\n" +
        "static-map = /page=static/page.html\nstatic-map2 = /media=@SITE@\n",
    ],
    targets: [
      "/static/site.css",
      "/static/a.txt",
      "/static/none",
      "/static/",
      "/static/dir/",
      "/static/inner",
      "/static/inner/",
      "/static/inner/a.txt",
      "/static/inner/site.css",
      "/static/inner/none",
      "/robots.txt",
      "/page",
      "/page/x",
      "/media/a.txt",
      "/media/none",
    ],
  },
  {
    name: "two of check-static before a static-map",
    file: [
      "uwsgi.ini",
      "[uwsgi]\nhttp-socket = 127.0.0.1:@PORT@\nchdir = @SITE@\nmodule = facts\nstatic-map = /inner=media\n" +
        "check-static = static\ncheck-static = media\nstatic-index = index.html\n",
    ],
    targets: [
      "/site.css",
      "/a.txt",
      "/inner/a.txt",
      "/inner/site.css",
      "/dir/",
      "/",
      "/inner/",
      "/none",
      "/inner/none",
    ],
  },
  {
    name: "routing that adds fields and answers",
    file: [
      "uwsgi.ini",
      "[uwsgi]\nhttp-socket = 127.0.0.1:@PORT@\nchdir = @SITE@\nmodule = facts\nstatic-map = /static=static\n" +
        "add-header = X-A: 1\nadd-header = X-A: 2\nroute = ^/static/ addheader:Content-Security-Policy: sandbox\n" +
        "route = ^/m/([a-z]+) addheader:X-Kind: $1 at ${HTTP_HOST} for 5\nroute-uri = \\?down addheader:X-Down: yes\n" +
        "route-run = addheader:X-A: 3\nroute-if = equal:${HTTP_X_ONE};1 addheader:X-One: one\n" +
        "route = ^/old/(.*)$ redirect:/new/$1\nroute-uri = ^/q\\?a= redirect-permanent:https://x.example${REQUEST_URI}\n" +
        "route = ^/gone break:410 Gone\nroute = ^/health$ return:200\nroute = ^/shut return:403\n" +
        "response-route-status = 200 addheader:X-Good: yes\n",
    ],
    targets: [
      "/static/site.css",
      "/static/none",
      "/m/a1/b",
      "/M/a",
      "/x?down",
      "/down?x",
      "/old/a/b?c=d",
      "/old",
      "/q?a=b&c",
      "/gone/x?y",
      "/health",
      "/healthy",
      "/shut",
    ],
    fields: ["Content-Security-Policy", "X-Kind", "X-Down", "X-A", "X-One", "X-Good", "Location"],
  },
  {
    name: "commands that are done before the app is loaded",
    file: [
      "uwsgi.ini",
      "[uwsgi]\nhttp-socket = 127.0.0.1:@PORT@\nchdir = @SITE@/pkg\npythonpath = @SITE@\nmodule = facts\nmaster = true\n" +
        "made = @SITE@/made-@PORT@.txt\nexec-pre-app = echo command pre-app in $(basename $PWD) >> %(made)\n" +
        "hook-pre-app = exec:echo pre-app in $(basename $PWD) >> %(made)\n" +
        "hook-pre-app = safeexec:echo fails >> %(made); exit 1\n" +
        "exec-in-jail = echo in-jail in $(basename $PWD) >> %(made)\n" +
        "hook-pre-jail = exec:echo pre-jail >> %(made)\nexec-asap = echo asap >> %(made)\n" +
        "hook-post-jail = exec:echo post-jail >> %(made)\nstatic-map = /made.txt=%(made)\n",
    ],
    targets: ["/made.txt", "/"],
  },
  {
    name: "check-static with an index",
    file: [
      "uwsgi.ini",
      "[uwsgi]\nhttp-socket = 127.0.0.1:@PORT@\nchdir = @SITE@\nmodule = facts\ncheck-static = @SITE@/static\nstatic-index = index.html\n",
    ],
    targets: ["/site.css", "/dir/", "/", "/none"],
  },
];

interface Pair {
  readonly folder: string;
  readonly ours: Peer;
  readonly real: Peer;
}

async function startPair({ file, words = [] }: Case): Promise<Pair> {
  const folder = makeFolder("uwsgi-pair");
  writeProject(folder);
  const site = join(folder, "site");
  const start = async (how: typeof startOurs, name: string): Promise<Peer> => {
    const port = await freePort();
    const fill = (text: string) => text.replaceAll("@PORT@", String(port)).replaceAll("@SITE@", site);
    const form = file?.[0].endsWith(".yaml") === true ? "--yaml" : "--ini";
    const path = `${name}-${file?.[0] ?? ""}`;
    // Both are called the same, so that %n is.
    if (file !== undefined)
      writeFiles(site, { [`${name}/${file[0]}`]: fill(file[1]).replaceAll("chdir = %d", `chdir = ${site}`) });
    const given = file === undefined ? words.map(fill) : [form, `${name}/${file[0]}`];
    return how(given, { host: "127.0.0.1", port }, folder).catch((error: unknown) => {
      throw new Error(`${path}: ${String(error)}`, { cause: error });
    });
  };
  const ours = await start(startOurs, "ours");
  const real = await start(startReal, "real").catch(async (error: unknown) => {
    await ours.stop();
    throw error;
  });
  return { folder, ours, real };
}

async function stopPair(pair: Pair | undefined): Promise<void> {
  if (pair === undefined) return;
  await Promise.all([pair.ours.stop(), pair.real.stop()]);
  removeFolder(pair.folder);
}

/** What must be equal: addresses apart, which they cannot share. */
async function told(address: Address, request: string, fields: readonly string[] = []): Promise<unknown> {
  const answer = await ask(address, request);
  // What a redirect says beside its Location nobody reads.
  const text = answer.status >= 300 && answer.status < 400 ? "" : answer.body.toString();
  const type = field(answer, "Content-Type")?.split(";", 1)[0];
  const isApp = type === "application/json";
  const values = fields.map((name) =>
    answer.fields.filter(([each]) => each.toLowerCase() === name.toLowerCase()).map(([, value]) => [name, value]),
  );
  return { status: answer.status, type: isApp ? type : undefined, body: isApp ? JSON.parse(text) : text, values };
}

function request(target: string): string {
  return `GET ${target} HTTP/1.1\r\nHost: site.example\r\nX-One: 1\r\nConnection: close\r\n\r\n`;
}

const POST =
  "POST /form?x=1 HTTP/1.1\r\nHost: site.example\r\nContent-Type: text/plain\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello";

for (const each of CASES) {
  describe(each.name, () => {
    let pair: Pair | undefined;
    beforeAll(async () => {
      if (missing === undefined) pair = await startPair(each);
    });
    afterAll(() => stopPair(pair));

    test("every request is answered alike", async () => {
      if (pair === undefined) throw new Error("not started");
      for (const text of [...each.targets.map(request), POST]) {
        const line = text.split("\r\n", 1)[0];
        const [ours, real] = [pair.ours.address, pair.real.address];
        expect([line, await told(ours, text, each.fields)]).toEqual([line, await told(real, text, each.fields)]);
      }
    });
  });
}

describe("what differs, and is meant to", () => {
  let pair: Pair | undefined;
  beforeAll(async () => {
    if (missing !== undefined) return;
    const ini =
      "[uwsgi]\nhttp-socket = 127.0.0.1:@PORT@\nchdir = @SITE@\nmodule = facts\nharakiri = 1\nmaster = true\nneed-app = true\n";
    pair = await startPair({ name: "", file: ["uwsgi.ini", ini], targets: [] });
  });
  afterAll(() => stopPair(pair));

  test("a request that takes longer than harakiri: no answer there, 504 here", async () => {
    if (pair === undefined) throw new Error("not started");
    const answer = await ask(pair.ours.address, request("/sleep"));
    expect(answer.status).toBe(504);
    const there = await ask(pair.real.address, request("/sleep")).then(
      ({ status }) => status,
      () => "none",
    );
    expect(there).toBe("none");
    expect((await get(pair.ours.address, "/")).status).toBe(200);
  });

  test("a connection is kept here, and closed there", async () => {
    if (pair === undefined) throw new Error("not started");
    const client = await Client.open(pair.ours.address);
    for (const target of ["/1", "/2"]) {
      client.send(`GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`);
      expect((await client.answer()).status).toBe(200);
    }
    client.close();
    const other = await Client.open(pair.real.address);
    other.send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\n");
    expect((await other.answer()).status).toBe(200);
    // It ends by itself.
    expect((await other.rest()).length).toBe(0);
  });
});
