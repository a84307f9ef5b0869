/** Behind real balancers: the PROXY protocol from nginx's stream module and HAProxy, X-Forwarded-* from HAProxy. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout } from "bun:test";
import { haproxyMissing, startHaproxy, startStream, streamMissing } from "../support/balancers.ts";
import { E2E_TIMEOUT_MS, startServer, type Server } from "../support/binary.ts";
import { freePort, makeFolder, removeFolder } from "../support/folder.ts";
import type { Peer } from "../support/peer.ts";
import { testUnless } from "../support/skip.ts";
import { ONE_FRONT, probeApp } from "../support/toml.ts";
import { type Address, ask, Client } from "../support/wire.ts";

setDefaultTimeout(E2E_TIMEOUT_MS);

const folder = makeFolder("balancers");
const peers: Peer[] = [];
let server: Server;
let ports: number[] = [];

/** In the order of `ports`, behind the two of the server. */
const BALANCERS = ["stream", "haproxy 1", "haproxy 2", "haproxy http"] as const;
const addressOf = (name: (typeof BALANCERS)[number]): Address => ({
  host: "127.0.0.1",
  port: ports[2 + BALANCERS.indexOf(name)] as number,
});

beforeAll(async () => {
  ports = await Promise.all(Array.from({ length: 6 }, () => freePort()));
  const [proxied = 0, plain = 0, stream = 0, first = 0, second = 0, http = 0] = ports;
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
`,
    { folder },
  );
  if (streamMissing() === undefined) peers.push(await startStream({ folder, port: stream, backend: proxied }));
  if (haproxyMissing() !== undefined) return;
  peers.push(await startHaproxy({ folder, port: first, backend: proxied }, "send-proxy", "tcp"));
  peers.push(await startHaproxy({ folder, port: second, backend: proxied }, "send-proxy-v2", "tcp"));
  peers.push(await startHaproxy({ folder, port: http, backend: plain }, "", "http"));
});
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
