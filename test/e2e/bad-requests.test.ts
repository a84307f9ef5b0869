/** Requests that must not get through: refused with the right status, without harm to the next one. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { E2E_TIMEOUT_MS, startServer, type Server } from "../support/binary.ts";
import { freePort, makeFolder, removeFolder, writeFiles } from "../support/folder.ts";
import { ONE_FRONT, probeApp, site } from "../support/toml.ts";
import { ask, Client, field, get, type Address } from "../support/wire.ts";

setDefaultTimeout(E2E_TIMEOUT_MS);

const folder = makeFolder("bad-requests");
const probeLog = join(folder, "probe.log");
let server: Server;
let address: Address;

beforeAll(async () => {
  const port = await freePort();
  address = { host: "127.0.0.1", port };
  writeFiles(folder, { "static/a.css": "a {}\n", "static/sub/b.txt": "b\n", "secret.txt": "secret\n" });
  const app = probeApp({ env: `PROBE_LOG = ${JSON.stringify(probeLog)}` });
  const routes = `"/static/" = { files = "static/" }\n"/" = { app = "probe" }`;
  const sites = site(`127.0.0.1:${port}`, routes, 'names = ["localhost"]\nmax_body_size = "1KiB"');
  server = await startServer(ONE_FRONT + app + sites, { folder });
});

afterAll(async () => {
  await server.dispose();
  removeFolder(folder);
});

const requestsSeen = () => (existsSync(probeLog) ? readFileSync(probeLog, "utf8").trim().split("\n") : []);

test("a Host that no site has is 421 and never reaches the application", async () => {
  const before = requestsSeen();
  for (const host of ["evil.example", "localhost.evil.example", "127.0.0.1", "[::1]"]) {
    expect((await get(address, "/hello", host)).status).toBe(421);
  }
  expect(requestsSeen()).toEqual(before);
  expect((await get(address, "/hello", "LOCALHOST:8000")).status).toBe(200);
  expect(requestsSeen()).toHaveLength(before.length + 1);
});

describe("paths that try to leave the directory", () => {
  const targets = [
    "/static/../secret.txt",
    "/static/%2e%2e/secret.txt",
    "/static/..%2fsecret.txt",
    "/static/sub/..%2f..%2fsecret.txt",
    "/static/%2e%2e%2fsecret.txt",
    "/static../secret.txt",
    "/static/..%5csecret.txt",
    "/static/%252e%252e/secret.txt",
    "/static//../../secret.txt",
    "/static/./../secret.txt",
  ];
  test.each(targets)("%s gives neither the secret nor success", async (target) => {
    const answer = await get(address, target);
    expect(answer.status).toBe(404);
    expect(answer.body.toString()).not.toContain("secret");
  });

  test("above the root of all is 404", async () => {
    expect((await get(address, "/../../etc/passwd")).status).toBe(404);
  });

  test("the files beside them are served", async () => {
    expect((await get(address, "/static/a.css")).status).toBe(200);
    expect((await get(address, "/static/sub/../a.css")).status).toBe(200);
  });
});

describe("malformed HTTP is refused, and the connection is closed", () => {
  const cases: readonly (readonly [name: string, status: number, request: string])[] = [
    ["no version", 400, "GET /hello\r\n\r\n"],
    ["bare LF", 400, "GET /hello HTTP/1.1\nHost: localhost\n\n"],
    ["space before the colon", 400, "GET /hello HTTP/1.1\r\nHost : localhost\r\n\r\n"],
    ["no Host", 400, "GET /hello HTTP/1.1\r\n\r\n"],
    ["two Hosts", 400, "GET /hello HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n"],
    ["folded line", 400, "GET /hello HTTP/1.1\r\nHost: localhost\r\nA: b\r\n c\r\n\r\n"],
    ["NUL in a value", 400, "GET /hello HTTP/1.1\r\nHost: localhost\r\nA: b\0c\r\n\r\n"],
    [
      "length and chunked",
      400,
      "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ],
    [
      "two lengths",
      400,
      "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcde",
    ],
    ["signed length", 400, "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: +4\r\n\r\nabcd"],
    ["unknown coding", 501, "POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip\r\n\r\n"],
    ["bad chunk", 400, "POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n"],
    ["version 2", 505, "GET /hello HTTP/2.0\r\nHost: localhost\r\n\r\n"],
    ["a target too long", 414, `GET /${"a".repeat(20_000)} HTTP/1.1\r\nHost: localhost\r\n\r\n`],
    ["a head too large", 431, `GET / HTTP/1.1\r\nHost: localhost\r\nA: ${"a".repeat(70_000)}\r\n\r\n`],
  ];
  test.each(cases)("%s: %d", async (_name, status, request) => {
    const before = requestsSeen().length;
    const client = await Client.open(address);
    // What follows on the connection must not be taken for a request.
    client.send(`${request}GET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    const answer = await client.answer();
    expect(answer.status).toBe(status);
    expect(field(answer, "Connection")?.toLowerCase()).toBe("close");
    expect((await client.rest()).toString()).toBe("");
    client.close();
    expect(requestsSeen().slice(before)).toEqual([]);
  });

  test("a body that is announced too large is 413 before it is sent, and 10 MB of it are not waited for", async () => {
    const client = await Client.open(address);
    client.send("POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10000000\r\n\r\n");
    const answer = await client.answer();
    expect([answer.status, field(answer, "Connection")]).toEqual([413, "close"]);
    client.half();
    expect(await client.rest()).toHaveLength(0);
    client.close();
  });

  test("after a small body too large the connection may go on, with the request behind it and not within it", async () => {
    const client = await Client.open(address);
    const inside = `GET /inside HTTP/1.1\r\nHost: localhost\r\n\r\n${"a".repeat(2000)}`;
    const before = requestsSeen().length;
    client.send(`POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${inside.length}\r\n\r\n${inside}`);
    client.send("GET /behind HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    expect((await client.answer()).status).toBe(413);
    await client.rest();
    client.close();
    for (const seen of requestsSeen().slice(before)) expect(seen).toStartWith("GET /behind ");
  });

  test("a chunked body that grows too large is 413", async () => {
    const chunk = `400\r\n${"a".repeat(1024)}\r\n`;
    const head = "POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n";
    expect((await ask(address, `${head}${chunk}${chunk}0\r\n\r\n`)).status).toBe(413);
  });
});

test("fields with an underscore do not pass for those with a hyphen", async () => {
  const request = "GET /facts HTTP/1.1\r\nHost: localhost\r\nX_Real_Ip: 6.6.6.6\r\nX-Good: 1\r\nProxy: evil\r\n\r\n";
  const facts = JSON.parse((await ask(address, request)).body.toString());
  expect(facts.HTTP_X_GOOD).toBe("1");
  expect(facts.HTTP_X_REAL_IP).toBeUndefined();
  expect(facts.HTTP_PROXY).toBeUndefined();
});
