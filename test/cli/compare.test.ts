import { afterAll, describe, expect, test } from "bun:test";
import { makeFolder, removeFolder, writeFiles } from "../support/folder.ts";
import { told, type Told } from "../support/terminal.ts";

const folder = makeFolder("compare");
const serve = (answer: (request: Request) => Response) => Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: answer });
const same = serve(answer);
const again = serve(answer);
const other = serve((request) => {
  const { pathname } = new URL(request.url);
  if (pathname === "/old/x") return new Response(null, { status: 302, headers: { Location: "/elsewhere" } });
  if (pathname === "/page/x") return new Response("pagE");
  return answer(request);
});

afterAll(async () => {
  for (const server of [same, again, other]) await server.stop(true);
  removeFolder(folder);
});

/** Redirects name the server itself, as nginx does. */
function answer(request: Request): Response {
  const url = new URL(request.url);
  if (url.pathname === "/old/x")
    return new Response(null, { status: 301, headers: { Location: `http://${url.host}/new/` } });
  return url.pathname === "/page/x" ? new Response("page") : new Response("no", { status: 404 });
}

const CONF = "server { listen 80; location /old/ { return 301 /new/; } location /page/ { return 200 page; } }";

async function compare(...words: string[]): Promise<Told> {
  return compareOf(CONF, ...words);
}

async function compareOf(conf: string, ...words: string[]): Promise<Told> {
  writeFiles(folder, { "nginx.conf": conf });
  return told(["import", "nginx.conf", ...words], folder);
}

const address = ({ port }: { port: number | undefined }) => `http://127.0.0.1:${port}`;

describe("server import --compare", () => {
  test("two servers that answer alike are the same", async () => {
    const { code, stdout } = await compare("--compare", address(same), address(again));
    expect(stdout).toContain("same       GET /old/x?a=1  (route /old/): 301\n");
    expect(stdout).toEndWith("4 same, 0 different\n");
    expect(code).toBe(0);
  });

  test("what differs is told with the reason", async () => {
    const { code, stdout } = await compare("--compare", address(same), address(other));
    expect(stdout).toContain("different  GET /old/x?a=1  (route /old/): status: 301 there, 302 here; Location: ");
    expect(stdout).toContain(
      'different  GET /page/x?a=1  (route /page/): the content is another: "page" there, "pagE" here, at byte 3\n',
    );
    expect(stdout).toEndWith("2 same, 2 different\n");
    expect(code).toBe(1);
  });

  test("what is answered otherwise on purpose is no difference", async () => {
    const forbidden = serve(({ url }) => new Response("", { status: url.endsWith("/files/") ? 403 : 404 }));
    const absent = serve(() => new Response("", { status: 404 }));
    const conf = "server { listen 80; location /files/ { alias /nowhere/files/; } }";
    const { code, stdout } = await compareOf(conf, "--compare", address(forbidden), address(absent));
    expect(stdout).toContain(
      "meant      GET /files/  (the directory /files/): 403 there, 404 here: a directory that is",
    );
    expect([code, stdout.trimEnd().split("\n").at(-1)]).toEqual([0, "4 same, 1 meant, 0 different"]);
    await Promise.all([forbidden.stop(true), absent.stop(true)]);
  });

  test("nor is a prefix that ends at a segment, or a charset on every textual file", async () => {
    const typed = (type: string) => () => new Response("x", { headers: { "Content-Type": type } });
    const [plain, named] = [serve(typed("text/css")), serve(typed("text/css; charset=gbk"))];
    const conf = "server { listen 80; location /files { alias /nowhere/files/; } }";
    const css = await compareOf(conf, "--compare", address(plain), address(named));
    expect(css.stdout).toContain("text/css there: every textual file gets the charset of its site here");
    expect([css.code, css.stdout]).toEqual([0, expect.stringContaining(" 0 different")]);
    const turned = await compareOf(conf, "--compare", address(named), address(plain));
    expect(turned.code).toBe(1);
    expect(turned.stdout).toContain(
      "(the edge of /files): a prefix ends at a segment here, and this is none of /files",
    );
    await Promise.all([plain.stop(true), named.stop(true)]);
  });

  test("a server that is not there is said at once", async () => {
    const { code, stdout, stderr } = await compare("--compare", "http://127.0.0.1:1", address(same));
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toContain("http://127.0.0.1:1 does not answer (connect ECONNREFUSED");
  });

  test("two addresses are needed", async () => {
    const { code, stderr } = await compare("--compare", "127.0.0.1:80");
    expect([code, stderr.includes("needs two addresses")]).toEqual([2, true]);
  });
});
