/** What applications leave to the server: X-Accel-Redirect, X-Sendfile; and routes that only they can reach. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { closeSync, mkdirSync, openSync, rmSync, statSync, symlinkSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { E2E_TIMEOUT_MS, type Server, startServer } from "../support/binary.ts";
import { freePort, makeFolder, removeFolder } from "../support/folder.ts";
import { ONE_FRONT, probeApp } from "../support/toml.ts";
import { until } from "../support/wait.ts";
import { type Address, type Answer, ask, Client, field, get } from "../support/wire.ts";

setDefaultTimeout(E2E_TIMEOUT_MS);

const folder = makeFolder("delivery");
const media = join(folder, "media");
const LARGE = Buffer.alloc(300_000, "0123456789");
let server: Server;
let address: Address;

beforeAll(async () => {
  mkdirSync(join(media, "deep"), { recursive: true });
  writeFileSync(join(media, "large.bin"), LARGE);
  writeFileSync(join(media, "small.txt"), "small\n");
  writeFileSync(join(media, "deep/caf\u00e9 1%.txt"), "named\n");
  writeFileSync(join(folder, "secret.txt"), "secret\n");
  symlinkSync(join(folder, "secret.txt"), join(media, "link.txt"));
  const [port, behind] = [await freePort(), await freePort()];
  address = { host: "127.0.0.1", port };
  server = await startServer(configuration(port, behind), { folder });
});
afterAll(async () => {
  await server.dispose();
  removeFolder(folder);
});

/** The second site is the upstream of the first: what it answers must be followed there and not here. */
function configuration(port: number, behind: number): string {
  const env = `DELIVER_MEDIA = ${JSON.stringify(media)}`;
  const probe = probeApp({ module: "deliver", app: 'sendfile_roots = ["media"]', env });
  return `${ONE_FRONT}
${probe}
${probe.replaceAll("app.probe", "app.careless").replace('sendfile_roots = ["media"]', "")}
[upstream.behind]
servers = ["127.0.0.1:${behind}"]
sendfile_roots = ["media"]

[[site]]
listen = ["127.0.0.1:${port}"]
error_pages = { "404" = { respond = "our 404" } }
[site.headers]
set = { X-Site = "yes" }
[site.routes]
"/protected/" = { files = "media", internal = true, headers = { set = { X-Protected = "yes" } } }
"/only/" = { respond = "only $arg_x", internal = true }
"/denied/" = { files = "media", internal = true, access = ["deny all"] }
"/inside/" = { app = "probe", internal = true }
"/behind/" = { upstream = "behind" }
"/careless/" = { app = "careless" }
"/try/" = { files = "media", otherwise = "/only/x" }
"/" = { app = "probe" }

[[site]]
listen = ["127.0.0.1:${behind}"]
[site.routes]
"/behind/accel" = { respond = "no content of the upstream", headers = { set = { X-Accel-Redirect = "/protected/small.txt", Cache-Control = "no-cache" } } }
"/behind/sendfile" = { respond = "", headers = { set = { X-Sendfile = ${JSON.stringify(join(media, "small.txt"))} } } }
"/behind/plain" = { respond = "plain", headers = { set = { X-Accel-Expires = "10", X-Mine = "1" } } }
`;
}

function accel(to: string, more = "", method = "GET", query = ""): Promise<Answer> {
  const target = `/accel?to=${encodeURIComponent(to)}${query}`;
  return ask(address, `${method} ${target} HTTP/1.1\r\nHost: x\r\n${more}\r\n`, method);
}

describe("internal routes", () => {
  test.each(["/protected/small.txt", "/only/", "/inside/facts"])("%s is not there for clients", async (path) => {
    const answer = await get(address, path);
    expect([answer.status, answer.body.toString()]).toEqual([404, "our 404"]);
  });

  test("but for what the server asks of itself", async () => {
    expect((await get(address, "/try/nothing?x=1")).body.toString()).toBe("only 1");
  });
});

describe("X-Accel-Redirect", () => {
  test("sends what stands there, with some fields of the view and nothing of its content", async () => {
    const answer = await accel("/protected/large.bin");
    expect(answer.status).toBe(200);
    expect(answer.body.equals(LARGE)).toBe(true);
    expect(field(answer, "Content-Type")).toBe("application/x-mine");
    expect(field(answer, "Content-Disposition")).toBe('attachment; filename="mine.bin"');
    expect(field(answer, "Cache-Control")).toBe("private");
    expect(answer.fields.filter(([name]) => name === "Set-Cookie").map(([, value]) => value)).toEqual(["a=1", "b=2"]);
    expect(field(answer, "ETag")).not.toBe('"of the view"');
    expect(field(answer, "X-Frame-Options")).toBeUndefined();
    expect([field(answer, "X-Site"), field(answer, "X-Protected")]).toEqual(["yes", "yes"]);
    expect(answer.fields.filter(([name]) => /^x-accel/i.test(name))).toEqual([]);
  });

  test("an empty type means that of the file", async () => {
    expect(field(await accel("/protected/small.txt", "", "GET", "&type="), "Content-Type")).toStartWith("text/plain");
  });

  test("ranges and conditions of the client hold there", async () => {
    const part = await accel("/protected/large.bin", "Range: bytes=10-14\r\n");
    expect([part.status, part.body.toString(), field(part, "Content-Range")]).toEqual([
      206,
      "01234",
      `bytes 10-14/${LARGE.length}`,
    ]);
    const etag = field(part, "ETag") ?? "";
    const unchanged = await accel("/protected/large.bin", `If-None-Match: ${etag}\r\n`);
    expect([unchanged.status, field(unchanged, "Cache-Control"), field(unchanged, "Content-Disposition")]).toEqual([
      304,
      "private",
      undefined,
    ]);
  });

  test("HEAD stays HEAD, every other method becomes a GET without a body", async () => {
    const head = await accel("/protected/large.bin", "", "HEAD");
    expect([head.status, field(head, "Content-Length"), head.body.length]).toEqual([200, String(LARGE.length), 0]);
    const posted = await ask(
      address,
      "POST /accel?to=/inside/facts%3Fa%3Db HTTP/1.1\r\nHost: x\r\nContent-Type: a/b\r\nContent-Length: 3\r\n\r\nabc",
    );
    expect(JSON.parse(posted.body.toString())).toMatchObject({
      REQUEST_METHOD: "GET",
      QUERY_STRING: "a=b",
      PATH_INFO: "/inside/facts",
      CONTENT_LENGTH: "",
      body: "",
    });
  });

  test.each([
    ["/protected/deep/caf%C3%A9%201%25.txt", 200, "named\n"],
    ["/protected/deep/caf\u00e9 1%25.txt", 200, "named\n"],
    ["/protected/deep/../small.txt", 200, "small\n"],
    ["/only/?x=a%20b", 200, "only a%20b"],
    ["/protected/nothing", 404, "our 404"],
    ["/protected/../../etc/passwd", 404, "our 404"],
    ["/protected/link.txt", 404, "our 404"],
    ["/denied/small.txt", 403, undefined],
    ["protected/small.txt", 404, "our 404"],
    ["@named", 404, "our 404"],
    ["http://elsewhere/x", 404, "our 404"],
    ["/protected/bad%zz", 404, "our 404"],
  ] as const)("%s: %d", async (to, status, body) => {
    const answer = await accel(to);
    expect(answer.status).toBe(status);
    if (body !== undefined) expect(answer.body.toString()).toBe(body);
    if (status >= 400) expect(field(answer, "Content-Disposition")).toBeUndefined();
  });

  test("of an error too, as with nginx", async () => {
    expect((await accel("/protected/small.txt", "", "GET", "&status=404%20Not%20Found")).status).toBe(200);
  });

  test("to another redirect, but not in circles", async () => {
    expect((await accel("/inside/accel?to=/protected/small.txt")).body.toString()).toBe("small\n");
    let circle = "/accel";
    for (let i = 0; i < 12; i++) circle = `/accel?to=${encodeURIComponent(circle)}`;
    expect((await get(address, circle)).status).toBe(500);
    await server.logged("more than 10 in turn");
  });

  test("from an upstream", async () => {
    const answer = await get(address, "/behind/accel");
    expect([answer.status, answer.body.toString(), field(answer, "Cache-Control")]).toEqual([
      200,
      "small\n",
      "no-cache",
    ]);
  });

  test("the other X-Accel fields go no further either", async () => {
    const answer = await get(address, "/behind/plain");
    expect([answer.body.toString(), field(answer, "X-Mine"), field(answer, "X-Accel-Expires")]).toEqual([
      "plain",
      "1",
      undefined,
    ]);
    expect(field(await get(address, "/accel"), "X-Accel-Buffering")).toBeUndefined();
  });

  test("an app whose own content does not end is told to stop", async () => {
    expect((await get(address, "/endless")).body.toString()).toBe("small\n");
    await server.logged("endless was closed");
  });

  test("is pipelined like any reply", async () => {
    const one = "GET /accel?to=/protected/small.txt HTTP/1.1\r\nHost: x\r\n";
    const answer = await ask(address, `${one}\r\n${one}\r\n${one}Connection: close\r\n\r\n`);
    expect(answer.body.toString()).toBe("small\n");
  });
});

describe("a file that is named right after it was written", () => {
  // Each another one: what was kept in memory is believed for a second.
  const nameOf = (turn: string) => `caf\u00e9 ${turn}.bin`;
  const redirect = (name: string) => `/accel?to=${encodeURIComponent(`/protected/${encodeURIComponent(name)}`)}`;
  const sendfile = (name: string) => `/sendfile?path=${encodeURIComponent(join(media, name))}`;
  const encoded = (name: string) => `/sendfile?path=${encodeURIComponent(`${media}/${encodeURIComponent(name)}`)}`;
  const isOneLetter = (body: Buffer) => body.equals(Buffer.alloc(body.length, body[0]));

  test.each([
    ["X-Accel-Redirect", redirect],
    ["X-Sendfile", sendfile],
    ["X-Sendfile, percent-encoded", encoded],
  ])("by %s is sent when no write can be going on any more", async (how, target) => {
    for (const [size, quietMs] of [
      [1000, 50],
      [200_000, 100],
    ] as const) {
      const name = nameOf(`${how} ${size}`);
      const content = Buffer.alloc(size, "0123456789");
      writeFileSync(join(media, name), content);
      const answer = await get(address, target(name));
      expect([answer.status, answer.body.equals(content)]).toEqual([200, true]);
      // Of two clocks.
      expect(Date.now() - statSync(join(media, name)).mtimeMs).toBeGreaterThan(quietMs - 10);
    }
  });

  test("and is gone when it is looked for again is not there", async () => {
    const name = nameOf("gone");
    const client = await Client.open(address);
    writeFileSync(join(media, name), "gone");
    client.send(`GET ${sendfile(name)} HTTP/1.1\r\nHost: x\r\n\r\n`);
    await Bun.sleep(20);
    rmSync(join(media, name));
    expect((await client.answer()).status).toBe(404);
    client.close();
  });

  test("is never of two contents, in several ranges neither, while one write overwrites it", async () => {
    const name = nameOf("overwritten");
    const size = 8_000_000;
    writeFileSync(join(media, name), Buffer.alloc(size, "a"));
    const fd = openSync(join(media, name), "r+");
    const request = `GET ${sendfile(name)} HTTP/1.1\r\nHost: x\r\nRange: bytes=0-9,${size / 2}-${size / 2 + 9},-10\r\n\r\n`;
    for (let turn = 1; turn <= 12; turn++) {
      const clients = await Promise.all(Array.from({ length: 6 }, () => Client.open(address)));
      for (const client of clients) client.send(request);
      // The application answers meanwhile, or just before.
      await Bun.sleep(turn % 3);
      expect(writeSync(fd, Buffer.alloc(size, 97 + turn), 0, size, 0)).toBe(size);
      for (const client of clients) {
        const answer = await client.answer().catch(() => undefined);
        client.close();
        if (answer === undefined) continue;
        const parts = [...answer.body.toString().matchAll(/\r\n\r\n(.{10})\r\n--/g)].map(([, part]) => part ?? "");
        expect([answer.status, parts.length, isOneLetter(Buffer.from(parts.join("")))]).toEqual([206, 3, true]);
      }
    }
    closeSync(fd);
  });
});

describe("X-Sendfile", () => {
  const send = (path: string, app = "") => get(address, `${app}/sendfile?path=${encodeURIComponent(path)}`);

  test("sends a file below an allowed directory, with the type of the file", async () => {
    const answer = await send(join(media, "small.txt"));
    expect([answer.status, answer.body.toString()]).toEqual([200, "small\n"]);
    expect(field(answer, "Content-Type")).toStartWith("text/plain");
    expect(field(answer, "X-Sendfile")).toBeUndefined();
    const large = await send(join(media, "large.bin"));
    expect(large.body.equals(LARGE)).toBe(true);
  });

  test("as named, or percent-encoded", async () => {
    expect((await send(join(media, "deep/caf\u00e9 1%.txt"))).body.toString()).toBe("named\n");
    expect((await send(`${media}/deep/${encodeURIComponent("caf\u00e9 1%.txt")}`)).body.toString()).toBe("named\n");
  });

  test("from an upstream", async () => {
    expect((await get(address, "/behind/sendfile")).body.toString()).toBe("small\n");
  });

  const refused: readonly (readonly [name: string, path: string, status: number])[] = [
    ["outside", join(folder, "secret.txt"), 500],
    ["with a name that only begins alike", `${media}x/small.txt`, 500],
    ["relative", "small.txt", 500],
    ["through ..", `${media}/../secret.txt`, 404],
    ["through %2e%2e", `${media}/%2e%2e/secret.txt`, 404],
    ["through a link", join(media, "link.txt"), 404],
    ["not there", join(media, "nothing"), 404],
    ["a directory", join(media, "deep"), 404],
  ];
  test.each(refused)("%s: refused", async (_name, path, status) => {
    const answer = await send(path);
    expect(answer.status).toBe(status);
    expect(answer.body.toString()).not.toContain("secret");
  });

  test("of an app that may name none: 500, and the log says which key would allow it", async () => {
    const answer = await send(join(media, "small.txt"), "/careless");
    expect(answer.status).toBe(500);
    expect(JSON.stringify(answer.fields)).not.toContain(media);
    await until("the reason in the log", 5000, () => /sendfile_roots/.test(server.log));
  });
});
