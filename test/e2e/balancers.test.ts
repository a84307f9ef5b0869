/** Behind real balancers: the PROXY protocol from nginx's stream module and HAProxy, X-Forwarded-* from HAProxy. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout } from "bun:test";
import { type AddressInfo, connect, createServer } from "node:net";
import { join } from "node:path";
import { haproxyMissing, startHaproxy, startStream, streamMissing } from "../support/balancers.ts";
import { E2E_TIMEOUT_MS, startServer, type Server } from "../support/binary.ts";
import { Authority, opensslMissing } from "../support/certificates.ts";
import { curl, curlMissing } from "../support/curl.ts";
import { freePort, makeFolder, removeFolder } from "../support/folder.ts";
import type { Peer } from "../support/peer.ts";
import { testUnless } from "../support/skip.ts";
import { ONE_FRONT, probeApp } from "../support/toml.ts";
import { ask, Client } from "../support/wire.ts";

setDefaultTimeout(E2E_TIMEOUT_MS);

const folder = makeFolder("balancers");
const peers: Peer[] = [];
let server: Server;
let ports: number[] = [];

/** In the order of `ports`, behind the three of the server. */
const BALANCERS = ["stream", "haproxy 1", "haproxy 2", "haproxy http", "haproxy 1 to tls", "haproxy 2 to tls"] as const;
const addressOf = (name: (typeof BALANCERS)[number]) => ({
  host: "127.0.0.1",
  port: ports[3 + BALANCERS.indexOf(name)] as number,
});

beforeAll(async () => {
  ports = await Promise.all(Array.from({ length: 9 }, () => freePort()));
  const [proxied = 0, plain = 0, secure = 0, stream = 0, first = 0, second = 0, http = 0, tls1 = 0, tls2 = 0] = ports;
  const encrypted = opensslMissing() === undefined;
  if (encrypted) new Authority(folder).make("site", { names: "DNS:a.example" });
  server = await startServer(
    `${ONE_FRONT}${probeApp()}
[[site]]
listen = [{ address = "127.0.0.1:${proxied}", proxy_protocol = true }]
[site.routes]
"/" = { app = "probe" }
[[site]]
listen = ["127.0.0.1:${plain}"]
trusted_proxies = ["127.0.0.1"]
[site.routes]
"/" = { app = "probe" }
${encrypted ? secureSite(secure) : ""}`,
    { folder },
  );
  if (streamMissing() === undefined) peers.push(await startStream({ folder, port: stream, backend: proxied }));
  if (haproxyMissing() !== undefined) return;
  peers.push(await startHaproxy({ folder, port: first, backend: proxied }, "send-proxy", "tcp"));
  peers.push(await startHaproxy({ folder, port: second, backend: proxied }, "send-proxy-v2", "tcp"));
  peers.push(await startHaproxy({ folder, port: http, backend: plain }, "", "http"));
  peers.push(await startHaproxy({ folder, port: tls1, backend: secure }, "send-proxy", "tcp"));
  peers.push(await startHaproxy({ folder, port: tls2, backend: secure }, "send-proxy-v2", "tcp"));
});

function secureSite(port: number): string {
  return `[[site]]
names = ["a.example"]
listen = [{ address = "127.0.0.1:${port}", tls = true, proxy_protocol = true }]
tls = { cert = "site.pem", key = "site.key" }
[site.routes]
"/" = { app = "probe" }
`;
}

afterAll(async () => {
  for (const peer of peers) await peer.stop();
  await server.dispose();
  removeFolder(folder);
});

async function facts(client: Client): Promise<Record<string, string>> {
  client.send("GET /facts HTTP/1.1\r\nHost: a.example\r\nX-Forwarded-For: 192.0.2.7\r\n\r\n");
  const answer = await client.answer();
  expect(answer.status).toBe(200);
  return JSON.parse(answer.body.toString());
}

describe.each([
  ["stream", "version 1 from nginx's stream module", streamMissing()],
  ["haproxy 1", "version 1 from HAProxy", haproxyMissing()],
  ["haproxy 2", "version 2 from HAProxy", haproxyMissing()],
] as const)("the PROXY protocol of %s", (name, spoken, missing) => {
  const test = testUnless(missing);

  test(`${spoken} says who the client is, for every request of the connection`, async () => {
    const client = await Client.open(addressOf(name));
    const [first, second] = [await facts(client), await facts(client)];
    const port = String(client.localPort);
    client.close();
    for (const told of [first, second]) {
      // The port of this very connection: the balancer's own to the server is another.
      expect([told["REMOTE_ADDR"], told["REMOTE_PORT"]]).toEqual(["127.0.0.1", port]);
      expect(told["SERVER_PORT"]).toBe(String((addressOf(name) as { port: number }).port));
      expect(told["HTTP_X_FORWARDED_FOR"]).toBeUndefined();
    }
  });

  test("a large upload and many connections come through", async () => {
    const body = Buffer.alloc(300_000, 97);
    const head = `POST /echo HTTP/1.1\r\nHost: a.example\r\nContent-Length: ${body.length}\r\n\r\n`;
    const request = Buffer.concat([Buffer.from(head), body]);
    const answers = await Promise.all(Array.from({ length: 8 }, () => ask(addressOf(name), request, "POST")));
    for (const answer of answers) expect(answer.body.equals(body)).toBe(true);
  });
});

testUnless(haproxyMissing())("X-Forwarded-* of a trusted HAProxy are believed, the client's own are not", async () => {
  const client = await Client.open({ ...addressOf("haproxy http"), localAddress: "127.0.0.9" });
  const told = await facts(client);
  client.close();
  expect(told["HTTP_X_FORWARDED_FOR"]).toBe("192.0.2.7,127.0.0.9");
  expect([told["REMOTE_ADDR"], told["wsgi.url_scheme"], told["HTTPS"]]).toEqual(["127.0.0.9", "https", "on"]);
});

describe("TLS that a balancer passes on, with a PROXY header before it,", () => {
  const test = testUnless(haproxyMissing() ?? opensslMissing() ?? curlMissing());

  const overTls = (port: number, ...more: string[]) =>
    curl("--cacert", join(folder, "ca.pem"), "--resolve", `a.example:${port}:127.0.0.1`, ...more);

  for (const name of ["haproxy 1 to tls", "haproxy 2 to tls"] as const)
    test(`says who the client is (${name})`, () => saysWho(addressOf(name).port));

  const saysWho = async (port: number) => {
    const url = `https://a.example:${port}/facts`;
    // Two requests of one connection.
    const { stdout, code } = await overTls(port, "--interface", "127.0.0.9", "-w", "=%{local_port}=", url, url);
    expect(code).toBe(0);
    const [first = "", local = "", second = ""] = stdout.split(/=(\d+)=/);
    for (const told of [first, second].map((text) => JSON.parse(text))) {
      expect(told).toMatchObject({ REMOTE_ADDR: "127.0.0.9", REMOTE_PORT: local, HTTPS: "on" });
      expect(told["SERVER_PORT"]).toBe(String(port));
    }
    const sizes = Array.from({ length: 8 }, () => overTls(port, "-o", "/dev/null", "-w", "%{http_code}", url));
    expect((await Promise.all(sizes)).map((each) => each.stdout)).toEqual(Array.from({ length: 8 }, () => "200"));
  };

  test("may come in pieces, and together with the handshake", async () => {
    const answers = [tlsBehind(["PRO", "XY TCP4 192.0.2.7 192.0.2.1 99 443\r", "\n"]), tlsBehind([], HEADER)];
    for (const answer of await Promise.all(answers)) expect(answer).toContain('"REMOTE_ADDR": "192.0.2.7"');
  });

  test("is closed without one", async () => {
    const [, , secure = 0] = ports;
    expect((await overTls(secure, `https://a.example:${secure}/facts`)).code).toBe(35);
    await server.logged("no PROXY protocol header: it begins with neither");
    expect(await tlsBehind([], "PROXY TCP4 nobody 192.0.2.1 99 443\r\n")).toBe("");
  });
});

const HEADER = "PROXY TCP4 192.0.2.7 192.0.2.1 99 443\r\n";

/** Asks through a relay that sends `pieces`, then `start` together with the first bytes of the handshake. */
async function tlsBehind(pieces: readonly string[], start = ""): Promise<string> {
  const [, , secure = 0] = ports;
  const relay = createServer((client) => {
    const upstream = connect({ host: "127.0.0.1", port: secure, noDelay: true }, async () => {
      for (const piece of pieces) {
        upstream.write(piece);
        await Bun.sleep(30);
      }
      client.once("data", (hello) => {
        upstream.write(Buffer.concat([Buffer.from(start, "latin1"), Buffer.from(hello)]));
        client.pipe(upstream);
      });
    });
    upstream.pipe(client);
    upstream.on("error", () => client.destroy());
    client.on("error", () => upstream.destroy());
  });
  await new Promise<void>((resolve) => relay.listen(0, "127.0.0.1", () => resolve()));
  const { port } = relay.address() as AddressInfo;
  const resolve = ["--resolve", `a.example:${port}:127.0.0.1`];
  const { stdout } = await curl("--cacert", join(folder, "ca.pem"), ...resolve, `https://a.example:${port}/facts`);
  relay.close();
  return stdout;
}
