import { afterAll, afterEach, describe, expect, setSystemTime, test } from "bun:test";
import { readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, brotliDecompressSync, gunzipSync, zstdDecompressSync } from "node:zlib";
import { Compression } from "../../src/exchange/compress.ts";
import { DEFAULT_COMPRESSION } from "../../src/exchange/compressible.ts";
import { encoders } from "../../src/exchange/encoder.ts";
import { CachePolicy, DEFAULT_CACHE_RULES } from "../../src/files/cache-control.ts";
import { FileCache } from "../../src/files/cache.ts";
import { makeFilesHandler } from "../../src/files/handler.ts";
import type { FilesOptions } from "../../src/files/options.ts";
import { MADE_BYTES_MAX } from "../../src/files/large-forms.ts";
import { SIBLING_CODINGS } from "../../src/files/precompressed.ts";
import { StaticManifest } from "../../src/files/static-manifest.ts";
import { KEPT_HEAD_BYTES_MAX } from "../../src/protocol/http/kept-reply.ts";
import { fakeExchange } from "../support/exchange.ts";
import { makeFolder, removeFolder, writeFiles } from "../support/folder.ts";

const root = makeFolder("precompressed");
afterAll(() => removeFolder(root));

const CSS = Buffer.alloc(3000, "body { color: red }\n");
const OLD = new Date(Date.UTC(2026, 0, 2));
const LARGE = Buffer.from(Array.from({ length: 20_000 }, (_, i) => `line ${i} of a bundle\n`).join(""));

writeFiles(root, {
  "site.css": CSS,
  "site.css.br": "brotli",
  "site.css.zst": "zstandard",
  "site.css.gz": "gzip",
  "only.css": CSS,
  "only.css.gz": "gzip",
  "plain.css": CSS,
  "tiny.css": "a{}",
  "photo.png": CSS,
  "photo.png.gz": "gzip",
  "icon.svgz": CSS,
  "large.svgz": LARGE,
  "data.bin": CSS,
  "data.bin.gz": "gzip",
  "stale.css": CSS,
  "stale.css.gz": "old",
  "dir/index.html": CSS,
  "dir/index.html.gz": "gzip",
  "noise.css": crypto.getRandomValues(Buffer.alloc(3000)),
  "large.js": LARGE,
  "packed.js": LARGE,
  "packed.js.br": brotliCompressSync(LARGE),
  "huge.js": Buffer.concat(
    Array.from({ length: 80 }, () => Buffer.from(crypto.getRandomValues(Buffer.alloc(32_768)).toString("hex"))),
  ),
});
for (const name of readdirSync(root, { recursive: true }) as string[]) utimesSync(join(root, name), OLD, OLD);
utimesSync(join(root, "stale.css.gz"), OLD, new Date(OLD.getTime() - 1001));

const compression = new Compression(DEFAULT_COMPRESSION);

function make(change: Partial<FilesOptions> = {}) {
  return makeFilesHandler({
    root,
    single: false,
    index: ["index.html"],
    charset: undefined,
    encoding: { siblings: SIBLING_CODINGS, compression },
    cache: new FileCache(),
    ...change,
  });
}

const siblingsOnly = make({ encoding: { siblings: SIBLING_CODINGS, compression: undefined } });
const compressing = make({ encoding: { siblings: [], compression } });

async function ask(path: string, accept: string | undefined, handler = make(), more: Record<string, string> = {}) {
  const coded = accept === undefined ? [] : [["Accept-Encoding", accept] as const];
  const { method = "GET", ...rest } = more;
  const { exchange, reply } = fakeExchange({ path, method, fields: [...coded, ...Object.entries(rest)] });
  handler(exchange);
  await reply.over;
  return reply;
}

describe("a sibling is sent", () => {
  test.each([
    ["/site.css", "gzip, br, zstd", "br", "brotli"],
    ["/site.css", "gzip, zstd", "zstd", "zstandard"],
    ["/site.css", "br;q=0.1, gzip", "gzip", "gzip"],
    ["/site.css", "*", "gzip", "gzip"],
    ["/only.css", "br, gzip", "gzip", "gzip"],
    ["/data.bin", "gzip", "gzip", "gzip"],
    ["/dir/", "gzip", "gzip", "gzip"],
  ])("%s for %j: %s", async (path, accept, coding, text) => {
    const as = await ask(path, undefined, siblingsOnly);
    for (let again = 0; again < 2; again++) {
      const reply = await ask(path, accept, siblingsOnly);
      expect([reply.status, reply.text, reply.header("content-encoding")]).toEqual([200, text, coding]);
      expect([reply.head?.length, reply.header("vary")]).toEqual([text.length, "Accept-Encoding"]);
      expect([reply.header("content-type"), reply.header("accept-ranges")]).toEqual([
        as.header("content-type"),
        "bytes",
      ]);
      expect(reply.header("etag")).toMatch(new RegExp(`^"[0-9a-f]+-[0-9a-f]+-${coding}"$`));
    }
    expect([as.header("vary"), as.content.equals(CSS)]).toEqual(["Accept-Encoding", true]);
  });

  test.each([
    ["/site.css", undefined, "Accept-Encoding"],
    ["/site.css", "gzip;q=0", "Accept-Encoding"],
    ["/site.css", "identity, gzip;q=0.5", "Accept-Encoding"],
    ["/only.css", "br", "Accept-Encoding"],
    ["/plain.css", "gzip", "Accept-Encoding"],
    ["/stale.css", "gzip", "Accept-Encoding"],
    ["/photo.png", "br", undefined],
    ["/photo.png", undefined, undefined],
  ])("not for %s and %p", async (path, accept, vary) => {
    const reply = await ask(path, accept, siblingsOnly);
    expect([reply.content.equals(CSS), reply.header("content-encoding")]).toEqual([true, undefined]);
    expect(reply.header("vary")).toBe(vary);
  });

  test("of what is compressed by its format, which alone says that there are others", async () => {
    const reply = await ask("/photo.png", "gzip", siblingsOnly);
    expect([reply.text, reply.header("content-encoding"), reply.header("content-type"), reply.header("vary")]).toEqual([
      "gzip",
      "gzip",
      "image/png",
      "Accept-Encoding",
    ]);
  });

  test("by its own name for what it is", async () => {
    const own = await ask("/site.css.gz", "gzip", siblingsOnly);
    expect([own.text, own.header("content-type"), own.header("content-encoding")]).toEqual([
      "gzip",
      "application/gzip",
      undefined,
    ]);
  });

  test("in parts, with conditions of its own", async () => {
    const part = await ask("/site.css", "br", siblingsOnly, { Range: "bytes=1-3" });
    expect([part.status, part.text, part.header("content-range")]).toEqual([206, "rot", "bytes 1-3/6"]);
    expect(part.header("content-encoding")).toBe("br");
    const etag = part.header("etag") as string;
    const again = await ask("/site.css", "br", siblingsOnly, { "If-None-Match": etag });
    expect([again.status, again.header("etag"), again.header("vary")]).toEqual([304, etag, "Accept-Encoding"]);
    expect(again.header("content-encoding")).toBeUndefined();
    expect((await ask("/site.css", "gzip", siblingsOnly, { "If-None-Match": etag })).status).toBe(200);
    expect((await ask("/site.css", "br", siblingsOnly, { "If-Match": etag })).status).toBe(200);
  });

  test("HEAD has the fields of GET", async () => {
    const [get, head] = [
      await ask("/site.css", "br", siblingsOnly),
      await ask("/site.css", "br", siblingsOnly, { method: "HEAD" }),
    ];
    expect([head.head?.fields.pairs(), head.head?.length]).toEqual([get.head?.fields.pairs() as never, 6]);
  });

  test("of a large file too", async () => {
    const reply = await ask("/packed.js", "gzip, br", siblingsOnly);
    expect([reply.header("content-encoding"), brotliDecompressSync(reply.content).equals(LARGE)]).toEqual(["br", true]);
    expect((await ask("/packed.js", "gzip", siblingsOnly)).content.equals(LARGE)).toBe(true);
  });

  test("only of the codings that are looked for, in their order", async () => {
    const ordered = make({ encoding: { siblings: ["gzip", "zstd"], compression: undefined } });
    expect((await ask("/site.css", "br, zstd, gzip", ordered)).text).toBe("gzip");
    expect((await ask("/site.css", "br", ordered)).content.equals(CSS)).toBe(true);
  });
});

test("a sibling that comes, changes or goes is noticed as soon as the file is looked at again", async () => {
  const handler = make({ cache: new FileCache(1e6, 0), encoding: { siblings: ["gzip"], compression: undefined } });
  const path = join(root, "plain.css.gz");
  expect((await ask("/plain.css", "gzip", handler)).content.equals(CSS)).toBe(true);
  writeFileSync(path, "first");
  expect((await ask("/plain.css", "gzip", handler)).text).toBe("first");
  writeFileSync(path, "another");
  expect((await ask("/plain.css", "gzip", handler)).text).toBe("another");
  rmSync(path);
  expect((await ask("/plain.css", "gzip", handler)).content.equals(CSS)).toBe(true);
});

describe("compressed here", () => {
  const DECODERS = { gzip: gunzipSync, br: brotliDecompressSync, zstd: zstdDecompressSync } as const;
  test.each(["gzip", "br", "zstd"] as const)(
    "a small file by %s, with its length and a tag of its own",
    async (coding) => {
      const first = await ask("/plain.css", coding, compressing);
      expect(DECODERS[coding](first.content).equals(CSS)).toBe(true);
      expect([first.header("content-encoding"), first.head?.length]).toEqual([coding, first.content.length]);
      const etag = first.header("etag") as string;
      expect(etag).toMatch(new RegExp(`^W/"[0-9a-f]+-[0-9a-f]+-${coding}"$`));
      expect((await ask("/plain.css", coding, compressing, { "If-None-Match": etag })).status).toBe(304);
      expect((await ask("/plain.css", coding, compressing, { "If-Match": etag })).status).toBe(412);
      expect((await ask("/plain.css", undefined, compressing, { "If-None-Match": etag })).status).toBe(200);
    },
  );

  test.each([
    ["tiny.css", "gzip"],
    ["photo.png", "gzip"],
    ["icon.svgz", "gzip"],
    ["large.svgz", "gzip"],
    ["data.bin", "gzip"],
    ["noise.css", "gzip"],
  ])("not %s", async (name, accept) => {
    const reply = await ask(`/${name}`, accept, compressing);
    expect(reply.header("content-encoding")).toBeUndefined();
  });

  test("no part of a file, and nothing that is not to be transformed", async () => {
    const part = await ask("/plain.css", "gzip", compressing, { Range: "bytes=0-3" });
    expect([part.status, part.text, part.header("content-encoding")]).toEqual([206, "body", undefined]);
    expect(part.header("etag")).not.toStartWith("W/");
    const cachePolicy = new CachePolicy([{ pattern: "*", value: "no-transform", isAge: false }], undefined);
    const kept = await ask("/plain.css", "gzip", make({ cachePolicy, encoding: { siblings: [], compression } }));
    expect(kept.content.equals(CSS)).toBe(true);
  });

  // The tree was made moments ago.
  const later = () => setSystemTime(new Date(Date.now() + 60_000));
  afterEach(() => void setSystemTime());

  test("a large file as a stream the first time, from memory the next", async () => {
    later();
    const handler = make({ encoding: { siblings: [], compression } });
    const first = await ask("/large.js", "gzip", handler);
    expect([first.head?.length, first.header("content-encoding")]).toEqual([-1, "gzip"]);
    expect(gunzipSync(first.content).equals(LARGE)).toBe(true);
    const second = await ask("/large.js", "gzip", handler);
    expect([second.head?.length, second.header("etag")]).toEqual([first.content.length, first.header("etag")]);
    expect(second.content.equals(first.content)).toBe(true);
    const head = await ask("/large.js", "zstd", handler, { method: "HEAD" });
    expect([head.status, head.content.length, head.header("content-encoding")]).toEqual([200, 0, "zstd"]);
    const etag = first.header("etag") as string;
    expect((await ask("/large.js", "gzip", handler, { "If-None-Match": etag })).status).toBe(304);
    expect(encoders.running).toBe(0);
  });

  test("a large file that was changed a moment ago, each time anew", async () => {
    writeFileSync(join(root, "fresh.js"), LARGE);
    const handler = make({ encoding: { siblings: [], compression } });
    for (let again = 0; again < 2; again++) {
      const reply = await ask("/fresh.js", "gzip", handler);
      expect([reply.head?.length, gunzipSync(reply.content).equals(LARGE)]).toEqual([-1, true]);
    }
  });

  test("no stream for an HTTP/1.0 client, whose end it could not tell", async () => {
    const { exchange, reply } = fakeExchange({ path: "/large.js", minor: 0, fields: [["Accept-Encoding", "gzip"]] });
    make({ encoding: { siblings: [], compression } })(exchange);
    await reply.over;
    expect([reply.header("content-encoding"), reply.content.equals(LARGE)]).toEqual([undefined, true]);
    expect(reply.header("vary")).toBe("Accept-Encoding");
  });

  test("a file whose compressed form is too large to keep, each time anew", async () => {
    const handler = make({ encoding: { siblings: [], compression } });
    for (let again = 0; again < 2; again++) {
      const reply = await ask("/huge.js", "gzip", handler);
      expect(reply.head?.length).toBe(-1);
      expect(reply.content.length).toBeGreaterThan(MADE_BYTES_MAX);
      expect(gunzipSync(reply.content).length).toBe(80 * 65_536);
    }
  });

  test("what was kept goes with the state of the file that it was made of", async () => {
    later();
    const handler = make({ cache: new FileCache(1e7, 0), encoding: { siblings: [], compression } });
    const path = join(root, "changing.js");
    for (const word of ["first ", "other "]) {
      writeFileSync(path, LARGE.toString().replaceAll("line ", word));
      for (let again = 0; again < 2; again++) {
        const reply = await ask("/changing.js", "gzip", handler);
        expect(gunzipSync(reply.content).toString()).toStartWith(word);
      }
    }
  });
});

test("a listing is compressed as a file would be, and what stands in for one that is missing is not", async () => {
  const handler = make({ listing: true, index: [], encoding: { siblings: [], compression } });
  const listing = await ask("/", "gzip", handler);
  expect([listing.status, listing.header("content-encoding")]).toEqual([200, "gzip"]);
  expect(gunzipSync(listing.content).toString()).toContain("site.css");
  expect(listing.header("vary")).toMatch(/Accept-Encoding/);
  const missing = await ask("/nowhere/", "gzip", handler);
  expect([missing.status, missing.header("content-encoding")]).toEqual([404, undefined]);
});

test("siblings go before what could be compressed here", async () => {
  expect((await ask("/only.css", "zstd, gzip")).text).toBe("gzip");
  expect(gunzipSync((await ask("/stale.css", "gzip")).content).equals(CSS)).toBe(true);
});

test("encoded forms count in the cache, and go with their file", async () => {
  const cache = new FileCache(1e6);
  const handler = make({ cache });
  for (let i = 0; i < 2; i++) await ask("/plain.css", undefined, handler);
  const before = cache.bytes;
  const sent = await ask("/plain.css", "gzip", handler);
  await ask("/plain.css", "gzip", handler);
  expect(cache.bytes).toBe(before + sent.content.length + KEPT_HEAD_BYTES_MAX);
  const small = new FileCache(1000 + before - CSS.length);
  const crowded = make({ cache: small });
  for (const name of ["/plain.css", "/site.css", "/only.css", "/data.bin", "/plain.css"])
    await ask(name, "gzip", crowded);
  expect(small.bytes).toBeLessThanOrEqual(small.bytesMax);
  expect(small.bytes).toBeGreaterThanOrEqual(0);
});

test("Cache-Control follows a manifest that appears, without a change of the file", async () => {
  writeFiles(root, { "hashed/a.0123456789ab.css": CSS, "hashed/b.css": CSS });
  const directory = join(root, "hashed");
  for (const name of readdirSync(directory)) utimesSync(join(directory, name), OLD, OLD);
  const cachePolicy = new CachePolicy(DEFAULT_CACHE_RULES, new StaticManifest(directory));
  const handler = make({ root: directory, cachePolicy, cache: new FileCache(1e6, 0) });
  const cacheOf = async (path: string) => (await ask(path, "gzip", handler)).header("cache-control");
  expect(await cacheOf("/a.0123456789ab.css")).toBe("public, max-age=31536000, immutable");
  expect(await cacheOf("/b.css")).toBe("no-cache");
  writeFiles(directory, { "staticfiles.json": JSON.stringify({ version: "1.1", paths: {} }) });
  await Bun.sleep(1100);
  expect(await cacheOf("/a.0123456789ab.css")).toBe("no-cache");
});
