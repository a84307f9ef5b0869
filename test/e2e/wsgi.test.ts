/** The application's side of the bargain, judged by the standard library's wsgiref.validate. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { E2E_TIMEOUT_MS, startServer, type Server } from "../support/binary.ts";
import { freePort } from "../support/folder.ts";
import { ONE_FRONT, probeApp, site } from "../support/toml.ts";
import { ask, type Address } from "../support/wire.ts";

setDefaultTimeout(E2E_TIMEOUT_MS);

let server: Server;
let address: Address;

beforeAll(async () => {
  const port = await freePort();
  address = { host: "127.0.0.1", port };
  server = await startServer(ONE_FRONT + probeApp({ module: "validated" }) + site(`127.0.0.1:${port}`));
});
afterAll(() => server.dispose());

describe("wsgiref.validate has nothing to say about", () => {
  const body = "x".repeat(200_000);
  const cases: readonly (readonly [name: string, expected: number, request: string])[] = [
    ["a plain GET", 200, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"],
    [
      "a query and repeated fields",
      200,
      "GET /facts?a=b HTTP/1.1\r\nHost: a\r\nA: 1\r\nA: 2\r\nCookie: c\r\nCookie: d\r\n\r\n",
    ],
    [
      "a type and a length",
      200,
      "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Type: text/x\r\nContent-Length: 3\r\n\r\nabc",
    ],
    ["an empty body", 200, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"],
    ["a spooled body", 200, `POST /digest HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`],
    [
      "a chunked body",
      200,
      "POST /digest HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    ],
    ["a stream", 200, "GET /stream?pieces=2&pause=0 HTTP/1.1\r\nHost: a\r\n\r\n"],
    ["HTTP/1.0 without a Host", 200, "GET /hello HTTP/1.0\r\n\r\n"],
    ["a method of its own", 200, "OPTIONS /hello HTTP/1.1\r\nHost: a\r\n\r\n"],
    ["bytes above 0x7f in path and field", 404, "GET /\u00e9 HTTP/1.1\r\nHost: a\r\nA: \u00e9\r\n\r\n"],
    ["what is not there", 404, "GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n"],
  ];
  test.each(cases)("%s", async (_name, expected, request) => {
    const answer = await ask(address, request);
    expect(answer.body.toString()).not.toContain("wsgiref.validate");
    expect(answer.status).toBe(expected);
  });

  test("the error log, which has no complaint either", async () => {
    expect(server.log).not.toContain("AssertionError");
  });
});

test("the environ has what PEP 3333 asks for, and truthfully", async () => {
  const request =
    "POST /facts?q=1 HTTP/1.1\r\nHost: a:80\r\nContent-Type: a/b\r\nContent-Length: 2\r\nCookie: c\r\n\r\nab";
  const facts = JSON.parse((await ask(address, request)).body.toString());
  expect(facts).toMatchObject({
    REQUEST_METHOD: "POST",
    SCRIPT_NAME: "",
    PATH_INFO: "/facts",
    QUERY_STRING: "q=1",
    CONTENT_TYPE: "a/b",
    CONTENT_LENGTH: "2",
    SERVER_PROTOCOL: "HTTP/1.1",
    REMOTE_ADDR: "127.0.0.1",
    HTTP_HOST: "a:80",
    HTTP_COOKIE: "c",
    "wsgi.url_scheme": "http",
    "wsgi.multithread": true,
    "wsgi.multiprocess": false,
    "wsgi.run_once": false,
    "wsgi.version": "tuple",
  });
  expect(facts.SERVER_NAME).not.toBe("");
  expect(facts.SERVER_PORT).toMatch(/^\d+$/);
  expect(facts.HTTP_CONTENT_TYPE).toBeUndefined();
  expect(facts.HTTP_CONTENT_LENGTH).toBeUndefined();
});
