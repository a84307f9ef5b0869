/** A stock nginx in front, as on a machine that had uWSGI: uwsgi_pass with Debian's uwsgi_params, over TCP and unix. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout } from "bun:test";
import { createHash, randomBytes } from "node:crypto";
import { join } from "node:path";
import { E2E_TIMEOUT_MS, startServer, type Server } from "../support/binary.ts";
import { freePort, makeFolder, removeFolder } from "../support/folder.ts";
import { nginxMissing, startNginx, UWSGI_PARAMS } from "../support/nginx.ts";
import type { Peer } from "../support/peer.ts";
import { testUnless } from "../support/skip.ts";
import { ONE_FRONT, probeApp, WSGI_FOLDER } from "../support/toml.ts";
import { ask, Client, field, get, type Address } from "../support/wire.ts";

setDefaultTimeout(E2E_TIMEOUT_MS);

const missing = nginxMissing();
const test = testUnless(missing);
const folder = makeFolder("nginx-front");
const socket = join(folder, "app.sock");
let server: Server | undefined;
let nginx: Peer | undefined;
let address: Address;

beforeAll(async () => {
  if (missing !== undefined) return;
  const ports = [await freePort(), await freePort()];
  const sockets = `uwsgi_socket = ["127.0.0.1:${ports[0]}", "unix:${socket}"]`;
  server = await startServer(ONE_FRONT + probeApp({ app: sockets }), { folder });
  address = { host: "127.0.0.1", port: ports[1] as number };
  nginx = await startNginx({ folder, port: ports[1] as number, server: locations(ports[0] as number) });
});
afterAll(async () => {
  await nginx?.stop();
  await server?.dispose();
  removeFolder(folder);
});

function locations(port: number): string {
  const location = (path: string, to: string, more = "") =>
    `location ${path} { include ${UWSGI_PARAMS}; uwsgi_pass ${to}; uwsgi_read_timeout 20s; ${more} }`;
  const tcp = `127.0.0.1:${port}`;
  return [
    location("/", tcp),
    location("/unix/", `unix:${socket}`, 'uwsgi_param SCRIPT_NAME "/unix"; uwsgi_param PATH_INFO $uri;'),
    location("= /facts/same", tcp, `uwsgi_param UWSGI_SCRIPT probe; uwsgi_param UWSGI_CHDIR ${WSGI_FOLDER};`),
    location("= /facts/script", tcp, "uwsgi_param UWSGI_SCRIPT broken;"),
    location("= /facts/chdir", tcp, "uwsgi_param UWSGI_CHDIR /etc;"),
    location("= /facts/file", tcp, "uwsgi_param UWSGI_FILE /tmp/evil.py;"),
    location("= /facts/unknown", tcp, "uwsgi_param UWSGI_NOBODY_KNOWS x;"),
    location("= /facts/https", tcp, "uwsgi_param HTTPS on;"),
  ].join("\n    ");
}

describe("what nginx says of its client is believed", () => {
  test("environ over uwsgi", async () => {
    const request = "GET /facts?a=b HTTP/1.1\r\nHost: www.example:8\r\nX-One: 1\r\nCookie: c=d\r\n\r\n";
    const facts = JSON.parse((await ask(address, request)).body.toString());
    const told = { REQUEST_METHOD: "GET", PATH_INFO: "/facts", QUERY_STRING: "a=b", REMOTE_ADDR: "127.0.0.1" };
    expect(facts).toMatchObject({ ...told, HTTP_X_ONE: "1", HTTP_COOKIE: "c=d", "wsgi.url_scheme": "http" });
    expect(facts.HTTP_HOST).toStartWith("www.example");
    expect(facts.SERVER_PROTOCOL).toBe("HTTP/1.1");
  });

  test("the scheme", async () => {
    const facts = JSON.parse((await get(address, "/facts/https")).body.toString());
    expect(facts["wsgi.url_scheme"]).toBe("https");
  });

  test("a script name over the unix socket", async () => {
    const answer = await get(address, "/unix/hello");
    expect([answer.status, answer.body.toString()]).toEqual([200, "hello\n"]);
    expect(field(answer, "Server")).toStartWith("nginx");
  });
});

describe("bodies", () => {
  test("a small POST", async () => {
    const head = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Type: text/x\r\nContent-Length: 5\r\n\r\n";
    const answer = await ask(address, `${head}hello`);
    expect([answer.status, answer.body.toString(), field(answer, "Content-Type")]).toEqual([200, "hello", "text/x"]);
  });

  test("a large POST, and a chunked one that nginx turns into one with a length", async () => {
    const content = randomBytes(5_000_000);
    const expected = `${content.length} ${createHash("sha256").update(content).digest("hex")}\n`;
    const client = await Client.open(address);
    client.send(`POST /digest HTTP/1.1\r\nHost: a\r\nContent-Length: ${content.length}\r\n\r\n`);
    client.send(content);
    expect((await client.answer()).body.toString()).toBe(expected);
    client.send("POST /digest HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    client.send(`${content.length.toString(16)}\r\n`);
    client.send(content);
    client.send("\r\n0\r\n\r\n");
    expect((await client.answer()).body.toString()).toBe(expected);
    client.close();
  });

  test("a large reply", async () => {
    const answer = await get(address, "/large?bytes=5000000");
    expect(answer.status).toBe(200);
    expect(answer.body).toHaveLength(5_000_000);
  });

  test("HEAD, 404 and 500 pass as they are", async () => {
    const head = await ask(address, "HEAD /hello HTTP/1.1\r\nHost: a\r\n\r\n", "HEAD");
    expect([head.status, field(head, "Content-Length")]).toEqual([200, "6"]);
    expect((await get(address, "/nothing")).status).toBe(404);
    expect((await get(address, "/raise")).status).toBe(500);
  });
});

describe("uWSGI's magic variables", () => {
  test("that name the project that is loaded are accepted", async () => {
    const answer = await get(address, "/facts/same");
    expect(answer.status).toBe(200);
    expect(JSON.parse(answer.body.toString()).PATH_INFO).toBe("/facts/same");
  });

  for (const [target, name] of [
    ["/facts/script", "UWSGI_SCRIPT"],
    ["/facts/chdir", "UWSGI_CHDIR"],
    ["/facts/file", "UWSGI_FILE"],
    ["/facts/unknown", "UWSGI_NOBODY_KNOWS"],
  ] as const) {
    test(`${name} that names something else is 403, and the log names it`, async () => {
      expect((await get(address, target)).status).toBe(403);
      await server?.logged(name);
    });
  }
});
