/** Upstreams by TLS: a real nginx with certificates of our own authority, good ones and bad ones. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout } from "bun:test";
import { randomBytes } from "node:crypto";
import { E2E_TIMEOUT_MS, runToml, type Server, startServer } from "../support/binary.ts";
import { Authority, opensslMissing } from "../support/certificates.ts";
import { freePort, makeFolder, removeFolder, writeFiles } from "../support/folder.ts";
import { nginxMissing, startNginx } from "../support/nginx.ts";
import type { Peer } from "../support/peer.ts";
import { testUnless } from "../support/skip.ts";
import { ONE_FRONT, site } from "../support/toml.ts";
import { WebSocketClient } from "../support/websocket.ts";
import { type Address, ask, field, get } from "../support/wire.ts";

setDefaultTimeout(E2E_TIMEOUT_MS);

const missing = nginxMissing() ?? opensslMissing();
const test = testUnless(missing);
const folder = makeFolder("https-upstreams");
const LARGE = randomBytes(20 * 1024 * 1024);
const echo = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  fetch: async (request, self) => {
    if (self.upgrade(request)) return undefined;
    return new Response(`took ${(await request.arrayBuffer()).byteLength}`);
  },
  websocket: { message: (socket, message) => void socket.send(message) },
});
let nginx: Peer;
let server: Server;
let address: Address;

/** A server block of nginx on a port of its own. */
function secure(port: number, name: string, more = ""): string {
  return `server {
    listen 127.0.0.1:${port} ssl;
    ssl_certificate ${folder}/${name}.pem; ssl_certificate_key ${folder}/${name}.key;
    keepalive_timeout 60; client_max_body_size 100m;
    add_header X-Sni $ssl_server_name always; add_header X-Alpn $ssl_alpn_protocol always;
    add_header X-Tls $ssl_protocol always; add_header X-Connection $connection:$connection_requests always;
    ${more}
    location / { root ${folder}/www; }
    location /name { return 200 "$ssl_client_verify $ssl_client_s_dn"; }
    location /ws { proxy_pass http://127.0.0.1:${echo.port}; proxy_http_version 1.1;
      proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade"; }
    location /put { client_body_in_single_buffer on; client_body_buffer_size 30m; proxy_request_buffering on;
      proxy_pass http://127.0.0.1:${echo.port}; }
  }`;
}

beforeAll(async () => {
  if (missing !== undefined) return;
  const authority = new Authority(folder);
  authority.make("good", { names: "DNS:backend.test,DNS:localhost,IP:127.0.0.1" });
  authority.make("other", { names: "DNS:other.test" });
  authority.make("local", { names: "DNS:localhost" });
  authority.make("address", { names: "IP:127.0.0.1" });
  authority.make("self", { names: "IP:127.0.0.1", selfSigned: true });
  authority.make("expired", { names: "IP:127.0.0.1", expired: true });
  authority.make("client", { names: "DNS:client.test" });
  writeFiles(folder, { "www/hello": "hello\n", "www/large": LARGE, "www/health": "ok" });
  const names = ["good", "other", "local", "address", "self", "expired", "mutual", "old"] as const;
  const ports = new Map<string, number>();
  for (const name of names) ports.set(name, await freePort());
  const at = (name: (typeof names)[number]) => ports.get(name) ?? 0;
  const http = [
    secure(at("good"), "good"),
    secure(at("other"), "other"),
    secure(at("local"), "local"),
    secure(at("address"), "address"),
    secure(at("self"), "self"),
    secure(at("expired"), "expired"),
    secure(at("mutual"), "good", `ssl_verify_client on; ssl_client_certificate ${folder}/ca.pem;`),
    secure(at("old"), "good", "ssl_protocols TLSv1.1; ssl_ciphers ALL:@SECLEVEL=0;"),
  ].join("\n");
  nginx = await startNginx({ folder, port: await freePort(), server: "return 200;", http });
  const port = await freePort();
  address = { host: "127.0.0.1", port };
  const upstream = (name: string, to: number, tls: string) =>
    `[upstream.${name}]\nprotocol = "https"\nservers = ["127.0.0.1:${to}"]\n${tls}\n`;
  const ca = `ca = "ca.pem"`;
  const upstreams = {
    good: upstream("good", at("good"), `tls = { ${ca} }\nhealth = { path = "/health", interval = "200ms" }`),
    named: upstream("named", at("good"), `tls = { ${ca}, server_name = "backend.test" }`),
    name: `[upstream.name]\nprotocol = "https"\nservers = ["localhost:${at("good")}"]\ntls = { ${ca} }\n`,
    unknown: upstream("unknown", at("good"), ""),
    wrong: upstream("wrong", at("other"), `tls = { ${ca} }`),
    local: upstream("local", at("local"), `tls = { ${ca} }`),
    localhost: upstream("localhost", at("local"), `tls = { ${ca}, server_name = "localhost" }`),
    address: upstream("address", at("address"), `tls = { ${ca} }`),
    self: upstream("self", at("self"), `tls = { ${ca} }`),
    believed: upstream("believed", at("self"), "tls = { verify = false }"),
    careless: upstream("careless", at("other"), "tls = { verify = false }"),
    reckless: upstream("reckless", at("self"), `tls = { verify = false, server_name = "x.test" }`),
    expired: upstream("expired", at("expired"), `tls = { ${ca} }`),
    mutual: upstream("mutual", at("mutual"), `tls = { ${ca}, cert = "client.pem", key = "client.key" }`),
    anonymous: upstream("anonymous", at("mutual"), `tls = { ${ca} }`),
    old: upstream("old", at("old"), `tls = { ${ca} }`),
    clear: upstream("clear", echo.port ?? 0, `tls = { ${ca} }`),
  };
  const routes = Object.keys(upstreams).map((name) => `"/${name}/" = { upstream = "${name}", strip_prefix = true }`);
  const toml = ONE_FRONT + Object.values(upstreams).join("") + site(`127.0.0.1:${port}`, routes.join("\n"));
  server = await startServer(toml, { folder });
});

afterAll(async () => {
  if (missing === undefined) {
    await server.dispose();
    await nginx.stop();
  }
  await echo.stop(true);
  removeFolder(folder);
});

describe("a server that is who it should be", () => {
  test("is asked by HTTP/1.1 over TLS 1.2 or newer, on connections that are kept", async () => {
    const [first, second] = [await get(address, "/good/hello"), await get(address, "/good/hello")];
    expect([first.status, first.body.toString()]).toEqual([200, "hello\n"]);
    expect(field(first, "x-alpn")).toBe("http/1.1");
    expect(field(first, "x-tls")).toMatch(/^TLSv1\.[23]$/);
    const [connection, requests] = (field(first, "x-connection") ?? "").split(":");
    expect(field(second, "x-connection")).toBe(`${connection}:${Number(requests) + 1}`);
  });

  test("is told by what name it is asked", async () => {
    expect(field(await get(address, "/named/hello"), "x-sni")).toBe("backend.test");
    expect(field(await get(address, "/name/hello"), "x-sni")).toBe("localhost");
    // An address is no name (RFC 6066 section 3).
    expect(field(await get(address, "/good/hello"), "x-sni")).toBeUndefined();
  });

  test("is who it should be by its address as well as by its name", async () => {
    for (const name of ["address", "localhost"]) expect((await get(address, `/${name}/hello`)).status).toBe(200);
  });

  test("sends and takes large contents", async () => {
    expect(Buffer.compare((await get(address, "/good/large")).body, LARGE)).toBe(0);
    const head = `POST /good/put HTTP/1.1\r\nHost: a\r\nContent-Length: ${LARGE.length}\r\n\r\n`;
    expect((await ask(address, Buffer.concat([Buffer.from(head), LARGE]))).body.toString()).toBe(
      `took ${LARGE.length}`,
    );
  });

  test("is given our certificate when it asks for one", async () => {
    expect((await get(address, "/mutual/name")).body.toString()).toBe("SUCCESS CN=client");
    // nginx lets such a connection come about, and answers 400.
    expect((await get(address, "/anonymous/name")).status).toBe(400);
  });

  test("carries WebSockets", async () => {
    const socket = await WebSocketClient.open(`ws://127.0.0.1:${"port" in address ? address.port : 0}/good/ws`);
    expect(await socket.echo("secret")).toBe("secret");
    const large = new Uint8Array(randomBytes(3 * 1024 * 1024));
    socket.send(large);
    expect(Buffer.compare((await socket.next()) as Uint8Array, large)).toBe(0);
    socket.close();
    expect(await socket.closed).toBe(1000);
  });

  test("is found well by its health checks", async () => {
    await Bun.sleep(1000);
    expect(server.log).not.toContain("upstream good, server");
  });
});

describe("a server that is not is answered 502, and the log says why", () => {
  for (const [name, why] of [
    ["unknown", /TLS: .*(issuer|verify the first)/],
    ["wrong", /TLS: Hostname\/IP does not match certificate's altnames.*127\.0\.0\.1/],
    ["local", /TLS: Hostname\/IP does not match certificate's altnames.*127\.0\.0\.1/],
    ["self", /TLS: self.signed certificate/],
    ["expired", /TLS: certificate has expired/],
    ["old", /TLS: .*PROTOCOL_VERSION/],
    ["clear", /TLS: .*WRONG_VERSION_NUMBER/],
  ] as const) {
    test(name, async () => {
      expect((await get(address, `/${name}/hello`)).status).toBe(502);
      await server.logged(new RegExp(`upstream ${name}, server 127.0.0.1:\\d+: connect to [^\n]*${why.source}`));
    });
  }
});

for (const name of ["believed", "careless", "reckless"]) {
  test(`verify = false believes it: ${name}`, async () => {
    expect((await get(address, `/${name}/hello`)).status).toBe(200);
  });
}

test("a key that is not the certificate's, and files that are none, stop the start", async () => {
  const tls = `tls = { ca = "www/hello", cert = "client.pem", key = "good.key" }`;
  const toml = `[upstream.a]\nprotocol = "https"\nservers = ["a:443"]\n${tls}\n`;
  const { code, stderr } = await runToml(toml + site("127.0.0.1:1", '"/" = { upstream = "a" }'), folder);
  expect(code).toBe(2);
  expect(stderr).toContain("upstream.a.tls.key: is not the key of cert");
  expect(stderr).toMatch(/upstream\.a\.tls\.ca: names .*which holds no certificate; should be a file in PEM/);
});
