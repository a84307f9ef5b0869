/** Serving without a file: `server run --app`, `server files`, `server proxy`, and the file that each of them prints. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { controlHome, E2E_TIMEOUT_MS, runServer, type Server, startServer, startWords } from "../support/binary.ts";
import { freePort, makeFolder, removeFolder, writeFiles } from "../support/folder.ts";
import { testUnless } from "../support/skip.ts";
import { WSGI_FOLDER } from "../support/toml.ts";
import { get } from "../support/wire.ts";

setDefaultTimeout(E2E_TIMEOUT_MS);

let folder = "";
const servers: Server[] = [];

beforeAll(() => {
  folder = makeFolder("quick");
  writeFiles(folder, {
    "hello.py":
      'def application(environ, start):\n    start("200 OK", [])\n    return [b"hello " + environ["PATH_INFO"].encode()]\n',
    "static/site.css": "body {}\n",
    "static/.secret": "no",
    "web/index.html": "<p>front page\n",
    "favicon.ico": "icon",
  });
  mkdirSync(join(folder, "web/empty"));
});

afterAll(async () => {
  for (const server of servers) await server.dispose();
  removeFolder(folder);
});

async function start(
  words: readonly string[],
  more: readonly string[] = [],
): Promise<{ port: number; server: Server }> {
  const port = await freePort();
  const server = await startWords([...words, "--listen", `127.0.0.1:${port}`, ...more], folder, { folder });
  servers.push(server);
  return { port, server };
}

async function text(port: number, path: string): Promise<string> {
  const { status, body } = await get({ host: "127.0.0.1", port }, path);
  return `${status} ${body.toString()}`;
}

describe("server run --app", () => {
  const WORDS = [
    "run",
    "--app",
    "hello:application",
    "--files",
    "/static/=static",
    "--files",
    "/favicon.ico=favicon.ico",
  ];

  test("serves an application and files, and is found by status and stop in its folder", async () => {
    const { port, server } = await start(WORDS, ["--processes", "1"]);
    expect(await text(port, "/x")).toBe("200 hello /x");
    expect(await text(port, "/static/site.css")).toBe("200 body {}\n");
    expect(await text(port, "/static/.secret")).toStartWith("404");
    expect(await text(port, "/favicon.ico")).toBe("200 icon");
    const env = controlHome(folder);
    expect((await runServer(["status"], folder, env)).stdout).toContain(`http://127.0.0.1:${port}`);
    expect(await runServer(["reload"], folder, env)).toMatchObject({ code: 0 });
    expect(await text(port, "/y")).toBe("200 hello /y");
    expect(await runServer(["stop"], folder, env)).toMatchObject({ code: 0 });
    expect(await server.ended()).toBe(0);
  });

  test("what it prints is a file that serves the same", async () => {
    const port = await freePort();
    const printed = await runServer([...WORDS, "--listen", `127.0.0.1:${port}`, "--processes", "1", "--print"], folder);
    expect(printed).toMatchObject({ code: 0, stderr: "" });
    const copy = makeFolder("quick-printed");
    for (const name of ["hello.py", "static", "favicon.ico"]) symlinkSync(join(folder, name), join(copy, name));
    const server = await startServer(printed.stdout, { folder: copy });
    try {
      expect(await text(port, "/x")).toBe("200 hello /x");
      expect(await text(port, "/static/site.css")).toBe("200 body {}\n");
      expect(await text(port, "/favicon.ico")).toBe("200 icon");
    } finally {
      await server.dispose();
      removeFolder(copy);
    }
  });

  testUnless(process.geteuid?.() === 0 ? undefined : "only root can be refused")(
    "as root it wants to know as whom, and becomes that user",
    async () => {
      const port = await freePort();
      const anywhere = ["run", "--app", "hello:application", "--processes", "1", "--listen"];
      const refused = await runServer([...anywhere, String(port)], folder, { SERVER_RUN_AS_ROOT: "" });
      expect(refused).toMatchObject({ code: 1, stdout: "" });
      expect(refused.stderr).toStartWith("server run: the application would be root: --user www-data names somebody");
      const env = { SERVER_RUN_AS_ROOT: "" };
      const words = [...anywhere, `127.0.0.1:${port}`];
      const server = await startWords([...words, "--user", "nobody"], folder, { folder, env });
      expect(await text(port, "/x")).toBe("200 hello /x");
      expect(server.log).toContain("runs as nobody");
      await server.dispose();
    },
  );

  test("listens on this machine alone unless told otherwise", async () => {
    const { stdout } = await runServer(["run", "--app", "hello:application", "--print"], folder);
    expect(stdout).toContain('listen = ["127.0.0.1:8000"]');
    expect((await runServer(["files", "--print"], folder)).stdout).toContain('listen = ["127.0.0.1:8000"]');
  });

  test.each([
    [["run", "--app", "helo:application"], "server run: --app: names helo", 'did you mean "hello"?'],
    [
      ["run", "--app", "hello", "--listen", "99999"],
      "server run: --listen: is 99999",
      "should be a port from 1 to 65535",
    ],
    [["run", "--app", "hello", "--threads", "many"], 'server run: --threads: is "many"', "should be an integer"],
    [["run", "--app", "hello", "--files", "static"], 'server run: --files "static" should be PATH=WHERE', ""],
    [["run", "--app", "hello", "--files", "/s/=nothing"], "server run: --files: names", "nothing"],
    [["run", "--listen", "8000"], "server run: --listen belongs to --app or --files", ""],
    [["run", "--app", "hello", "-c", "x.toml"], "server run: -c names a file", ""],
    [["files", "nothing"], "server files: nothing should be a directory; there is none", ""],
    [["files", "favicon.ico"], "server files: favicon.ico should be a directory; it is none", ""],
    [["proxy", "8000"], "server proxy: says from where to where", ""],
    [["proxy", "8000", "http://x/path"], 'server proxy: "http://x/path" has a path', ""],
    [["proxy", "8000", "9000", "uwsgi://x:1"], "server proxy: all TO should speak the same protocol", ""],
  ] as const)("%p is refused, by the words that were typed", async (words, start, also) => {
    const { code, stdout, stderr } = await runServer([...words], folder);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toStartWith(start);
    expect(stderr).toContain(also);
  });
});

describe("server files", () => {
  test("serves a folder; with --listing also what has no index, with --spa every path", async () => {
    const { port } = await start(["files", "web", "--listing"]);
    expect(await text(port, "/")).toBe("200 <p>front page\n");
    expect(await text(port, "/empty/")).toStartWith("200 <!");
    expect(await text(port, "/nothing")).toStartWith("404");
    const { port: spa } = await start(["files", "web", "--spa"]);
    expect(await text(spa, "/some/view")).toBe("200 <p>front page\n");
  });
});

describe("server proxy", () => {
  test("forwards everything, to several servers in turn, with a Host of its own where asked to", async () => {
    writeFileSync(
      join(folder, "host.py"),
      'def application(e, s):\n    s("200 OK", [])\n    return [e["HTTP_HOST"].encode()]\n',
    );
    const { port: app } = await start(["run", "--app", "host:application", "--processes", "1"]);
    const port = await freePort();
    const words = ["proxy", `127.0.0.1:${port}`, `http://127.0.0.1:${app}`, "--host", "inside.example"];
    servers.push(await startWords(words, folder, { folder }));
    expect(await text(port, "/")).toBe("200 inside.example");
  });

  test("a name is served by HTTPS, with the certificate that orders itself", async () => {
    const { code, stdout } = await runServer(["proxy", "www.example.org", "9000", "9001", "--print"], folder);
    expect(code).toBe(0);
    expect(stdout).toContain('servers = ["127.0.0.1:9000", "127.0.0.1:9001"]');
    expect(stdout).toContain('names = ["www.example.org"]\ntls   = "auto"');
  });
});

test("WSGI projects elsewhere are served by their file", async () => {
  const { code, stdout } = await runServer(["run", "--app", `${WSGI_FOLDER}/hello.py`, "--print"], folder);
  expect({ code, named: stdout.includes(`wsgi = "${WSGI_FOLDER}/hello.py"`) }).toEqual({ code: 0, named: true });
});
