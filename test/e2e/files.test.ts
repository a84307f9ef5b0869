/** What the configuration says of directories of files, seen from outside: each key makes the difference that it promises. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { E2E_TIMEOUT_MS, startServer, type Server } from "../support/binary.ts";
import { freePort, makeFolder, removeFolder, writeFiles } from "../support/folder.ts";
import { residentBytes } from "../support/memory.ts";
import { ONE_FRONT, site } from "../support/toml.ts";
import { type Answer, Client, field } from "../support/wire.ts";

setDefaultTimeout(E2E_TIMEOUT_MS);

const ANY = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";

const folder = makeFolder("files");
let server: Server | undefined;
let port = 0;

const ROUTES = `
"/" = { files = "root" }
"/shown/" = { files = "root", listing = true, hidden = true, absolute_redirect = true }
"/strict/" = { files = "root/", symlinks = "deny", max_ranges = 0 }
"/open" = { files = "root", symlinks = "follow", max_ranges = 2 }
"/spa/" = { files = "root", try = ["$uri", "/a.txt"] }
"/else/" = { files = "root", otherwise = { respond = "else" } }
"/inner/" = { files = "root", internal = true }
"/text" = { respond = "text" }
"/one.txt" = { files = "root/a.txt" }
"= /two.txt" = { files = "root/a.txt" }
"/three/" = { files = "root/a.txt" }
"~ ^/four" = { files = "root/a.txt" }`;

beforeAll(async () => {
  port = await freePort();
  writeFiles(folder, { "root/a.txt": "hello", "root/sub/b.txt": "b", "root/.env": "hidden", secret: "secret" });
  symlinkSync("a.txt", join(folder, "root/link"));
  symlinkSync("../secret", join(folder, "root/out"));
  writeFileSync(join(folder, "root/large.bin"), Buffer.alloc(50 * 1024 * 1024, "large "));
  const settings = `${ONE_FRONT}\ncache_revalidate = "0s"\n`;
  server = await startServer(settings + site(`127.0.0.1:${port}`, ROUTES), { folder });
});

afterAll(async () => {
  await server?.dispose();
  removeFolder(folder);
});

async function get(target: string, fields: Readonly<Record<string, string>> = {}, method = "GET"): Promise<Answer> {
  const client = await Client.open({ host: "127.0.0.1", port });
  try {
    const lines = Object.entries({ Host: `localhost:${port}`, ...fields }).map((pair) => `${pair.join(": ")}\r\n`);
    client.send(`${method} ${target} HTTP/1.1\r\n${lines.join("")}\r\n`);
    return await client.answer(method);
  } finally {
    client.close();
  }
}

test.each([
  ["/a.txt", 200],
  ["/.env", 404],
  ["/link", 200],
  ["/out", 404],
  ["/sub/", 404],
  ["/shown/.env", 200],
  ["/shown/sub/", 200],
  ["/shown/out", 404],
  ["/strict/a.txt", 200],
  ["/strict/link", 404],
  ["/open/link", 200],
  ["/open/out", 200],
  ["/open/../a.txt", 200],
  ["/sub/b.txt", 200],
  ["/sub%2fb.txt", 404],
  ["/open/sub%2Fb.txt", 404],
  ["/open%2fsub/b.txt", 404],
  ["/%2fa.txt", 404],
  ["/shown/sub%2f", 404],
  ["/spa/sub%2fb.txt", 200],
  ["/a%2etxt", 200],
  ["/a.txt?x=%2f", 200],
  ["/open../secret", 404],
  ["/shown../secret", 404],
  ["/opensecret", 404],
  ["/one.txt", 200],
  ["/one.txt/", 404],
  ["/one.txt/x", 404],
  ["/one.txtx", 404],
  ["/two.txt", 200],
  ["/two.txt/", 404],
  ["/three/", 200],
  ["/three/x/y", 200],
  ["/four/x", 200],
])("%s is %d", async (target, status) => {
  expect((await get(target)).status).toBe(status);
});

test("a directory is redirected on this host, or with the port that the client named", async () => {
  expect(field(await get("/sub"), "location")).toBe("/sub/");
  expect(field(await get("/shown/sub"), "location")).toBe(`http://localhost:${port}/shown/sub/`);
});

test("ranges are served as many as are allowed", async () => {
  const Range = "bytes=0-0,2-2,4-4";
  const statuses = await Promise.all(["/a.txt", "/open/a.txt", "/strict/a.txt"].map((path) => get(path, { Range })));
  expect(statuses.map(({ status }) => status)).toEqual([206, 200, 200]);
  expect((await get("/strict/a.txt", { Range: "bytes=0-0" })).status).toBe(200);
});

test("a listing comes as a page or as JSON", async () => {
  expect((await get("/shown/")).body.toString()).toContain('href="./a.txt"');
  const json = await get("/shown/", { Accept: "application/json" });
  const names = (JSON.parse(json.body.toString()) as { name: string }[]).map(({ name }) => name);
  expect(names).toEqual([".env", "a.txt", "large.bin", "link", "sub"]);
});

test.each([
  ["/a.txt", "GET, HEAD"],
  ["/nothing", "GET, HEAD"],
  ["/spa/any", "GET, HEAD"],
  ["/else/any", ANY],
  ["/inner/a.txt", ANY],
  ["/text", ANY],
])("TRACE of %s is told what is allowed there (rfc9110_10_2_1)", async (target, allow) => {
  const answer = await get(target, {}, "TRACE");
  expect([answer.status, field(answer, "allow")]).toEqual([405, allow]);
  if (allow !== ANY) expect(field(await get(target, {}, "OPTIONS"), "allow")).toBe(allow);
});

test("OPTIONS * is of no resource", async () => {
  const answer = await get("*", {}, "OPTIONS");
  expect([answer.status, field(answer, "allow")]).toEqual([204, undefined]);
});

test("with cache_revalidate = 0 the next request sees the change", async () => {
  for (const text of ["one", "two", "three"]) {
    writeFileSync(join(folder, "root/changing"), text);
    expect((await get("/changing")).body.toString()).toBe(text);
  }
});

test("200 slow readers of a large file hold no piece of it in memory", async () => {
  const readers = 200;
  await get("/large.bin");
  const before = residentBytes(server?.pid ?? 0);
  const sockets: Bun.Socket[] = [];
  for (let i = 0; i < readers; i++) {
    const socket = await Bun.connect({
      hostname: "127.0.0.1",
      port,
      socket: {
        open: (opened) => void opened.write("GET /large.bin HTTP/1.1\r\nHost: localhost\r\n\r\n"),
        data: (opened) => void opened.pause(),
      },
    });
    sockets.push(socket);
  }
  await Bun.sleep(1000);
  const growth = residentBytes(server?.pid ?? 0) - before;
  for (const socket of sockets) socket.terminate();
  // A held piece of 64 KiB each would be 13 MB; what the engine takes by itself is a few.
  expect(growth / readers).toBeLessThan(48 * 1024);
});
