/** wsgi.file_wrapper: files go from the application to the front, which sends them; everything else is read in Python. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, readdirSync, renameSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { E2E_TIMEOUT_MS, type Server, startServer } from "../support/binary.ts";
import { freePort, makeFolder, removeFolder } from "../support/folder.ts";
import { ONE_FRONT, probeApp, site } from "../support/toml.ts";
import { until } from "../support/wait.ts";
import { type Address, type Answer, ask, Client, field, get } from "../support/wire.ts";

setDefaultTimeout(E2E_TIMEOUT_MS);

const folder = makeFolder("file-wrapper");
const media = join(folder, "media");
const LARGE = Buffer.alloc(300_000, "0123456789");
const HUGE_BYTES = 50_000_000;
let server: Server;
let address: Address;

/** One process with one thread: whoever holds it holds everything. */
beforeAll(async () => {
  mkdirSync(media);
  writeFileSync(join(media, "large.bin"), LARGE);
  writeFileSync(join(media, "small.txt"), "0123456789");
  writeFileSync(join(media, "empty"), "");
  writeFileSync(join(media, "huge.bin"), Buffer.alloc(HUGE_BYTES, "huge"));
  const port = await freePort();
  address = { host: "127.0.0.1", port };
  const app = probeApp({ module: "deliver", threads: 1, env: `DELIVER_MEDIA = ${JSON.stringify(media)}` });
  const routes = '"/" = { app = "probe" }';
  server = await startServer(ONE_FRONT + app + site(`127.0.0.1:${port}`, routes), { folder });
});
afterAll(async () => {
  await server.dispose();
  removeFolder(folder);
});

function wrapped(query: string, fields = "", method = "GET"): Promise<Answer> {
  return ask(address, `${method} /wrapped?${query} HTTP/1.1\r\nHost: x\r\n${fields}\r\n`, method);
}

describe("a regular file", () => {
  test("whole, with a length, a tag and the offer of ranges", async () => {
    const answer = await wrapped("name=large.bin");
    expect([answer.status, answer.framing, answer.body.equals(LARGE)]).toEqual([200, "length", true]);
    expect(field(answer, "Content-Type")).toBe("application/x-test");
    expect(field(answer, "Accept-Ranges")).toBe("bytes");
    expect(field(answer, "ETag")).toMatch(/^"[0-9a-f]+-[0-9a-f]+"$/);
    expect(field(answer, "Last-Modified")).toBeUndefined();
  });

  test("from where it stands", async () => {
    expect((await wrapped("name=small.txt&at=4")).body.toString()).toBe("456789");
    expect((await wrapped("name=large.bin&at=5")).body.equals(LARGE.subarray(5))).toBe(true);
    expect((await get(address, "/read_ahead?name=small.txt")).body.toString()).toBe("3456789");
    expect((await wrapped("name=small.txt&at=10")).body.length).toBe(0);
    expect((await wrapped("name=empty")).body.length).toBe(0);
  });

  test("up to the Content-Length of the application, which may not be more than there is", async () => {
    expect((await wrapped("name=small.txt&at=2&length=3")).body.toString()).toBe("234");
    expect((await wrapped("name=small.txt&length=11")).status).toBe(500);
    await server.logged("Content-Length announced 11 bytes, the file has 10");
  });

  test("HEAD has the fields and no content", async () => {
    const answer = await wrapped("name=large.bin", "", "HEAD");
    expect([answer.status, field(answer, "Content-Length")]).toEqual([200, String(LARGE.length)]);
  });

  test.each(["204 No Content", "304 Not Modified"])("%s has no content", async (status) => {
    const answer = await wrapped(`name=small.txt&status=${encodeURIComponent(status)}`);
    expect([answer.status, answer.body.length]).toEqual([Number(status.slice(0, 3)), 0]);
  });

  test("temporary and nameless, behind the standard library's wrapper", async () => {
    const answer = await get(address, "/temporary");
    expect(answer.body.equals(Buffer.from("temporary ".repeat(19_999)))).toBe(true);
  });

  test("that is renamed while it is sent is sent to its end", async () => {
    const path = join(media, "moves");
    writeFileSync(path, Buffer.alloc(HUGE_BYTES));
    const client = await Client.open(address);
    client.send("GET /wrapped?name=moves HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    await client.head();
    renameSync(path, `${path}.away`);
    expect((await client.rest()).length).toBe(HUGE_BYTES);
    client.close();
  });

  test("that becomes shorter while it is sent breaks the reply off", async () => {
    writeFileSync(join(media, "shrinks"), Buffer.alloc(HUGE_BYTES));
    const client = await Client.open(address);
    client.send("GET /wrapped?name=shrinks HTTP/1.1\r\nHost: x\r\n\r\n");
    await client.head();
    truncateSync(join(media, "shrinks"), 1000);
    expect((await client.rest()).length).toBeLessThan(HUGE_BYTES);
    client.close();
  });
});

describe("ranges and conditions", () => {
  test.each([
    ["bytes=2-4", "234", "bytes 2-4/10"],
    ["bytes=-3", "789", "bytes 7-9/10"],
    ["bytes=8-", "89", "bytes 8-9/10"],
  ])("%s", async (range, content, contentRange) => {
    const answer = await wrapped("name=small.txt", `Range: ${range}\r\n`);
    expect([answer.status, answer.body.toString(), field(answer, "Content-Range")]).toEqual([
      206,
      content,
      contentRange,
    ]);
  });

  test("of a part of a file, within that part", async () => {
    const answer = await wrapped("name=small.txt&at=5", "Range: bytes=1-2\r\n");
    expect([answer.body.toString(), field(answer, "Content-Range")]).toEqual(["67", "bytes 1-2/5"]);
    const whole = field(await wrapped("name=small.txt"), "ETag");
    expect(field(answer, "ETag")).not.toBe(whole as string);
  });

  test("large ones stream", async () => {
    const answer = await wrapped("name=large.bin", "Range: bytes=7-200006\r\n");
    expect(answer.body.equals(LARGE.subarray(7, 200_007))).toBe(true);
  });

  test.each(["small.txt", "large.bin"])("several of %s are parts of one reply", async (name) => {
    const answer = await wrapped(`name=${name}`, "Range: bytes=0-1,4-5\r\n");
    const [, boundary = ""] = /^multipart\/byteranges; boundary=(\S+)$/.exec(field(answer, "Content-Type") ?? "") ?? [];
    const parts = answer.body.toString().split(`\r\n--${boundary}`);
    expect([answer.status, ...parts.map((part) => part.slice(-2))]).toEqual([206, "", "01", "45", "\r\n"]);
    expect(parts[1]).toStartWith("\r\nContent-Type: application/x-test\r\n");
  });

  test("of an empty file there are none", async () => {
    const answer = await wrapped("name=empty", "Range: bytes=0-\r\n");
    expect([answer.status, field(answer, "Content-Length")]).toEqual([200, "0"]);
  });

  test("beyond the end: 416", async () => {
    const answer = await wrapped("name=small.txt", "Range: bytes=10-\r\n");
    expect([answer.status, field(answer, "Content-Range")]).toEqual([416, "bytes */10"]);
  });

  test("our tag validates", async () => {
    const etag = field(await wrapped("name=small.txt"), "ETag") ?? "";
    const fresh = await wrapped("name=small.txt&header=X-Mine:1|Set-Cookie:a%3Db", `If-None-Match: ${etag}\r\n`);
    expect([fresh.status, field(fresh, "X-Mine"), field(fresh, "Set-Cookie")]).toEqual([304, "1", "a=b"]);
    expect([field(fresh, "Content-Type"), field(fresh, "Content-Length")]).toEqual([undefined, undefined]);
    expect((await wrapped("name=small.txt", `Range: bytes=1-1\r\nIf-Range: ${etag}\r\n`)).status).toBe(206);
    expect((await wrapped("name=small.txt", 'Range: bytes=1-1\r\nIf-Range: "other"\r\n')).status).toBe(200);
    expect((await wrapped("name=small.txt", 'If-Match: "other"\r\n')).status).toBe(412);
  });

  test("those of the application go before ours", async () => {
    const strong = "name=small.txt&header=ETag:%22own%22";
    expect(field(await wrapped(strong), "ETag")).toBe('"own"');
    expect((await wrapped(strong, 'If-None-Match: "own"\r\n')).status).toBe(304);
    expect((await wrapped(strong, 'Range: bytes=1-1\r\nIf-Range: "own"\r\n')).status).toBe(206);
    const weak = "name=small.txt&header=ETag:W/%22own%22";
    expect((await wrapped(weak, 'If-None-Match: W/"own"\r\n')).status).toBe(304);
    expect((await wrapped(weak, 'Range: bytes=1-1\r\nIf-Range: W/"own"\r\n')).status).toBe(200);
    expect((await wrapped(weak, "If-Modified-Since: Sun, 22 Nov 2099 00:00:00 GMT\r\n")).status).toBe(200);
    const dated = "name=small.txt&header=Last-Modified:Sun,%2022%20Nov%202020%2000:00:00%20GMT";
    expect(field(await wrapped(dated), "ETag")).toBeUndefined();
    expect((await wrapped(dated, "If-Modified-Since: Sun, 22 Nov 2020 00:00:00 GMT\r\n")).status).toBe(304);
    expect((await wrapped(dated, "If-Modified-Since: Sat, 21 Nov 2020 00:00:00 GMT\r\n")).status).toBe(200);
    expect((await wrapped("name=small.txt&header=Last-Modified:soon", "If-Modified-Since: soon\r\n")).status).toBe(304);
  });

  test.each([
    ["a range of its own", "status=206%20Partial%20Content&header=Content-Range:bytes%200-9/100"],
    ["an encoding", "header=Content-Encoding:br"],
    ["no wish for ranges", "header=Accept-Ranges:none"],
    ["another status", "status=203%20Other"],
  ])("a reply with %s is left as it is", async (_name, query) => {
    const answer = await wrapped(`name=small.txt&${query}`, "Range: bytes=1-1\r\n");
    expect(answer.body.toString()).toBe("0123456789");
    expect(field(answer, "Content-Range")).toBe(query.startsWith("status=206") ? "bytes 0-9/100" : undefined);
  });

  test("a POST has neither", async () => {
    const answer = await wrapped("name=small.txt", "Range: bytes=1-1\r\nContent-Length: 0\r\n", "POST");
    expect([answer.status, answer.body.toString()]).toEqual([200, "0123456789"]);
  });
});

describe("what is no plain file is read in Python", () => {
  test.each([
    ["/memory", "in memory ".repeat(100)],
    ["/piped", "through a pipe"],
    ["/unzipped", "unzipped ".repeat(1000)],
    ["/special", "processor"],
  ])("%s", async (path, content) => {
    const answer = await get(address, path);
    expect(answer.status).toBe(200);
    expect(answer.body.toString()).toContain(content);
  });

  test("a file of text gives str: 500", async () => {
    expect((await get(address, "/as_text?name=small.txt")).status).toBe(500);
  });
});

test("close() is called once for each, while the file is open", async () => {
  const before = JSON.parse((await get(address, "/closings")).body.toString()).length;
  await wrapped("name=large.bin");
  await wrapped("name=small.txt", "", "HEAD");
  await wrapped("name=small.txt&length=11");
  await wrapped("name=small.txt", "Range: bytes=99-\r\n");
  const closings = JSON.parse((await get(address, "/closings")).body.toString());
  expect(closings.slice(before)).toEqual([false, false, false, false]);
});

function descriptors(): number {
  return [server.pid, ...server.children().map(({ pid }) => pid)]
    .map((pid) => readdirSync(`/proc/${pid}/fd`).length)
    .reduce((sum, count) => sum + count, 0);
}

test("the thread is free while slow clients are served, and nothing is left of those that go away", async () => {
  await wrapped("name=large.bin");
  const before = descriptors();
  const clients = await Promise.all(Array.from({ length: 20 }, () => Client.open(address)));
  for (const client of clients) client.send("GET /wrapped?name=huge.bin HTTP/1.1\r\nHost: x\r\n\r\n");
  for (const client of clients) expect((await client.head()).status).toBe(200);
  // All of them are under way, on the app's only thread.
  expect((await wrapped("name=small.txt")).body.toString()).toBe("0123456789");
  for (const client of clients) client.close();
  await until("the descriptors to be closed", 5000, () => descriptors() <= before);
  for (let i = 0; i < 100; i++) await wrapped("name=small.txt");
  await until("those of the last ones to be closed, too", 5000, () => descriptors() <= before);
  expect(server.log).not.toContain('Traceback (most recent call last):\n  File "<server');
});

test("pipelined requests are answered in order", async () => {
  const client = await Client.open(address);
  const paths = ["name=large.bin", "name=small.txt", "name=large.bin&at=100", "name=small.txt&at=9"];
  client.send(paths.map((query) => `GET /wrapped?${query} HTTP/1.1\r\nHost: x\r\n\r\n`).join(""));
  const sizes: number[] = [];
  for (const _ of paths) sizes.push((await client.answer()).body.length);
  expect(sizes).toEqual([LARGE.length, 10, LARGE.length - 100, 1]);
  client.close();
});
