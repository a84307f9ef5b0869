/** Several sites, kinds of addresses and routes in one server, and the access log of them all. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, readFileSync, statSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { E2E_TIMEOUT_MS, startServer, type Server } from "../support/binary.ts";
import { freePort, makeFolder, removeFolder, writeFiles } from "../support/folder.ts";
import { testUnless } from "../support/skip.ts";
import { ONE_FRONT, probeApp } from "../support/toml.ts";
import { until } from "../support/wait.ts";
import { ask, field, get, type Address } from "../support/wire.ts";

setDefaultTimeout(E2E_TIMEOUT_MS);

const folder = makeFolder("sites");
const socket = join(folder, "site.sock");
const accessLog = join(folder, "access.log");
const hasIpv6 = Object.values(networkInterfaces()).some((all) => all?.some(({ address }) => address === "::1"));
const withIpv6 = testUnless(hasIpv6 ? undefined : "this machine has no ::1");

let server: Server;
let address: Address;
let second: Address;
let address6: Address;

beforeAll(async () => {
  const ports = [await freePort(), await freePort()];
  address = { host: "127.0.0.1", port: ports[0] as number };
  second = { host: "127.0.0.1", port: ports[1] as number };
  address6 = { host: "::1", port: ports[0] as number };
  const first = hasIpv6 ? `"127.0.0.1:${ports[0]}", "[::1]:${ports[0]}"` : `"127.0.0.1:${ports[0]}"`;
  writeFiles(folder, { "one/a.txt": "one\n", "two/a.txt": "two\n", "two/index.html": "<p>two</p>\n" });
  server = await startServer(configuration(first, `"127.0.0.1:${ports[1]}"`), { folder });
});
afterAll(async () => {
  await server.dispose();
  removeFolder(folder);
});

function configuration(first: string, other: string): string {
  return `${ONE_FRONT}access_log = ${JSON.stringify(accessLog)}
${probeApp({ processes: 1 })}
[[site]]
names = ["one.example", "*.one.example"]
listen = [${first}]
[site.routes]
"/" = { files = "one/" }
"/app/" = { app = "probe" }
"= /exact" = { respond = "exact\\n" }
"~ ^/r/[0-9]+$" = { respond = "number\\n", status = 203, type = "text/x-number" }
"/old/" = { redirect = "https://new.example$request_uri", status = 301 }

[[site]]
names = ["two.example"]
listen = [${first}, ${other}]
charset = "utf-8"
[site.routes]
"/" = { files = "two/" }

[[site]]
listen = [${other}, "unix:${socket}"]
[site.routes]
"/" = { app = "probe" }
`;
}

describe("the Host decides between sites of one address", () => {
  const cases = [
    ["one.example", 200, "one\n"],
    ["ONE.example:99", 200, "one\n"],
    ["deep.www.one.example", 200, "one\n"],
    ["two.example", 200, "two\n"],
    ["three.example", 421, undefined],
  ] as const;
  test.each(cases)("%s: %d", async (host, status, body) => {
    const answer = await get(address, "/a.txt", host);
    expect(answer.status).toBe(status);
    if (body !== undefined) expect(answer.body.toString()).toBe(body);
  });

  test("a site without names is the default of its addresses", async () => {
    expect((await get(second, "/hello", "three.example")).body.toString()).toBe("hello\n");
    expect((await get(second, "/a.txt", "two.example")).body.toString()).toBe("two\n");
  });

  test("charset is added to text", async () => {
    expect(field(await get(address, "/a.txt", "two.example"), "Content-Type")).toBe("text/plain; charset=utf-8");
    expect(field(await get(address, "/", "two.example"), "Content-Type")).toBe("text/html; charset=utf-8");
    expect(field(await get(address, "/a.txt", "one.example"), "Content-Type")).toBe("text/plain");
  });
});

describe("routes", () => {
  test("exact, pattern and longest prefix", async () => {
    expect((await get(address, "/exact", "one.example")).body.toString()).toBe("exact\n");
    expect((await get(address, "/exact/", "one.example")).status).toBe(404);
    const number = await get(address, "/r/12", "one.example");
    expect([number.status, field(number, "Content-Type")]).toEqual([203, "text/x-number"]);
    expect((await get(address, "/r/x", "one.example")).status).toBe(404);
  });

  test("a redirect keeps path and query", async () => {
    const answer = await get(address, "/old/a%20b?c=d", "one.example");
    expect(answer.status).toBe(301);
    expect(field(answer, "Location")).toBe("https://new.example/old/a%20b?c=d");
  });
});

describe("addresses", () => {
  withIpv6("[::1]", async () => {
    expect((await get(address6, "/a.txt", "one.example")).body.toString()).toBe("one\n");
  });

  test("a unix socket, on which the peer has no port", async () => {
    const facts = JSON.parse((await get({ path: socket }, "/facts", "x")).body.toString());
    expect(facts.PATH_INFO).toBe("/facts");
    expect(statSync(socket).isSocket()).toBe(true);
  });

  test("the socket's file goes away with the server", async () => {
    const own = makeFolder("socket");
    const path = join(own, "own.sock");
    const toml = `${ONE_FRONT}[[site]]\nlisten = ["unix:${path}"]\n[site.routes]\n"/" = { respond = "here" }\n`;
    const other = await startServer(toml, { folder: own });
    expect((await get({ path }, "/")).body.toString()).toBe("here");
    await other.dispose();
    expect(existsSync(path)).toBe(false);
    removeFolder(own);
  });
});

describe("the access log", () => {
  test("has one line for each request, in the combined format", async () => {
    const agent = `probe-${Date.now()} "quoted" \u00e9`;
    const fields = `Host: one.example\r\nReferer: http://r.example/\r\nUser-Agent: ${agent}\r\n`;
    await ask(address, `GET /a.txt?x=1 HTTP/1.1\r\n${fields}\r\n`);
    const mark = agent.split(" ")[0] as string;
    const line = await until("line in the access log", 5000, () =>
      readFileSync(accessLog, "latin1")
        .split("\n")
        .find((each) => each.includes(mark)),
    );
    const shown = `"GET /a.txt?x=1 HTTP/1.1" 200 4 "http://r.example/" "${mark} \\x22quoted\\x22 \\xE9"`;
    expect(line).toMatch(/^127\.0\.0\.1 - - \[\d\d\/[A-Z][a-z]{2}\/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] "/);
    expect(line.slice(line.indexOf("] ") + 2)).toBe(shown);
  });

  test("shows what a client sent without letting it start a line", async () => {
    await ask(address, 'GET /a.txt?"\u001b HTTP/1.1\r\nHost: one.example\r\n\r\n').catch(() => {});
    await ask(address, "GET /marker-end HTTP/1.1\r\nHost: one.example\r\n\r\n");
    const text = await until("marker in the log", 5000, () => {
      const log = readFileSync(accessLog, "latin1");
      return log.includes("marker-end") ? log : undefined;
    });
    for (const line of text.trim().split("\n"))
      expect(line).toMatch(/^(?:[0-9.:]+|unix:) - - \[[^\]]+\] "[^"]*" \d{3} \d+ "[^"]*" "[^"]*"$/);
  });
});
