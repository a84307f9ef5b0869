/** Who the client is when something stands in front of the server: PROXY protocol and trusted proxies. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { E2E_TIMEOUT_MS, startServer, type Server } from "../support/binary.ts";
import { freePort, makeFolder, removeFolder } from "../support/folder.ts";
import { probeApp } from "../support/toml.ts";
import { until } from "../support/wait.ts";
import { ask, Client, get, type Address } from "../support/wire.ts";

setDefaultTimeout(E2E_TIMEOUT_MS);

const folder = makeFolder("client-address");
const socket = join(folder, "balancer.sock");
let server: Server;
let trusting: Address;
let proxied: Address;
const overSocket: Address = { path: socket };

beforeAll(async () => {
  const ports = [await freePort(), await freePort(), await freePort()];
  trusting = { host: "127.0.0.1", port: ports[0] as number };
  proxied = { host: "127.0.0.1", port: ports[1] as number };
  server = await startServer(
    `
[server]
fronts = 1
header_timeout = "3s"
trusted_proxies = ["127.0.0.1", "10.0.0.0/8"]
${probeApp({ app: `uwsgi_socket = "unix:${join(folder, "probe.sock")}"` })}
[upstream.echo]
servers = ["127.0.0.1:${ports[2]}"]
[upstream.echo_uwsgi]
protocol = "uwsgi"
servers = ["unix:${join(folder, "probe.sock")}"]

[[site]]
names = ["a.example"]
listen = ["127.0.0.1:${ports[0]}"]
[site.routes]
"/" = { app = "probe" }
"/forward/" = { upstream = "echo" }

[[site]]
names = ["b.example"]
trusted_proxies = ["192.0.2.0/24"]
listen = ["127.0.0.1:${ports[0]}"]
[site.routes]
"/" = { app = "probe" }

[[site]]
names = ["c.example"]
trusted_proxies = []
underscores_in_headers = "pass"
listen = ["127.0.0.1:${ports[0]}"]
[site.routes]
"/" = { app = "probe" }
"/forward/" = { upstream = "echo" }
"/uwsgi/" = { upstream = "echo_uwsgi" }

[[site]]
trusted_proxies = ["127.0.0.1"]
listen = ["127.0.0.1:${ports[2]}"]
[site.routes]
"/" = { app = "probe" }

[[site]]
listen = [{ address = "127.0.0.1:${ports[1]}", proxy_protocol = true }, { address = "unix:${socket}", proxy_protocol = true }]
[site.routes]
"/" = { app = "probe" }
`,
    { folder },
  );
});
afterAll(async () => {
  await server.dispose();
  removeFolder(folder);
});

type Facts = Record<string, string | undefined>;

async function facts(address: Address, bytes: string | Uint8Array): Promise<Facts> {
  const reply = await ask(address, bytes);
  expect(reply.status).toBe(200);
  const told = JSON.parse(reply.body.toString()) as Record<string, unknown>;
  return { ...told, ...(told["environ"] as object | undefined) } as Facts;
}

const request = (host: string, fields = "", target = "/facts") =>
  `GET ${target} HTTP/1.1\r\nHost: ${host}\r\n${fields}\r\n`;
const FORWARDED = "X-Forwarded-For: 203.0.113.9, 198.51.100.7, 10.1.2.3\r\nX-Forwarded-Proto: https\r\n";

describe("trusted proxies", () => {
  test("are believed by apps and in the access log", async () => {
    const told = await facts(trusting, request("a.example", FORWARDED));
    expect(told["REMOTE_ADDR"]).toBe("198.51.100.7");
    expect(told["wsgi.url_scheme"]).toBe("https");
    expect(told["HTTP_X_FORWARDED_FOR"]).toBe("203.0.113.9, 198.51.100.7, 10.1.2.3");
    await until("line of that client in the access log", 5000, () => server.output.includes("198.51.100.7 - - ["));
  });

  test("have their list passed to upstreams, with their own address behind it", async () => {
    const told = await facts(
      trusting,
      request("a.example", `${FORWARDED}X-Forwarded-Host: www.example\r\n`, "/forward/facts"),
    );
    expect(told["REMOTE_ADDR"]).toBe("10.1.2.3");
    expect(told["HTTP_X_FORWARDED_FOR"]).toBe("203.0.113.9, 198.51.100.7, 10.1.2.3, 127.0.0.1");
    expect(told["HTTP_X_FORWARDED_PROTO"]).toBe("https");
    expect(told["HTTP_X_FORWARDED_HOST"]).toBe("www.example");
    expect(told["HTTP_X_REAL_IP"]).toBe("198.51.100.7");
  });

  test("of another site are not those of this one: nothing is believed and nothing reaches the app", async () => {
    const told = await facts(trusting, request("b.example", `${FORWARDED}X-Real-IP: 203.0.113.9\r\n`));
    expect(told["REMOTE_ADDR"]).toBe("127.0.0.1");
    expect(told["wsgi.url_scheme"]).toBe("http");
    expect(told["HTTP_X_FORWARDED_FOR"]).toBeUndefined();
    expect(told["HTTP_X_FORWARDED_PROTO"]).toBeUndefined();
    expect(told["HTTP_X_REAL_IP"]).toBeUndefined();
  });

  test("rfc7239: are believed in a Forwarded field, which says nothing beside X-Forwarded-For", async () => {
    const field = 'Forwarded: for="[2001:db8::7]:4711";proto=https;host=www.example, for=10.1.2.3\r\n';
    const told = await facts(trusting, request("a.example", field));
    expect([told["REMOTE_ADDR"], told["REMOTE_PORT"], told["wsgi.url_scheme"]]).toEqual([
      "2001:db8::7",
      "4711",
      "https",
    ]);
    const forwarded = await facts(trusting, request("a.example", field, "/forward/facts"));
    expect(forwarded["HTTP_X_FORWARDED_HOST"]).toBe("www.example");
    expect(forwarded["HTTP_X_FORWARDED_PROTO"]).toBe("https");
    const beside = await facts(trusting, request("a.example", `${field}X-Forwarded-For: 192.0.2.9\r\n`));
    expect([beside["REMOTE_ADDR"], beside["wsgi.url_scheme"]]).toEqual(["192.0.2.9", "http"]);
  });
});

describe("a stranger's lies", () => {
  const LIES = [
    ...[
      "For: 192.0.2.7",
      "Proto: https",
      "Host: evil.example",
      "Port: 443",
      "Ssl: on",
      "User: admin",
      "Prefix: /x",
    ].map((end) => `X-Forwarded-${end}`),
    "X-Real-IP: 192.0.2.7",
    "X-Scheme: https",
    "Front-End-Https: on",
    "Forwarded: for=192.0.2.7;proto=https;host=evil.example",
    "X_Forwarded_For: 192.0.2.7",
    "X-Forwarded_Proto: https",
    "X_Real_IP: 192.0.2.7",
    "HTTPS: on",
    "Proxy: http://evil.example",
  ];
  const fields = LIES.map((lie) => `${lie}\r\n`).join("");
  const told = (facts_: Facts) =>
    Object.keys(facts_).filter(
      (name) => /FORWARDED|REAL_IP|SCHEME|FRONT_END|HTTP_PROXY/.test(name) && name !== "REQUEST_SCHEME",
    );

  test("reach no app, whatever their spelling, and change nothing", async () => {
    const seen = await facts(trusting, request("c.example", `${fields}X_Own: 1\r\n`));
    expect(told(seen)).toEqual([]);
    expect(seen["HTTP_X_OWN"]).toBe("1");
    expect([seen["REMOTE_ADDR"], seen["wsgi.url_scheme"], seen["HTTPS"]]).toEqual(["127.0.0.1", "http", undefined]);
  });

  test("reach no upstream that speaks HTTP, which gets our own word", async () => {
    const seen = await facts(trusting, request("c.example", fields, "/forward/facts"));
    const names = ["FOR", "PROTO", "HOST", "PORT"].map((end) => `HTTP_X_FORWARDED_${end}`);
    expect(told(seen).toSorted()).toEqual([...names, "HTTP_FORWARDED", "HTTP_X_REAL_IP"].toSorted());
    expect(seen["HTTP_FORWARDED"]).toBe("for=127.0.0.1;host=c.example;proto=http");
    expect(names.map((name) => seen[name])).toEqual([
      "127.0.0.1",
      "http",
      "c.example",
      String((trusting as { port: number }).port),
    ]);
  });

  test("reach no upstream that speaks uwsgi", async () => {
    const seen = await facts(trusting, request("c.example", fields, "/uwsgi/facts"));
    expect(told(seen)).toEqual([]);
    expect([seen["REMOTE_ADDR"], seen["wsgi.url_scheme"]]).toEqual(["127.0.0.1", "http"]);
  });
});

describe.each([
  ["TCP", () => proxied],
  ["a unix socket", () => overSocket],
] as const)("the PROXY protocol over %s", (_, address) => {
  const V2 = Buffer.from("\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x07\xc6\x33\x64\x01\xc3\xcb\x01\xbb", "latin1");

  test.each([
    ["version 1", Buffer.from("PROXY TCP4 192.0.2.7 198.51.100.1 50123 443\r\n"), "192.0.2.7", "50123"],
    ["version 1 with IPv6", Buffer.from("PROXY TCP6 2001:db8::7 2001:db8::1 50123 443\r\n"), "2001:db8::7", "50123"],
    ["version 2", V2, "192.0.2.7", "50123"],
  ])("%s says who the client is", async (_name, header, client, port) => {
    const whole = await facts(address(), Buffer.concat([header, Buffer.from(request("a"))]));
    expect([whole["REMOTE_ADDR"], whole["REMOTE_PORT"]]).toEqual([client, port]);
    const slow = await Client.open(address());
    for (const byte of header) {
      slow.send(Buffer.from([byte]));
      await Bun.sleep(1);
    }
    slow.send(request("a"));
    expect((await slow.answer()).body.toString()).toContain(client);
    slow.send(request("a"));
    expect((await slow.answer()).body.toString()).toContain(client);
    slow.close();
  });

  test.each([
    ["a plain request", request("a")],
    ["a header that is wrong", `PROXY TCP4 192.0.2.7 1.2.3 1 1\r\n${request("a")}`],
  ])("%s is dropped without an answer", async (_name, bytes) => {
    const client = await Client.open(address());
    client.send(bytes);
    expect((await client.rest()).length).toBe(0);
    client.close();
    await server.logged("proxy_protocol: ");
  });

  test("a header that does not come is not waited for", async () => {
    const client = await Client.open(address());
    client.send("PROXY TCP4 192.0");
    expect((await client.rest()).length).toBe(0);
    client.close();
  });

  test("a health check of the balancer (LOCAL) is served under its own address", async () => {
    const local = Buffer.from("\r\n\r\n\0\r\nQUIT\n\x20\0\0\0", "latin1");
    const told = await facts(address(), Buffer.concat([local, Buffer.from(request("a"))]));
    expect(told["REMOTE_ADDR"]).toBe(address() === overSocket ? "unix:" : "127.0.0.1");
  });
});

test("nothing is believed of a request on a listener without the protocol", async () => {
  const reply = await ask(trusting, `PROXY TCP4 192.0.2.7 198.51.100.1 50123 443\r\n${request("a.example")}`);
  expect(reply.status).toBe(400);
  expect((await get(trusting, "/hello", "a.example")).status).toBe(200);
});
