/**
 * PEP 3333 on the wire, under every Python of this machine: each is an app of one server, mounted at a prefix of its own.
 */
import { until } from "../support/wait.ts";
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { E2E_TIMEOUT_MS, type Server, startServer } from "../support/binary.ts";
import { freePort } from "../support/folder.ts";
import { findPythons } from "../support/pythons.ts";
import { ONE_FRONT, WSGI_FOLDER } from "../support/toml.ts";
import { type Address, type Answer, ask, Client, field } from "../support/wire.ts";

setDefaultTimeout(E2E_TIMEOUT_MS);

const pythons = findPythons();
let server: Server;
let address: Address;

beforeAll(async () => {
  const port = await freePort();
  address = { host: "127.0.0.1", port };
  server = await startServer(configuration(port));
});
afterAll(() => server.dispose());

function configuration(port: number): string {
  const apps = pythons.usable.map(
    ({ path }, index) => `
[app.p${index}]
root = ${JSON.stringify(WSGI_FOLDER)}
wsgi = "unruly:application"
python = ${JSON.stringify(path)}
processes = 1
threads = 2
env = { PYTHONDONTWRITEBYTECODE = "1" }
`,
  );
  const routes = pythons.usable.map((_, index) => `"/p${index}/" = { app = "p${index}" }\n`);
  return `${ONE_FRONT}${apps.join("")}\n[[site]]\nlisten = ["127.0.0.1:${port}"]\n[site.routes]\n${routes.join("")}`;
}

describe("found", () => {
  test("at least one Python", () => expect(pythons.usable.length).toBeGreaterThan(0));
});

/** The end of a reply as its client sees it; a broken one is not to look whole. */
async function askBroken(target: string): Promise<string> {
  const client = await Client.open(address);
  client.send(`GET ${target} HTTP/1.1\r\nHost: x\r\n\r\n`);
  try {
    await client.answer();
    return "whole";
  } catch {
    return "broken";
  } finally {
    client.close();
  }
}

const named = pythons.usable.map(({ name }, index) => [name, index] as const);

describe.each(named)("%s", (_, index) => {
  const to = (path: string) => `/p${index}/${path}`;
  const get = (path: string, method = "GET", fields = ""): Promise<Answer> =>
    ask(address, `${method} ${to(path)} HTTP/1.1\r\nHost: x\r\n${fields}\r\n`, method);
  const post = (path: string, body: string, fields = ""): Promise<Answer> => {
    const bytes = Buffer.from(body, "utf8").latin1Slice();
    return ask(
      address,
      `POST ${to(path)} HTTP/1.1\r\nHost: x\r\nContent-Length: ${bytes.length}\r\n${fields}\r\n${bytes}`,
    );
  };

  test.each([
    "none",
    "text",
    "bare_text",
    "number",
    "never_starts",
    "starts_twice",
    "system_exit",
    "interrupt",
    "generator_exit",
    "base",
    "recursion",
    "memory",
    "early_error",
    "fails_without_environ",
  ])("%s: a plain 500, and the connection goes on", async (path) => {
    const client = await Client.open(address);
    client.send(`GET ${to(path)} HTTP/1.1\r\nHost: x\r\n\r\nGET ${to("empty_blocks")} HTTP/1.1\r\nHost: x\r\n\r\n`);
    const failed = await client.answer();
    expect([failed.status, failed.body.toString()]).toEqual([500, "Internal Server Error\n"]);
    expect((await client.answer()).body.toString()).toBe("ab");
    client.close();
  });

  test.each(["text_later", "late_exit", "late_error", "too_short", "too_late"])(
    "%s: the client sees that the reply is broken",
    async (path) => expect(await askBroken(to(path))).toBe("broken"),
  );

  test("more content than announced is cut, and the next reply is right", async () => {
    const client = await Client.open(address);
    client.send(`GET ${to("too_long")} HTTP/1.1\r\nHost: x\r\n\r\nGET ${to("cookies")} HTTP/1.1\r\nHost: x\r\n\r\n`);
    expect((await client.answer()).body.toString()).toBe("abc");
    const cookies = (await client.answer()).fields.filter(([name]) => /^(set-cookie|x-between)$/i.test(name));
    expect(cookies).toEqual([
      ["Set-Cookie", "a=1"],
      ["X-Between", "\xe9"],
      ["Set-Cookie", "b=2"],
      ["set-cookie", "c=3"],
    ]);
    client.close();
  });

  test("close() is called once, whatever happened", async () => {
    const count = async () => JSON.parse((await get("closings")).body.toString()) as string[];
    // A client sees the end of a reply before its close() is called: the next request may overtake that.
    await until("every close() of those before", 20_000, async () => (await get("unclosed")).body.toString() === "0");
    const before = (await count()).length;
    const paths = ["text_later", "late_exit", "late_error", "early_error", "closing_fails", "empty_blocks", "too_long"];
    for (const path of paths) await askBroken(to(path));
    await get("empty_blocks", "HEAD");
    const expected = [...paths, "empty_blocks"].toSorted();
    await until("every close()", 20_000, async () => (await count()).length >= before + expected.length);
    expect((await count()).slice(before).toSorted()).toEqual(expected);
  });

  test("a close() that fails costs a line in the log, not the reply", async () => {
    expect((await get("closing_fails")).body.toString()).toBe("content");
    await server.logged("close() fails on purpose");
  });

  test.each([
    ["204 No Content", undefined],
    ["304 Not Modified", "7"],
  ])("%s has no content", async (status, length) => {
    const answer = await get(`no_content?${status.replaceAll(" ", "+")}`);
    expect([`${answer.status} ${answer.reason}`, field(answer, "Content-Length")]).toEqual([status, length]);
  });

  test("exc_info replaces a head that was not sent", async () => {
    const answer = await get("replaces");
    expect([answer.status, answer.reason, answer.body.toString()]).toEqual([503, "Replaced", "replaced"]);
    expect([field(answer, "X-First"), field(answer, "X-Second")]).toEqual([undefined, "2"]);
  });

  test("refused fields and statuses are a 500", async () => {
    const fields = [
      ["X", "a\r\nY: b"],
      ["X", "a\nb"],
      ["X", "\0"],
      ["X\r", "a"],
      ["", "a"],
      ["X Y", "a"],
      ["X:", "a"],
    ];
    const owned = [
      ["Connection", "close"],
      ["Transfer-Encoding", "chunked"],
      ["Upgrade", "x"],
      ["Keep-Alive", "1"],
    ];
    const values = [
      ["X", "\u4e2d"],
      ["X", 1],
      [1, "X"],
      ["X", null],
      ["Content-Length", "-1"],
      ["Content-Length", "x"],
    ];
    for (const pair of [...fields, ...owned, ...values]) {
      const answer = await post("bad_header", JSON.stringify(pair));
      expect([pair, answer.status]).toEqual([pair, 500]);
    }
    for (const status of [
      "",
      "200OK",
      "20 OK",
      "100 Continue",
      "600 X",
      "abc",
      "200 a\r\nX: y",
      " 200 OK",
      200,
      null,
    ]) {
      expect([status, (await post("bad_status", JSON.stringify(status))).status]).toEqual([status, 500]);
    }
  });

  test("wsgi.input reads as PEP 3333 says, inline, spooled and chunked", async () => {
    const lines = "first\nsecond\nthird\nfourth\n";
    const small = `abc${lines}rest`;
    const expected = "[b'', b'abc', b'first\\n', b'se', [b'cond\\n'], b'third\\n', b'fourth\\nrest', b'', b'']";
    expect((await post("reads", small)).body.toString()).toBe(expected);
    const large = `abc${lines}${"r".repeat(300_000)}`;
    const expectedLarge = expected.replace("b'fourth\\nrest'", "300007");
    expect((await post("reads", large)).body.toString()).toBe(expectedLarge);
    const chunks = [small.slice(0, 5), small.slice(5, 6), small.slice(6)].map(
      (part) => `${part.length.toString(16)}\r\n${part}\r\n`,
    );
    const head = `POST ${to("reads")} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n`;
    expect((await ask(address, `${head}${chunks.join("")}0\r\n\r\n`)).body.toString()).toBe(expected);
    await server.logged("written 中文");
    await server.logged("lines joined");
  });

  test("the environ", async () => {
    const chunked =
      "Transfer-Encoding: chunked\r\nX-Twice: 1\r\nX-Twice: 2\r\nCookie: a\r\nCookie: b\r\nX_Bad: 1\r\nProxy: p\r\n";
    const target = `/p${index}/environ`;
    const request = `POST /p${index}/%65nviron?a=%20&b HTTP/1.1\r\nHost: www.x:81\r\n${chunked}\r\n3\r\nabc\r\n0\r\n\r\n`;
    const environ = JSON.parse((await ask(address, request)).body.toString());
    expect(environ).toMatchObject({
      REQUEST_URI: `/p${index}/%65nviron?a=%20&b`,
      SCRIPT_NAME: `/p${index}`,
      PATH_INFO: target.slice(`/p${index}`.length),
      QUERY_STRING: "a=%20&b",
      CONTENT_LENGTH: "3",
      SERVER_NAME: "www.x",
      SERVER_PORT: String((address as { port: number }).port),
      SERVER_PROTOCOL: "HTTP/1.1",
      REMOTE_ADDR: "127.0.0.1",
      HTTP_HOST: "www.x:81",
      HTTP_X_TWICE: "1,2",
      HTTP_COOKIE: "a; b",
      "wsgi.url_scheme": "http",
      "wsgi.version": "(1, 0)",
      "wsgi.multithread": true,
      "wsgi.multiprocess": false,
      "wsgi.run_once": false,
      "wsgi.input_terminated": true,
      "is dict": true,
      types: ["str"],
    });
    expect(environ.REMOTE_PORT).toMatch(/^\d+$/);
    for (const name of ["HTTP_X_BAD", "HTTP_PROXY", "HTTP_TRANSFER_ENCODING", "HTTPS", "HTTP_CONTENT_LENGTH"]) {
      expect([name, environ[name]]).toEqual([name, undefined]);
    }
  });

  test("an app that changes its environ harms nobody", async () => {
    expect((await get("changes_environ")).body.toString()).toBe("changed");
  });

  test("what is kept of a request is over with it", async () => {
    const body = "k".repeat(200_000);
    await post("keeps", body);
    // The thread of the first request may still be on its way out of it when the second runs beside it.
    const expected = JSON.stringify(["ValueError", "AssertionError", "None"]);
    const notes = async () => JSON.stringify(JSON.parse((await post("keeps", body)).body.toString()));
    await until(`answer ${expected}`, 5_000, async () => (await notes()) === expected);
    expect((await get("empty_blocks")).body.toString()).toBe("ab");
  });

  test("an app may start threads", async () => {
    expect((await get("starts_thread")).body.toString()).toBe("started");
  });

  test("a file_wrapper of what is no file", async () => {
    expect((await get("buffered")).body.length).toBe(1_000_000);
  });

  test("os._exit: 502, and the app is there again", async () => {
    expect((await get("leaves")).status).toBe(502);
    expect((await get("empty_blocks")).body.toString()).toBe("ab");
  });
});

/** No package brings one: where there is none, there is nothing to test, and it is said which were tested. */
const freeThreaded = pythons.usable.flatMap(({ isFreeThreaded }, index) => (isFreeThreaded ? [index] : []));

describe("free-threaded builds", () => {
  test.each(freeThreaded)("run the requests of one process at the same time (%d)", async (found) => {
    const seconds = async () =>
      Number((await ask(address, `GET /p${found}/busy?10000000 HTTP/1.1\r\nHost: x\r\n\r\n`)).body);
    // The machine may have no second processor to spare at the moment: once is proof enough.
    await until("two requests in less than the time of both", 50_000, async () => {
      const alone = await seconds();
      const together = await Promise.all([seconds(), seconds()]);
      return Math.max(...together) < alone * 1.7;
    });
  });
});
