import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeFilesHandler } from "../../src/files/handler.ts";
import type { FilesOptions } from "../../src/files/options.ts";
import { prefersJson } from "../../src/files/listing.ts";
import { LISTING_ENTRIES_MAX, LISTING_POLICY, sizeText } from "../../src/files/listing-page.ts";
import { makeTryHandler } from "../../src/files/try.ts";
import { openBelow } from "../support/descriptors.ts";
import { fakeExchange, type FakeRequest } from "../support/exchange.ts";

const base = realpathSync(mkdtempSync(join(tmpdir(), "listing-")));
const root = join(base, "root");
const OLD = new Date(Date.UTC(2026, 0, 2, 3, 4, 5));

beforeAll(() => {
  for (const folder of ["sub", "empty", "with-index", "many", ".git"])
    mkdirSync(join(root, folder), { recursive: true });
  const names = [
    "b.txt",
    "a.txt",
    ".env",
    "old~",
    "with-index/index.html",
    "sub/x",
    "<img src=x>&'\".txt",
    "javascript:x",
  ];
  for (const name of names) writeFileSync(join(root, name), "x".repeat(name === "a.txt" ? 2048 : 3));
  writeFileSync(Buffer.concat([Buffer.from(`${root}/`), Buffer.from([0xe9, 0x20, 0xff])]), "");
  writeFileSync(join(root, "evil\u202etxt.exe"), "");
  writeFileSync(join(root, "new\nline"), "");
  utimesSync(join(root, "a.txt"), OLD, OLD);
  writeFileSync(join(base, "secret"), "secret");
  symlinkSync("../secret", join(root, "way-out"));
  symlinkSync("a.txt", join(root, "inside"));
  symlinkSync("missing", join(root, "dangling"));
  Bun.spawnSync(["mkfifo", join(root, "fifo")]);
  for (let i = 0; i <= LISTING_ENTRIES_MAX; i++) writeFileSync(join(root, "many", String(i)), "");
});

afterAll(() => rmSync(base, { recursive: true }));

function options(change: Partial<FilesOptions> = {}): FilesOptions {
  return { root, single: false, index: ["index.html"], charset: undefined, listing: true, ...change };
}

function ask(path: string, request: FakeRequest = {}, handler = makeFilesHandler(options())) {
  const { exchange, reply } = fakeExchange({ ...request, path });
  exchange.mount = "/files";
  handler(exchange);
  expect(openBelow(root)).toBe(0); // the root itself may be held for a moment (root.ts)
  return reply;
}

const AS_JSON: FakeRequest = { fields: [["Accept", "application/json"]] };

interface Entry {
  readonly name: string;
  readonly type: string;
  readonly mtime: string;
  readonly size?: number;
  readonly url: string;
}

function entries(path: string, handler = makeFilesHandler(options())): Entry[] {
  return JSON.parse(ask(path, AS_JSON, handler).content.toString()) as Entry[];
}

/** The names in the order of the page's rows. */
function rows(path: string, query?: string): string[] {
  const page = ask(path, query === undefined ? {} : { query }).content.toString();
  return [...page.matchAll(/<td><a href="\.\/([^"?]*)[^"]*">/g)].map(([, href = ""]) => href);
}

describe("a listing", () => {
  test("shows what could be asked for, and nothing else", () => {
    const names = entries("/files/").map(({ name }) => name);
    for (const name of ["a.txt", "b.txt", "sub", "inside", "javascript:x", "new\nline"]) expect(names).toContain(name);
    for (const name of [".env", ".git", "old~", "way-out", "dangling", "fifo", "."]) expect(names).not.toContain(name);
    const hidden = makeFilesHandler(options({ hidden: true }));
    expect(entries("/files/", hidden).map(({ name }) => name)).toContain(".env");
    const linked = makeFilesHandler(options({ links: "deny" }));
    expect(entries("/files/", linked).map(({ name }) => name)).not.toContain("inside");
  });

  test("as JSON has nginx's fields, and an address for names of any bytes", () => {
    const all = entries("/files/");
    const found = all.find(({ name }) => name === "a.txt");
    const expected = { type: "file", mtime: "Fri, 02 Jan 2026 03:04:05 GMT", size: 2048, url: "./a.txt" };
    expect(found).toEqual({ name: "a.txt", ...expected });
    expect(all.find(({ name }) => name === "sub")).toMatchObject({ type: "directory", url: "./sub/" });
    const bytes = all.find(({ url }) => url === "./%E9%20%FF");
    expect(bytes?.size).toBe(0);
    expect(ask("/files/\xe9 \xff").status).toBe(200);
  });

  test("as a page escapes names, wherever they stand", () => {
    const reply = ask("/files/");
    const page = reply.content.toString();
    expect(reply.header("content-type")).toBe("text/html; charset=utf-8");
    expect(page).toContain("&lt;img src=x&gt;&amp;&#39;&quot;.txt");
    expect(page).not.toContain("<img");
    expect(page).toContain('href="./%3Cimg%20src=x%3E&amp;&#39;%22.txt"');
    expect(page).toContain('href="./javascript:x"');
    expect(page).not.toContain("\u202e");
    expect(page).not.toContain("new\nline");
  });

  test("runs under its own policy: no script, no asset, one style sheet with its hash", () => {
    const reply = ask("/files/");
    const page = reply.content.toString();
    expect(page).not.toMatch(/<script|<link|<img|style=|\son\w+=|https?:/);
    const [, style = ""] = /<style>([^]*?)<\/style>/.exec(page) ?? [];
    const hash = new Bun.CryptoHasher("sha256").update(style).digest("base64");
    expect(reply.header("content-security-policy")).toContain(`style-src 'sha256-${hash}'`);
    expect(LISTING_POLICY.startsWith("default-src 'none'; ")).toBe(true);
    expect(reply.header("x-content-type-options")).toBe("nosniff");
    expect(page).toContain('name="viewport"');
    expect(page).toContain("prefers-color-scheme:dark");
  });

  test("is sorted as its links say, directories first", () => {
    const names = rows("/files/");
    expect(names.slice(0, 4)).toEqual(["empty/", "many/", "sub/", "with-index/"]);
    expect(names.indexOf("a.txt")).toBeLessThan(names.indexOf("b.txt"));
    expect(rows("/files/", "sort=size&order=desc")[4]).toMatch(/^(?:a\.txt|inside)$/);
    expect(rows("/files/", "sort=time&order=asc")[4]).toMatch(/^(?:a\.txt|inside)$/);
    expect(rows("/files/", "sort=name&order=desc").slice(0, 4)).toEqual(["with-index/", "sub/", "many/", "empty/"]);
    const page = ask("/files/", { query: "sort=size&order=asc" }).content.toString();
    expect(page).toContain('aria-sort="ascending"');
    expect(page).toContain('href="?sort=size&amp;order=desc"');
    expect(page).toContain('href="./sub/?sort=size&amp;order=asc"');
  });

  test("takes nothing else from the query", () => {
    const strange = ask("/files/", { query: "sort=<script>&order=%22&x=y" }).content.toString();
    expect(strange).toBe(ask("/files/").content.toString());
  });

  test("leads up, but not out of the top", () => {
    expect(ask("/files/sub/").content.toString()).toContain('<a href="../">..</a>');
    expect(ask("/files/").content.toString()).not.toContain('href="../');
    expect(ask("/files/empty/").content.toString()).toContain("Nothing is in here.");
  });

  test("is bounded, and says so", () => {
    const page = ask("/files/many/");
    expect(rows("/files/many/").length).toBe(LISTING_ENTRIES_MAX);
    expect(page.content.toString()).toContain(`only ${LISTING_ENTRIES_MAX} entries`);
    expect(page.header("x-listing-truncated")).toBe(String(LISTING_ENTRIES_MAX));
    expect(ask("/files/").header("x-listing-truncated")).toBeUndefined();
  });

  test("an index goes first, a directory without slash is redirected, and off it is 404", () => {
    expect(ask("/files/with-index/").text).toBe("xxx");
    expect(ask("/files/sub").header("location")).toBe("/files/sub/");
    expect(ask("/files/", {}, makeFilesHandler(options({ listing: false }))).status).toBe(404);
    for (const path of ["/files/.git/", "/files/missing/", "/files/a.txt/", "/files/../"])
      expect(ask(path).status).toBe(404);
  });

  test("HEAD announces it; other methods are refused", () => {
    const get = ask("/files/sub/");
    expect(ask("/files/sub/", { method: "HEAD" }).head?.length).toBe(get.content.length);
    expect(ask("/files/sub/", { method: "POST" }).status).toBe(405);
  });

  test("a route that tries several names takes a directory that is listed for found", () => {
    const otherwise = (exchange: Parameters<ReturnType<typeof makeFilesHandler>>[0]) =>
      exchange.reply.whole(
        { status: 418, reason: undefined, fields: exchange.head.fields, length: 0 },
        Buffer.alloc(0),
      );
    const handler = makeTryHandler({ directories: [options()], candidates: ["$uri", "$uri/"], otherwise });
    expect(ask("/files/sub/", {}, handler).status).toBe(200);
    expect(ask("/files/sub", {}, handler).status).toBe(301);
    expect(ask("/files/missing/", {}, handler).status).toBe(418);
  });
});

test.each([
  ["application/json", true],
  ["application/json, text/html;q=0.9", true],
  ["Application/JSON;q=0.5, */*;q=0.1", true],
  ["application/json, text/plain, */*", true],
  ["application/json;q=0.5, */*", false],
  ["application/json;q=0.5, text/*, */*;q=0.1", false],
  ["application/json;q=0.5, text/*;q=0.1, */*", true],
  ["application/json;q=0, */*;q=0", false],
  ["text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", false],
  ["text/html, application/json", false],
  ["application/json;q=0", false],
  ["*/*", false],
  ["", false],
  ["application/json;q=x", false],
  ["application/*", true],
  ["application/*, */*", false],
  ["application/*, text/html;q=0.9", true],
  ["application/*;q=0.5, text/html", false],
  ["application/json;q=0, application/*", false],
  ["text/html;q=0, */*", true],
  ["text/html;q=0", false],
  ["text/*;q=0.2, */*;q=0.3", true],
  ["*/*;q=0.5", false],
  ["application/json, text/*", true],
  ["application/json;q=0.8, text/html;q=0.8", false],
  ["application/json; indent=4 ; q=0.9 , text/html;q=0.8", true],
  ["application/json;q=2, text/html;q=0.1", false],
  ["text/html;q=0.1;x=y, application/json;q=0.2", true],
  ["image/png", false],
])("Accept: %s: JSON %p (rfc9110_12_5_1)", (accept, json) => {
  expect(prefersJson(accept)).toBe(json);
});

test.each([
  [0, "0 B"],
  [1023, "1023 B"],
  [1024, "1.0 KiB"],
  [10_000, "9.8 KiB"],
  [150_000, "146 KiB"],
  [1024 * 1024 - 1, "1.0 MiB"],
  [5 * 2 ** 30, "5.0 GiB"],
  [2 ** 60, "1024 PiB"],
])("%d bytes are %s", (bytes, text) => {
  expect(sizeText(bytes)).toBe(text);
});
