/**
 * What a refusal carries and leaves behind: the fields that the site, or the default site of the listener, sets; the lines
 * of both logs; the counter of its limit; and what the variables of a connection and of an app say of it.
 */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { E2E_TIMEOUT_MS, startServer, type Server } from "../support/binary.ts";
import { freePort, makeFolder, removeFolder } from "../support/folder.ts";
import { probeApp } from "../support/toml.ts";
import { until } from "../support/wait.ts";
import { type Address, ask, Client, field } from "../support/wire.ts";

setDefaultTimeout(E2E_TIMEOUT_MS);

const folder = makeFolder("refusals");
let server: Server;
let address: Address;
let lonely: Address;

const FORMAT =
  "$status|$request_uri|$connection|$connection_requests|$request_length|$bytes_sent|$request_completion|" +
  "$upstream_addr|$upstream_status|$upstream_connect_time|$upstream_header_time|$upstream_response_time|" +
  "$upstream_response_length|$upstream_http_content_type|";

beforeAll(async () => {
  writeFileSync(join(folder, "long.html"), "<p>too long</p>");
  const ports = [await freePort(), await freePort()];
  address = { host: "127.0.0.1", port: ports[0] as number };
  lonely = { host: "127.0.0.1", port: ports[1] as number };
  server = await startServer(
    `[server]
fronts = 1
header_timeout = "3s"
keepalive_requests = 3
server_header = "shop"
max_target_size = "1KiB"
max_header_size = "4KiB"
max_header_fields = 20
access_log_format = "${FORMAT}"
${probeApp()}
[limit.once]
rate = "1/h"
[[site]]
listen = ["127.0.0.1:${ports[0]}"]
max_body_size = "1KiB"
headers = { set = { X-Frame-Options = "DENY", X-From = "$remote_addr" } }
[site.error_pages]
"414" = "long.html"
"431 505" = { respond = "<p>$status: $remote_addr</p>" }
"417" = { route = "/once/" }
"400" = { route = "/once/" }
[site.routes]
"/" = { app = "probe" }
"/once/" = { respond = "ok", limit = "once" }
[[site]]
names = ["b.example"]
listen = ["127.0.0.1:${ports[0]}", "127.0.0.1:${ports[1]}"]
headers = { set = { X-Site = "b" } }
[site.routes]
"/" = { respond = "b" }
`,
    { folder },
  );
});
afterAll(async () => {
  await server.dispose();
  removeFolder(folder);
});

const HOST = "Host: a.example\r\n";

describe("the fields of a refusal", () => {
  const LONG = `X-Long: ${"a".repeat(5000)}\r\n`;
  const cases = [
    ["rfc9112_3_2: no Host", 400, "GET / HTTP/1.1\r\n\r\n"],
    ["rfc9112_3: no request line", 400, "NONSENSE\r\n\r\n"],
    ["rfc9112_3: a long target", 414, `GET /${"x".repeat(2000)} HTTP/1.1\r\n${HOST}\r\n`],
    ["rfc9110_5_4: a large field", 431, `GET / HTTP/1.1\r\n${HOST}${LONG}\r\n`],
    ["rfc9110_5_4: many fields", 431, `GET / HTTP/1.1\r\n${HOST}${"X: 1\r\n".repeat(30)}\r\n`],
    ["rfc9110_15_6_6: another version", 505, `GET / HTTP/2.0\r\n${HOST}\r\n`],
    ["rfc9110_15_5_9: a head that does not come", 408, "GET / HT"],
    ["rfc9110_10_1_1: another expectation", 417, `POST / HTTP/1.1\r\n${HOST}Content-Length: 1\r\nExpect: tea\r\n\r\nx`],
    [
      "rfc9110_15_5_14: a body that is announced too large",
      413,
      `POST / HTTP/1.1\r\n${HOST}Content-Length: 2000\r\n\r\n`,
    ],
    [
      "rfc9110_15_5_14: a body that comes too large",
      413,
      `POST /echo HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n7d0\r\n${"x".repeat(2000)}\r\n0\r\n\r\n`,
    ],
    ["rfc9110_9_3_8: TRACE", 405, `TRACE / HTTP/1.1\r\n${HOST}\r\n`],
    ["a path above the root", 404, `GET /../x HTTP/1.1\r\n${HOST}\r\n`],
  ] as const;
  test.each(cases)("%s: %d has those of the default site", async (_, status, request) => {
    const answer = await ask(address, request);
    expect(answer.status).toBe(status);
    const shown = ["Server", "X-Frame-Options", "X-From", "X-Site"].map((name) => field(answer, name));
    expect(shown).toEqual(["shop", "DENY", "127.0.0.1", undefined]);
  });

  test("a HEAD that is refused has no content", async () => {
    const client = await Client.open(address);
    client.send("HEAD / HTTP/1.1\r\n\r\n");
    expect(field(await client.answer("HEAD"), "X-Frame-Options")).toBe("DENY");
    expect((await client.rest()).length).toBe(0);
    client.close();
  });

  test("and its error pages, as far as they are files and texts", async () => {
    const long = await ask(address, `GET /${"x".repeat(2000)} HTTP/1.1\r\n${HOST}\r\n`);
    expect([long.status, field(long, "Content-Type"), String(long.body)]).toEqual([
      414,
      "text/html",
      "<p>too long</p>",
    ]);
    const version = await ask(address, `GET / HTTP/2.0\r\n${HOST}\r\n`);
    expect([version.status, String(version.body)]).toEqual([505, "<p>505: 127.0.0.1</p>"]);
    const nonsense = await ask(address, "NONSENSE\r\n\r\n");
    expect([nonsense.status, String(nonsense.body)]).toEqual([400, expect.stringContaining("<h1>400 Bad Request")]);
    const client = await Client.open(address);
    client.send(`HEAD /${"x".repeat(2000)} HTTP/1.1\r\n${HOST}\r\n`);
    expect(field(await client.answer("HEAD"), "Content-Length")).toBe("15");
    expect((await client.rest()).length).toBe(0);
    client.close();
  });

  test("of a known site they are its own", async () => {
    const answer = await ask(
      address,
      "POST / HTTP/1.1\r\nHost: b.example\r\nContent-Length: 1\r\nExpect: tea\r\n\r\nx",
    );
    expect([answer.status, field(answer, "X-Site"), field(answer, "X-Frame-Options")]).toEqual([417, "b", undefined]);
  });

  test("without a default site they are those of the server", async () => {
    for (const request of ["NONSENSE\r\n\r\n", `GET / HTTP/1.1\r\n${HOST}\r\n`]) {
      const answer = await ask(lonely, request);
      expect([field(answer, "Server"), field(answer, "X-Site")]).toEqual(["shop", undefined]);
    }
  });
});

test("rfc9112_9_6: a large upload that is refused is received until its client has read why", async () => {
  const client = await Client.open(address);
  client.send(`POST / HTTP/1.1\r\n${HOST}Content-Length: 20000000\r\n\r\n`);
  // All of it before the answer is read, as simple clients do.
  for (let sent = 0; sent < 20_000_000; sent += 100_000) await client.sent(Buffer.alloc(100_000, 97));
  expect((await client.answer()).status).toBe(413);
  client.close();
});

test("the log names the largest field of a head that is too large", async () => {
  await server.logged(/431 head_too_large: .*X-Long/i);
  await server.logged(/414 target_too_long/);
});

test("the access log tells what a refusal has received and was sent", async () => {
  const line = /^414\|[^|]*\|\d+\|[^|]*\|\d{4}\|[1-9]\d\d\|/m;
  await until("line of a refusal in the access log", 10_000, () => line.test(server.output));
});

async function logged(mark: string): Promise<readonly string[]> {
  const line = await until(`line with ${mark} in the access log`, 5000, () =>
    server.output.split("\n").find((each) => each.split("|")[1] === mark),
  );
  return line.split("|");
}

describe("the variables", () => {
  test("of a connection count its requests, and bytes in both directions", async () => {
    const client = await Client.open(address);
    const requests = ["/hello?1", "/hello?2"].map((target) => `GET ${target} HTTP/1.1\r\n${HOST}\r\n`);
    client.send(requests.join(""));
    const sizes = [];
    for (let i = 0; i < 2; i++) sizes.push((await client.answer()).body.length);
    const post = `POST /digest?3 HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n`;
    client.send(post);
    expect((await client.rest()).latin1Slice()).toContain("close");
    client.close();
    const [first, second, third] = [await logged("/hello?1"), await logged("/hello?2"), await logged("/digest?3")];
    expect(new Set([first[2], second[2], third[2]]).size).toBe(1);
    expect([first[3], second[3], third[3]]).toEqual(["1", "2", "3"]);
    expect([first[4], second[4], third[4]]).toEqual([...requests, post].map((request) => String(request.length)));
    expect(Number(first[5])).toBeGreaterThan((sizes[0] ?? 0) + 50);
    expect([first[6], third[6]]).toEqual(["OK", "OK"]);
  });

  test("of an app say which worker answered, and how long it took", async () => {
    await ask(address, `GET /sleep?seconds=0.2 HTTP/1.1\r\n${HOST}\r\n`);
    const line = await logged("/sleep?seconds=0.2");
    expect(line[7]).toMatch(/^app:probe#\d+$/);
    expect(line[8]).toBe("200");
    const [connect, header, response] = line.slice(9, 12).map(Number);
    expect(connect).toBeLessThan(header as number);
    expect(header).toBeGreaterThanOrEqual(0.2);
    expect(response).toBeGreaterThanOrEqual(header as number);
    expect(Number(line[12])).toBeGreaterThan(0);
    expect(line[13]).toStartWith("text/");
  });
});

test("every limit that was hit is counted, and told at the end", async () => {
  for (let i = 0; i < 3; i++) await ask(address, `GET /once/ HTTP/1.1\r\n${HOST}\r\n`);
  await server.stop();
  const counted = Object.fromEntries(
    [...server.log.matchAll(/(\S+) was hit (\d+) times/g)].map(([, name, hits]) => [name, Number(hits)]),
  );
  expect(counted).toMatchObject({
    max_target_size: 3,
    max_header_size: 1,
    max_header_fields: 1,
    max_body_size: 3,
    header_timeout: 1,
    keepalive_requests: 1,
    "limit.once": 2,
  });
});
