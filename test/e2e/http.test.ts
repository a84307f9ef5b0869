/** HTTP/1.x as clients use it: kept connections, pipelines, chunks, Expect, HTTP/1.0, HEAD, half-closed sides. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { createHash, randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { E2E_TIMEOUT_MS, startServer, type Server } from "../support/binary.ts";
import { curl, curlMissing } from "../support/curl.ts";
import { freePort } from "../support/folder.ts";
import { testUnless } from "../support/skip.ts";
import { ONE_FRONT, probeApp, site } from "../support/toml.ts";
import { ask, Client, field, get, type Address } from "../support/wire.ts";

setDefaultTimeout(E2E_TIMEOUT_MS);

const withCurl = testUnless(curlMissing());
let server: Server;
let address: Address;
let base: string;

beforeAll(async () => {
  const port = await freePort();
  address = { host: "127.0.0.1", port };
  base = `http://127.0.0.1:${port}`;
  server = await startServer(ONE_FRONT + probeApp() + site(`127.0.0.1:${port}`));
});
afterAll(() => server.dispose());

const sha = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

describe("connections", () => {
  test("HTTP/1.1 is kept open, HTTP/1.0 is closed unless it asks", async () => {
    const kept = await Client.open(address);
    for (let i = 0; i < 3; i++) {
      kept.send("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
      expect((await kept.answer()).body.toString()).toBe("hello\n");
    }
    kept.close();
    const old = await Client.open(address);
    old.send("GET /hello HTTP/1.0\r\n\r\n");
    const answer = await old.answer();
    expect(answer.status).toBe(200);
    expect(await old.rest()).toHaveLength(0);
    old.close();
    const oldKept = await Client.open(address);
    oldKept.send("GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    expect(field(await oldKept.answer(), "Connection")?.toLowerCase()).toBe("keep-alive");
    oldKept.send("GET /hello HTTP/1.0\r\n\r\n");
    expect((await oldKept.answer()).status).toBe(200);
    oldKept.close();
  });

  test("Connection: close is honoured", async () => {
    const client = await Client.open(address);
    client.send("GET /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    expect(field(await client.answer(), "Connection")?.toLowerCase()).toBe("close");
    expect(await client.rest()).toHaveLength(0);
    client.close();
  });

  test("a client that half-closes after its request still gets the reply", async () => {
    const client = await Client.open(address);
    client.send("GET /sleep?s=0.2 HTTP/1.1\r\nHost: a\r\n\r\n");
    client.half();
    expect((await client.answer()).status).toBe(200);
    client.close();
  });

  test("twenty pipelined requests are answered in order, with bodies between them", async () => {
    const client = await Client.open(address);
    let all = "";
    for (let i = 0; i < 20; i++) all += `POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n${10 + i}`;
    client.send(all);
    for (let i = 0; i < 20; i++) expect((await client.answer()).body.toString()).toBe(String(10 + i));
    client.close();
  });
});

describe("bodies", () => {
  test("a request that comes byte by byte", async () => {
    const client = await Client.open(address);
    for (const c of "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc") {
      client.send(c);
      await Bun.sleep(1);
    }
    expect((await client.answer()).body.toString()).toBe("abc");
    client.close();
  });

  test("a chunked upload reaches the application whole, with its length", async () => {
    const head = "POST /facts HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    const facts = JSON.parse(
      (await ask(address, `${head}3\r\nabc\r\n4;x=y\r\ndefg\r\n0\r\nT: 1\r\n\r\n`)).body.toString(),
    );
    expect(facts.CONTENT_LENGTH).toBe("7");
    expect(facts.HTTP_TRANSFER_ENCODING).toBeUndefined();
    expect(facts.HTTP_T).toBeUndefined();
  });

  test("a large chunked upload in uneven chunks keeps every byte", async () => {
    const content = randomBytes(3_000_000);
    const client = await Client.open(address);
    client.send("POST /digest HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (let at = 0, size = 1; at < content.length; at += size, size = Math.min(size * 3 + 7, 200_000)) {
      const piece = content.subarray(at, at + size);
      client.send(`${piece.length.toString(16)}\r\n`);
      client.send(piece);
      client.send("\r\n");
    }
    client.send("0\r\n\r\n");
    expect((await client.answer()).body.toString()).toBe(`${content.length} ${sha(content)}\n`);
    client.close();
  });

  test("a body that the application does not read leaves the connection usable", async () => {
    const client = await Client.open(address);
    const request = `POST /hello HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n${"a".repeat(100_000)}`;
    client.send(`${request}GET /pid HTTP/1.1\r\nHost: a\r\n\r\n`);
    expect((await client.answer()).body.toString()).toBe("hello\n");
    expect((await client.answer()).body.toString()).toMatch(/^\d+\n$/);
    client.close();
  });

  test("a large reply without a length arrives whole, and slowly read as well", async () => {
    const client = await Client.open(address);
    client.send("GET /large?bytes=10000000 HTTP/1.1\r\nHost: a\r\n\r\n");
    await Bun.sleep(300);
    const answer = await client.answer();
    expect(answer.framing).toBe("chunked");
    expect(answer.body).toHaveLength(10_000_000);
    expect(answer.body.every((byte, at) => byte === (at & 255))).toBe(true);
    client.close();
  });

  test("to HTTP/1.0 the same reply has no chunks and ends with the connection", async () => {
    const answer = await ask(address, "GET /large?bytes=300000 HTTP/1.0\r\n\r\n");
    expect(answer.framing).toBe("close");
    expect(answer.body).toHaveLength(300_000);
  });
});

describe("Expect: 100-continue", () => {
  test("100 comes before the body is sent", async () => {
    const client = await Client.open(address);
    client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
    expect((await client.head()).status).toBe(100);
    client.send("abc");
    expect((await client.answer()).body.toString()).toBe("abc");
    client.close();
  });

  test("HTTP/1.0 never sees it", async () => {
    const head = "POST /echo HTTP/1.0\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n";
    expect((await ask(address, `${head}abc`)).status).toBe(200);
  });

  withCurl("curl uploads with Expect and with chunks", async () => {
    const content = randomBytes(2_000_000);
    const file = join(server.folder, "upload");
    writeFileSync(file, content);
    const expected = `${content.length} ${sha(content)}\n`;
    const upload = ["--data-binary", `@${file}`, `${base}/digest`];
    const waited = await curl("-v", "-H", "Expect: 100-continue", ...upload);
    expect(waited.stdout).toBe(expected);
    expect(waited.stderr).toContain("100 Continue");
    const chunked = await curl("-H", "Transfer-Encoding: chunked", "-H", "Expect:", ...upload);
    expect(chunked.stdout).toBe(expected);
  });
});

describe("replies", () => {
  test("HEAD has the head of GET and no content", async () => {
    const client = await Client.open(address);
    client.send("HEAD /hello HTTP/1.1\r\nHost: a\r\n\r\n");
    expect(field(await client.answer("HEAD"), "Content-Length")).toBe("6");
    client.send("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
    expect((await client.answer()).body.toString()).toBe("hello\n");
    client.close();
  });

  test("a streamed reply arrives piece by piece, not at its end", async () => {
    const client = await Client.open(address);
    client.send("GET /stream?pieces=3&pause=2 HTTP/1.1\r\nHost: a\r\n\r\n");
    expect((await client.head()).status).toBe(200);
    for (let piece = 0; piece < 3; piece++) {
      expect((await client.chunk()).toString()).toBe(`piece ${piece}\n`);
      // The next one is still two seconds away: had the reply been kept back, it would be here already. (Behind the
      // last one there is only the end.)
      expect(client.waiting.toString()).not.toContain("piece");
    }
    expect(await client.chunk()).toHaveLength(0);
    client.close();
  });

  test("the absolute form of the target and an escaped path are understood", async () => {
    const absolute = await ask(address, "GET http://a.example:80/facts?x HTTP/1.1\r\nHost: other\r\n\r\n");
    expect(JSON.parse(absolute.body.toString())).toMatchObject({ PATH_INFO: "/facts", HTTP_HOST: "a.example:80" });
    const escaped = JSON.parse((await get(address, "/facts/%C3%A9%20x?%C3%A9")).body.toString());
    expect(escaped).toMatchObject({ PATH_INFO: "/facts/\u00c3\u00a9 x", QUERY_STRING: "%C3%A9" });
  });
});
