/** Compression, precompressed siblings and Cache-Control of the built binary: asked by real curl, decoded by Python, and
 *  compared with nginx's gzip and gzip_static. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { utimesSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { gunzipSync, gzipSync, zstdDecompressSync } from "node:zlib";
import { E2E_TIMEOUT_MS, runServer, startServer, type Server } from "../support/binary.ts";
import { curl, curlMissing } from "../support/curl.ts";
import { freePort, makeFolder, removeFolder, writeFiles } from "../support/folder.ts";
import { nginxMissing, startNginx } from "../support/nginx.ts";
import { testUnless } from "../support/skip.ts";
import { ONE_FRONT, probeApp } from "../support/toml.ts";
import { until } from "../support/wait.ts";
import { type Address, type Answer, ask, Client, field } from "../support/wire.ts";

setDefaultTimeout(E2E_TIMEOUT_MS);

const folder = makeFolder("compression");
const CSS = Array.from({ length: 400 }, (_, i) => `.rule-${i} { color: #${i}; }\n`).join("");
const BUNDLE = Array.from({ length: 30_000 }, (_, i) => `const name${i} = ${i};\n`).join("");
const OLD = new Date(Date.UTC(2026, 0, 2));
/** An upstream that promises a megabyte and leaves after half of it. */
const broken = createServer((socket) => {
  socket.on("error", () => {});
  socket.once("data", () => {
    socket.write("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 1000000\r\n\r\n");
    socket.end(Buffer.alloc(500_000, "words of a reply that is never whole\n"));
  });
});
let server: Server;
let address: Address;
let url: string;

beforeAll(async () => {
  const files: Record<string, string | Uint8Array> = {
    "static/site.css": CSS,
    "static/packed.css": CSS,
    "static/packed.css.gz": gzipSync(CSS, { level: 9 }),
    "static/alone.css.gz": gzipSync(CSS, { level: 9 }),
    "static/bundle.js": BUNDLE,
    "static/logo.png": CSS,
    "static/app.0123456789ab.css": CSS,
    "static/x.foo": CSS,
    "manifest/a.0123456789ab.css": CSS,
    "manifest/b.0123456789ab.css": CSS,
    "manifest/staticfiles.json": JSON.stringify({ paths: { "a.css": "a.0123456789ab.css" }, version: "1.0" }),
  };
  writeFiles(folder, files);
  for (const name of Object.keys(files)) utimesSync(join(folder, name), OLD, OLD);
  const [port, inner] = [await freePort(), await freePort()];
  broken.listen(await freePort(), "127.0.0.1");
  address = { host: "127.0.0.1", port };
  url = `http://127.0.0.1:${port}`;
  server = await startServer(configuration(port, inner), { folder });
});
afterAll(async () => {
  broken.close();
  await server.dispose();
  removeFolder(folder);
});

function configuration(port: number, inner: number): string {
  return `${ONE_FRONT}compress = { min_size = 100 }
${probeApp({ processes: 1 })}
[upstream.self]
servers = "127.0.0.1:${inner}"
[upstream.broken]
servers = "127.0.0.1:${(broken.address() as AddressInfo).port}"
[[site]]
listen = ["127.0.0.1:${port}"]
types = { ".foo" = "text/x-foo" }
[site.routes]
"/static/" = { files = "static/" }
"/dated/" = { files = "static/", cache = { "*.js" = "immutable", "*" = "30d", "x.*" = "off" } }
"/manifest/" = { files = "manifest/" }
"/plain/" = { files = "static/", compress = false, precompressed = false }
"/app/" = { app = "probe" }
"/uncompressed/" = { app = "probe", compress = false }
"/proxied/" = { upstream = "self" }
"/broken/" = { upstream = "broken" }
"/text" = { respond = "${"words ".repeat(50)}" }
[[site]]
names = ["inner.test"]
default = true
listen = ["127.0.0.1:${inner}"]
compress = false
[site.routes]
"/" = { app = "probe" }
`;
}

function request(path: string, fields: Record<string, string> = {}, method = "GET"): Promise<Answer> {
  const lines = Object.entries({ Host: "x", ...fields }).map(([name, value]) => `${name}: ${value}\r\n`);
  return ask(address, `${method} ${path} HTTP/1.1\r\n${lines.join("")}\r\n`, method);
}

function coded(path: string, accept: string, more: Record<string, string> = {}): Promise<Answer> {
  return request(path, { "Accept-Encoding": accept, ...more });
}

/** Decoded by Python's own zlib. */
async function gunzipByPython(bytes: Uint8Array): Promise<string> {
  const program = "import gzip,sys; sys.stdout.buffer.write(gzip.decompress(sys.stdin.buffer.read()))";
  const child = Bun.spawn(["python3", "-c", program], { stdin: bytes, stdout: "pipe", stderr: "inherit" });
  return new Response(child.stdout).text();
}

describe("files", () => {
  test("are compressed, by default, and small ones have their length", async () => {
    const answer = await coded("/static/site.css", "gzip");
    expect([answer.status, field(answer, "Content-Encoding"), field(answer, "Vary")]).toEqual([
      200,
      "gzip",
      "Accept-Encoding",
    ]);
    expect(Number(field(answer, "Content-Length"))).toBe(answer.body.length);
    expect(await gunzipByPython(answer.body)).toBe(CSS);
    const zstd = await coded("/static/site.css", "gzip, deflate, br, zstd");
    expect([field(zstd, "Content-Encoding"), zstdDecompressSync(zstd.body).toString()]).toEqual(["zstd", CSS]);
  });

  test("that are large are compressed on their way, and from memory when they have settled", async () => {
    const first = await coded("/static/bundle.js", "gzip");
    expect([field(first, "Transfer-Encoding"), await gunzipByPython(first.body)]).toEqual(["chunked", BUNDLE]);
    let second = first;
    await until("reply of known length", 20_000, async () => {
      second = await coded("/static/bundle.js", "gzip");
      return field(second, "Content-Length") !== undefined;
    });
    expect(second.body.equals(first.body)).toBe(true);
    const etag = field(second, "ETag") as string;
    expect((await coded("/static/bundle.js", "gzip", { "If-None-Match": etag })).status).toBe(304);
    expect((await coded("/static/bundle.js", "br", { "If-None-Match": etag })).status).toBe(200);
  });

  test("have siblings, which are served in parts and by their own name", async () => {
    const packed = gzipSync(CSS, { level: 9 });
    const answer = await coded("/static/packed.css", "br, gzip");
    expect([answer.body.equals(packed), field(answer, "Content-Type")]).toEqual([true, "text/css"]);
    const part = await coded("/static/packed.css", "gzip", { Range: "bytes=0-1" });
    expect([part.status, [...part.body]]).toEqual([206, [0x1f, 0x8b]]);
    const own = await coded("/static/packed.css.gz", "gzip");
    expect([own.body.equals(packed), field(own, "Content-Encoding")]).toEqual([true, undefined]);
  });

  test("of other types, and where it is off, are sent as they are", async () => {
    const logo = await coded("/static/logo.png", "gzip, br, zstd");
    expect([field(logo, "Content-Encoding"), field(logo, "Vary")]).toEqual([undefined, undefined]);
    const off = await coded("/plain/packed.css", "gzip, br, zstd");
    expect([field(off, "Content-Encoding"), field(off, "Vary"), off.body.toString()]).toEqual([
      undefined,
      undefined,
      CSS,
    ]);
  });

  test.each([
    ["/static/site.css", "no-cache"],
    ["/static/app.0123456789ab.css", "public, max-age=31536000, immutable"],
    ["/manifest/a.0123456789ab.css", "public, max-age=31536000, immutable"],
    ["/manifest/b.0123456789ab.css", "no-cache"],
    ["/dated/bundle.js", "public, max-age=31536000, immutable"],
    ["/dated/site.css", "max-age=2592000"],
    ["/dated/app.0123456789ab.css", "public, max-age=31536000, immutable"],
    ["/dated/x.foo", undefined],
  ])("%s has Cache-Control %p", async (path, value) => {
    const answer = await request(path);
    expect([answer.status, field(answer, "Cache-Control")]).toEqual([200, value]);
  });

  test("have the types of the site", async () => {
    expect(field(await request("/static/x.foo"), "Content-Type")).toBe("text/x-foo");
  });
});

describe("what an app answers", () => {
  const page = "<p>a paragraph of the page</p>\n".repeat(2000);
  const post = async (path: string, accept: string, type = "text/html") => {
    const fields = {
      Host: "x",
      "Accept-Encoding": accept,
      "Content-Type": type,
      "Content-Length": String(page.length),
    };
    const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
    return ask(address, `POST ${path} HTTP/1.1\r\n${lines.join("")}\r\n${page}`, "POST");
  };

  test.each(["/app/echo", "/proxied/echo"])("at %s is compressed where that is asked for", async (path) => {
    const answer = await post(path, "gzip");
    expect([answer.status, field(answer, "Content-Encoding"), field(answer, "Vary")]).toEqual([
      200,
      "gzip",
      "Accept-Encoding",
    ]);
    expect(gunzipSync(answer.body).toString()).toBe(page);
    expect(field(await post(path, "gzip", "image/png"), "Content-Encoding")).toBeUndefined();
  });

  test("is left alone where it is off", async () => {
    const answer = await post("/uncompressed/echo", "gzip");
    expect([field(answer, "Content-Encoding"), field(answer, "Vary"), answer.body.toString()]).toEqual([
      undefined,
      undefined,
      page,
    ]);
  });

  test("that is text of the configuration too", async () => {
    const answer = await coded("/text", "gzip");
    expect([field(answer, "Content-Encoding"), gunzipSync(answer.body).toString()]).toEqual([
      "gzip",
      "words ".repeat(50),
    ]);
  });

  test("and breaks off never looks whole", async () => {
    for (const coding of ["gzip", "br", "zstd"]) {
      const client = await Client.open(address);
      client.send(`GET /broken/ HTTP/1.1\r\nHost: x\r\nAccept-Encoding: ${coding}\r\n\r\n`);
      const seen = await client.rest().catch(() => client.waiting);
      expect(seen.latin1Slice()).not.toEndWith("0\r\n\r\n");
      client.close();
    }
    await server.logged(/\/broken\//);
  });

  test("reaches the client while it is being made", async () => {
    const client = await Client.open(address);
    client.send("GET /app/stream?pieces=2&pause=4 HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n\r\n");
    // the compressed first piece: its head alone is shorter
    await until("first piece", 10_000, () => /\r\n\r\n[0-9a-f]+\r\n.{10}/s.test(client.waiting.latin1Slice()));
    expect(client.waiting.latin1Slice()).not.toContain("\r\n0\r\n\r\n");
    await until("end", 10_000, () => client.waiting.latin1Slice().endsWith("\r\n0\r\n\r\n"));
    client.close();
  });
});

describe("curl --compressed", () => {
  testUnless(curlMissing())("gets what is there, of every kind", async () => {
    for (const coding of ["gzip", "br", "zstd", "gzip, br, zstd"]) {
      for (const [path, text] of [
        ["/static/site.css", CSS],
        ["/static/bundle.js", BUNDLE],
        ["/static/packed.css", CSS],
      ] as const) {
        const got = await curl("--compressed", "-H", `Accept-Encoding: ${coding}`, url + path);
        expect([got.code, got.stdout === text]).toEqual([0, true]);
      }
    }
  });

  testUnless(curlMissing())("sees the same fields by HEAD", async () => {
    const get = await coded("/static/site.css", "br");
    const head = await ask(address, "HEAD /static/site.css HTTP/1.1\r\nHost: x\r\nAccept-Encoding: br\r\n\r\n", "HEAD");
    const kept = (answer: Answer) => answer.fields.filter(([name]) => name !== "Date");
    expect(kept(head)).toEqual(kept(get));
  });
});

/** The cases in which both must agree on the coding, Vary and whether the tag is weak. */
const DIFFERENTIAL: readonly (readonly [string, string | undefined])[] = [
  ["/site.css", undefined],
  ["/site.css", "gzip"],
  ["/site.css", "deflate"],
  ["/site.css", "gzip;q=0"],
  ["/site.css", "gzip;q=0.5, identity;q=0.1"],
  ["/site.css", "identity"],
  ["/packed.css", undefined],
  ["/packed.css", "gzip"],
  ["/packed.css", "gzip;q=0"],
  ["/alone.css", "gzip"],
  ["/bundle.js", "gzip"],
  ["/logo.png", "gzip"],
];

testUnless(nginxMissing())("nginx's gzip and gzip_static decide likewise", async () => {
  const port = await freePort();
  const nginx = await startNginx({
    folder,
    port,
    http: "types { application/javascript js; image/png png; } gzip on; gzip_types text/css application/javascript; gzip_min_length 100; gzip_vary on;",
    server: `root ${folder}/static; location ~ \\.css$ { gzip_static on; }`,
  });
  try {
    for (const [path, accept] of DIFFERENTIAL) {
      const fields = `Host: x\r\n${accept === undefined ? "" : `Accept-Encoding: ${accept}\r\n`}`;
      const facts = async (to: Address, at: string) => {
        const answer = await ask(to, `GET ${at} HTTP/1.1\r\n${fields}\r\n`);
        const coding = field(answer, "Content-Encoding");
        const content = coding === "gzip" ? gunzipSync(answer.body) : answer.body;
        const weak = field(answer, "ETag")?.startsWith("W/");
        return { path, accept, coding, vary: field(answer, "Vary"), weak, content: Bun.hash(content) };
      };
      expect(await facts(address, `/static${path}`)).toEqual(await facts({ host: "127.0.0.1", port }, path));
    }
  } finally {
    await nginx.stop();
  }
});

test("a sibling without an original is sent, and explained", async () => {
  const answer = await coded("/static/alone.css", "br, gzip");
  expect([answer.status, field(answer, "Content-Type"), field(answer, "Vary")]).toEqual([
    200,
    "text/css",
    "Accept-Encoding",
  ]);
  expect(gunzipSync(answer.body).toString()).toBe(CSS.toString());
  const refused = await coded("/static/alone.css", "br");
  expect([refused.status, field(refused, "Vary")]).toEqual([404, "Accept-Encoding"]);
  const { stdout } = await runServer(["explain", `${url}/static/alone.css`], folder);
  expect(stdout).toContain("alone.css.gz, if the client takes it, else 404");
  expect(stdout).toContain("alone.css.gz (for clients that take it)");
});

test("server explain tells type, Cache-Control, compression and siblings", async () => {
  const { code, stdout } = await runServer(["explain", `${url}/static/packed.css`, "--json"], folder);
  expect(code).toBe(0);
  const { content } = JSON.parse(stdout) as { content: Record<string, unknown> };
  expect(content).toMatchObject({ type: "text/css", cache: "no-cache", compress: "zstd, br, gzip, from 100 bytes on" });
  expect((content["siblings"] as { found: boolean }[]).map(({ found }) => found)).toEqual([false, false, true]);
});
