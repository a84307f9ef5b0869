/** Behind us: a stock uWSGI over TCP and a unix socket, and plain HTTP servers. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { createHash, randomBytes } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { join } from "node:path";
import { E2E_TIMEOUT_MS, startServer, type Server } from "../support/binary.ts";
import { freePort, makeFolder, removeFolder } from "../support/folder.ts";
import type { Peer } from "../support/peer.ts";
import { testUnless } from "../support/skip.ts";
import { ONE_FRONT, site } from "../support/toml.ts";
import { startUwsgi, uwsgiMissing } from "../support/uwsgi.ts";
import { ask, Client, field, get, type Address } from "../support/wire.ts";

setDefaultTimeout(E2E_TIMEOUT_MS);

const missing = uwsgiMissing();
const withUwsgi = testUnless(missing);
const folder = makeFolder("upstreams");
const socket = join(folder, "uwsgi.sock");
const peers: Peer[] = [];
const http = createServer(answerHttp);
let server: Server;
let address: Address;

beforeAll(async () => {
  const [port, httpPort, uwsgiPort, deadPort] = [
    await freePort(),
    await freePort(),
    await freePort(),
    await freePort(),
  ];
  address = { host: "127.0.0.1", port };
  const { promise, resolve } = Promise.withResolvers<void>();
  http.listen(httpPort, "127.0.0.1", resolve);
  await promise;
  if (missing === undefined) {
    peers.push(await startUwsgi({ address: { host: "127.0.0.1", port: uwsgiPort }, module: "probe", folder }));
    peers.push(await startUwsgi({ address: { path: socket }, module: "probe", folder }));
  }
  const routes = ["tcp", "unix", "http", "dead", "half"].map((name) => `"/${name}/" = { upstream = "${name}" }`);
  const toml = `${ONE_FRONT}
[upstream.tcp]
protocol = "uwsgi"
servers = ["127.0.0.1:${uwsgiPort}"]
[upstream.unix]
protocol = "uwsgi"
servers = ["unix:${socket}"]
[upstream.http]
servers = ["127.0.0.1:${httpPort}"]
[upstream.dead]
servers = ["127.0.0.1:${deadPort}"]
[upstream.half]
servers = ["127.0.0.1:${deadPort}", "127.0.0.1:${httpPort}"]
`;
  server = await startServer(toml + site(`127.0.0.1:${port}`, routes.join("\n")), { folder });
});
afterAll(async () => {
  http.closeAllConnections();
  http.close();
  for (const peer of peers) await peer.stop();
  await server.dispose();
  removeFolder(folder);
});

/** An upstream that tells what it was asked. */
function answerHttp(request: IncomingMessage, response: ServerResponse): void {
  const sha = createHash("sha256");
  let length = 0;
  request.on("data", (piece: Buffer) => {
    sha.update(piece);
    length += piece.length;
  });
  request.on("end", () => {
    if (request.url === "/http/cut") return response.destroy();
    const told = {
      method: request.method,
      url: request.url,
      headers: request.rawHeaders,
      length,
      sha: sha.digest("hex"),
    };
    response.writeHead(request.url === "/http/teapot" ? 418 : 200, { "Content-Type": "application/json", "X-Up": "1" });
    response.end(JSON.stringify(told));
    return undefined;
  });
}

describe.each(["tcp", "unix"])("a stock uWSGI by %s", (name) => {
  withUwsgi("is asked, and answers", async () => {
    const answer = await get(address, `/${name}/hello`);
    expect(answer.status).toBe(200);
    expect(answer.body.toString()).toBe("hello\n");
  });

  withUwsgi("is told of the client and the request", async () => {
    const request = `GET /${name}/facts?a=b HTTP/1.1\r\nHost: www.example:8\r\nX-One: 1\r\nX_One: 2\r\n\r\n`;
    const facts = JSON.parse((await ask(address, request)).body.toString());
    const told = {
      REQUEST_METHOD: "GET",
      PATH_INFO: `/${name}/facts`,
      QUERY_STRING: "a=b",
      HTTP_HOST: "www.example:8",
    };
    expect(facts).toMatchObject({ ...told, REMOTE_ADDR: "127.0.0.1", HTTP_X_ONE: "1", SERVER_PROTOCOL: "HTTP/1.1" });
  });

  withUwsgi("takes bodies with a length and in chunks", async () => {
    const content = randomBytes(1_000_000);
    const expected = `${content.length} ${createHash("sha256").update(content).digest("hex")}\n`;
    const client = await Client.open(address);
    client.send(`POST /${name}/digest HTTP/1.1\r\nHost: a\r\nContent-Length: ${content.length}\r\n\r\n`);
    client.send(content);
    expect((await client.answer()).body.toString()).toBe(expected);
    client.send(`POST /${name}/digest HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n`);
    client.send(`${content.length.toString(16)}\r\n`);
    client.send(content);
    client.send("\r\n0\r\n\r\n");
    expect((await client.answer()).body.toString()).toBe(expected);
    client.close();
  });

  withUwsgi("gives large replies, and errors as they are", async () => {
    expect((await get(address, `/${name}/large?bytes=3000000`)).body).toHaveLength(3_000_000);
    expect((await get(address, `/${name}/nothing`)).status).toBe(404);
  });
});

describe("a plain HTTP upstream", () => {
  const fieldsOf = (raw: readonly string[]) => {
    const fields = new Map<string, string[]>();
    for (let i = 0; i < raw.length; i += 2) {
      const name = (raw[i] as string).toLowerCase();
      fields.set(name, [...(fields.get(name) ?? []), raw[i + 1] as string]);
    }
    return fields;
  };

  test("gets method, target and Host as they were, hop-by-hop fields removed, the client named", async () => {
    const hop = "Connection: keep-alive, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: 5\r\nTE: trailers\r\nProxy-Connection: x\r\n";
    const spoof = "X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-Proto: https\r\n";
    const request = `DELETE /http/a%20b?c=%2F HTTP/1.1\r\nHost: www.example:8\r\n${hop}${spoof}X-Kept: 1\r\n\r\n`;
    const told = JSON.parse((await ask(address, request)).body.toString());
    const fields = fieldsOf(told.headers);
    expect([told.method, told.url]).toEqual(["DELETE", "/http/a%20b?c=%2F"]);
    expect(fields.get("host")).toEqual(["www.example:8"]);
    expect(fields.get("x-kept")).toEqual(["1"]);
    for (const gone of ["x-hop", "keep-alive", "te", "proxy-connection"]) expect(fields.has(gone)).toBe(false);
    expect(fields.get("x-forwarded-for")).toEqual(["127.0.0.1"]);
    expect(fields.get("x-forwarded-proto")).toEqual(["http"]);
  });

  test("its status and fields come back", async () => {
    const answer = await get(address, "/http/teapot");
    expect([answer.status, field(answer, "X-Up")]).toEqual([418, "1"]);
  });

  test("bodies reach it whole", async () => {
    const content = randomBytes(3_000_000);
    const client = await Client.open(address);
    client.send(`PUT /http/body HTTP/1.1\r\nHost: a\r\nContent-Length: ${content.length}\r\n\r\n`);
    client.send(content);
    const told = JSON.parse((await client.answer()).body.toString());
    expect(told).toMatchObject({ length: content.length, sha: createHash("sha256").update(content).digest("hex") });
    client.close();
  });

  test("a hundred requests at a time need a hundred connections, however often they come", async () => {
    let made = 0;
    http.on("connection", () => made++);
    const clients = await Promise.all(Array.from({ length: 100 }, () => Client.open(address)));
    const round = () => {
      for (const client of clients) client.send("GET /http/x HTTP/1.1\r\nHost: localhost\r\n\r\n");
      return Promise.all(clients.map((client) => client.answer()));
    };
    for (let i = 0; i < 5; i++) for (const { status } of await round()) expect(status).toBe(200);
    for (const client of clients) client.close();
    expect(made).toBeLessThanOrEqual(100);
  });

  test("one that is not there is 502, one that hangs up is 502, one of two is found", async () => {
    expect((await get(address, "/dead/x")).status).toBe(502);
    expect((await get(address, "/http/cut")).status).toBe(502);
    for (let i = 0; i < 4; i++) expect((await get(address, "/half/x")).status).toBe(200);
  });
});
