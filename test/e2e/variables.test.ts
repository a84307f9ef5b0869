/** Variables, maps, host selection, redirects and reply headers, on the built binary. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { E2E_TIMEOUT_MS, startServer, type Server } from "../support/binary.ts";
import { freePort, makeFolder, removeFolder, writeFiles } from "../support/folder.ts";
import { ONE_FRONT, probeApp } from "../support/toml.ts";
import { until } from "../support/wait.ts";
import { type Address, type Answer, ask, field, get } from "../support/wire.ts";

setDefaultTimeout(E2E_TIMEOUT_MS);

const folder = makeFolder("variables");
let server: Server;
let address: Address;

beforeAll(async () => {
  const [port, other] = [await freePort(), await freePort()];
  address = { host: "127.0.0.1", port };
  writeFiles(folder, { "users/bob/www/a.txt": "bob's\n", "users/secret.txt": "secret\n", "static/a.txt": "static\n" });
  server = await startServer(configuration(port, other), { folder });
});
afterAll(async () => {
  await server.dispose();
  removeFolder(folder);
});

function configuration(port: number, other: number): string {
  return `${ONE_FRONT}server_header = "probe"
${probeApp({ processes: 1 })}
[upstream.self]
servers = "127.0.0.1:${other}"
[upstream.dead]
servers = "127.0.0.1:1"

[map.tenant]
source = "$host"
hostnames = true
default = "none"
values = { "*.shop.test" = "shop", "~ ^(?<name>[a-z]+)\\\\.user\\\\." = "user $name" }

[map.moved]
source = "$uri"
values = { "/moved/a" = "/new/a", "~ ^/moved/(.*)$" = "https://new.test/$1" }

[[site]]
names = ["www.test", "*.shop.test", "www.any.*", ".both.test", '~^(?<sub>.+)\\.user\\.test$']
listen = ["127.0.0.1:${port}"]
[site.headers]
set = { X-Site = "$tenant", X-Both = "site" }
default = { X-Frame-Options = "DENY" }
remove = ["X-Custom"]
[site.routes]
"= /values" = { respond = "$host|$request_uri|$uri|$args|$arg_b|$http_x_probe|$cookie_sid|$scheme|$remote_addr|$tenant|$sub\\n" }
"= /id" = { respond = "$request_id" }
"~ ^/u/(?<user>[a-z]+)/(.*)$" = { files = "users/$user/www/$2", headers = { set = { X-User = "$user" } } }
"~ ^/go(.*)$" = { redirect = "https://www.test$1", status = 301 }
"/old/" = { redirect = "https://$host/new$request_uri", status = 308 }
"/moved/" = { redirect = "$moved" }
"/static/" = { files = "static/", headers = { set = { X-Both = "route" }, add = { X-Status = ["$status", "$sent_http_etag"] } } }
"/app/" = { app = "probe" }
"/proxied/" = { upstream = "self", headers = { set = { X-Upstream = "$upstream_addr $upstream_status" } } }
"/dead/" = { upstream = "dead", headers = { set = { X-Upstream = "$upstream_addr $upstream_status" } } }
"/path/" = { respond = "x", headers = { set = { X-Path = "$uri" } } }

[[site]]
names = ["inner.test"]
default = true
listen = ["127.0.0.1:${other}"]
underscores_in_headers = "pass"
[site.routes]
"/" = { app = "probe" }
`;
}

const body = (answer: Answer) => answer.body.toString();

describe("the Host decides", () => {
  const cases = [
    ["www.test", "none", ""],
    ["a.b.shop.test", "shop", ""],
    ["www.any.net", "none", ""],
    ["both.test", "none", ""],
    ["x.both.test", "none", ""],
    ["bob.user.test", "user bob", "bob"],
  ] as const;
  test.each(cases)("%s", async (host, tenant, sub) => {
    const answer = await get(address, "/values", host);
    expect(answer.status).toBe(200);
    expect(body(answer)).toBe(`${host}|/values|/values|||||http|127.0.0.1|${tenant}|${sub}\n`);
    expect(field(answer, "X-Site")).toBe(tenant);
  });

  test("an unknown one is 421, with our Server and no site's fields", async () => {
    const answer = await get(address, "/values", "shop.test");
    expect([answer.status, field(answer, "Server"), field(answer, "X-Site")]).toEqual([421, "probe", undefined]);
  });
});

describe("variables", () => {
  test("of the request", async () => {
    const fields = "Host: www.test\r\nX-Probe: a$host\r\nCookie: a=1; sid=x$1\r\n";
    const answer = await ask(address, `GET /values?a=1&b=$uri HTTP/1.1\r\n${fields}\r\n`);
    expect(body(answer)).toBe("www.test|/values?a=1&b=$uri|/values|a=1&b=$uri|$uri|a$host|x$1|http|127.0.0.1|none|\n");
  });

  test("every request has an id of its own", async () => {
    const ids = await Promise.all([1, 2, 3].map(async () => body(await get(address, "/id", "www.test"))));
    expect(new Set(ids).size).toBe(3);
    for (const id of ids) expect(id).toMatch(/^[0-9a-f]{32}$/);
  });
});

describe("files with captures", () => {
  test("serve what is below", async () => {
    const answer = await get(address, "/u/bob/a.txt", "www.test");
    expect([answer.status, body(answer), field(answer, "X-User")]).toEqual([200, "bob's\n", "bob"]);
  });
  test.each(["/u/bob/..%2f..%2fsecret.txt", "/u/bob/%2e%2e/%2e%2e/secret.txt", "/u/bob/.hidden", "/u/bob/a%5c..%5cb"])(
    "%s leads nowhere",
    async (path) => expect((await get(address, path, "www.test")).status).toBe(404),
  );
});

describe("redirects", () => {
  const cases = [
    ["/go/x%20y", 301, "https://www.test/x%20y"],
    ["/go.evil.test/", 301, "https://www.test/.evil.test/"],
    ["/go@evil.test", 301, "https://www.test/@evil.test"],
    ["/go/%0d%0aX:%20y", 301, "https://www.test/%0D%0AX:%20y"],
    ["/old/a?b=%41", 308, "https://www.test/new/old/a?b=%41"],
    ["/moved/a", 302, "/new/a"],
    ["/moved/b%3f", 302, "https://new.test/b%3F"],
  ] as const;
  test.each(cases)("%s", async (path, status, location) => {
    const answer = await get(address, path, "www.test");
    expect([answer.status, field(answer, "Location")]).toEqual([status, location]);
    expect(field(answer, "X")).toBeUndefined();
  });

  test("a map without a value is 404", async () => {
    expect((await get(address, "/moved", "www.test")).status).toBe(404);
  });
});

describe("reply headers", () => {
  const all = (answer: Answer, name: string) =>
    answer.fields.filter(([each]) => each === name).map(([, value]) => value);

  test("of a file, its 304, and an error: the route's after the site's", async () => {
    const file = await get(address, "/static/a.txt", "www.test");
    const etag = field(file, "ETag") as string;
    expect([file.status, all(file, "X-Both"), all(file, "X-Status")]).toEqual([200, ["route"], ["200", etag]]);
    const again = await ask(address, `GET /static/a.txt HTTP/1.1\r\nHost: www.test\r\nIf-None-Match: ${etag}\r\n\r\n`);
    expect([again.status, all(again, "X-Both"), all(again, "X-Status")]).toEqual([304, ["route"], ["304", etag]]);
    const lost = await get(address, "/static/none", "www.test");
    expect([lost.status, all(lost, "X-Both"), all(lost, "X-Status")]).toEqual([404, ["route"], ["404"]]);
    expect(field(lost, "X-Frame-Options")).toBe("DENY");
  });

  test("of an app and an upstream", async () => {
    const app = await get(address, "/app/hello", "www.test");
    expect([app.status, body(app), all(app, "X-Both"), field(app, "Server")]).toEqual([
      200,
      "hello\n",
      ["site"],
      "probe",
    ]);
    const proxied = await get(address, "/proxied/hello", "www.test");
    expect([proxied.status, body(proxied), field(proxied, "Server")]).toEqual([200, "hello\n", "probe"]);
    expect(field(proxied, "X-Upstream")).toMatch(/^127\.0\.0\.1:\d+ 200$/);
    const dead = await get(address, "/dead/", "www.test");
    expect([dead.status, field(dead, "X-Upstream"), field(dead, "X-Site")]).toEqual([502, "127.0.0.1:1 502", "none"]);
  });

  test("no control of a decoded path gets out", async () => {
    const answer = await get(address, "/path/%0d%0aSet-Cookie:%20a=b%01", "www.test");
    expect([answer.status, field(answer, "X-Path"), field(answer, "Set-Cookie")]).toEqual([
      200,
      "/path/%0D%0ASet-Cookie: a=b%01",
      undefined,
    ]);
  });

  test("of an OPTIONS * and of a method that no route has", async () => {
    for (const line of ["OPTIONS * HTTP/1.1", "TRACE / HTTP/1.1"]) {
      const answer = await ask(address, `${line}\r\nHost: www.test\r\n\r\n`);
      expect([field(answer, "X-Both"), field(answer, "Server")]).toEqual(["site", "probe"]);
    }
  });
});

test("fields with _ reach an app only where the site lets them pass", async () => {
  const inner = { host: "127.0.0.1", port: Number(/127\.0\.0\.1:(\d+)/.exec(await innerAddress())?.[1]) };
  const facts = async (to: Address, path: string, host: string) => {
    const fields = `Host: ${host}\r\nApp_Token: t\r\nX_Forwarded_For: 6.6.6.6\r\n`;
    return JSON.parse(body(await ask(to, `GET ${path} HTTP/1.1\r\n${fields}\r\n`))) as Record<string, string>;
  };
  const passed = await facts(inner, "/facts", "inner.test");
  expect([passed["HTTP_APP_TOKEN"], passed["HTTP_X_FORWARDED_FOR"]]).toEqual(["t", undefined]);
  const dropped = await facts(address, "/app/facts", "www.test");
  expect([dropped["HTTP_APP_TOKEN"], dropped["HTTP_X_FORWARDED_FOR"]]).toEqual([undefined, undefined]);
});

async function innerAddress(): Promise<string> {
  return field(await get(address, "/proxied/hello", "www.test"), "X-Upstream") ?? "";
}

test("slashes are kept, every Server field goes, and log lines have their own format when that is asked", async () => {
  const port = await freePort();
  const upstream = `[upstream.first]\nservers = "127.0.0.1:${(address as { port: number }).port}"\n`;
  const routes = '"/proxied/" = { upstream = "first" }\n"/" = { respond = "$uri" }\n';
  const site = `[[site]]\nlisten = ["127.0.0.1:${port}"]\n[site.routes]\n${routes}`;
  const own = `server_header = "off"\nmerge_slashes = false\naccess_log_format = "$status $uri $request_uri $http_none"\n`;
  const plain = await startServer(`${ONE_FRONT}${own}${upstream}${site}`);
  try {
    const answer = await get({ host: "127.0.0.1", port }, "//a//b/../c", "x");
    expect([body(answer), field(answer, "Server")]).toEqual(["//a//c", undefined]);
    const proxied = await get({ host: "127.0.0.1", port }, "/proxied/x", "www.test");
    expect(field(proxied, "X-Site")).toBe("none");
    expect(field(proxied, "Server")).toBeUndefined();
    await until("line of the format", 5000, () => plain.output.includes("200 //a//c //a//b/../c -\n") || undefined);
  } finally {
    await plain.dispose();
  }
});
