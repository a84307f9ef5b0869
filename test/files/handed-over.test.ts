/** A file that was opened elsewhere: what of it is sent, and that its descriptor is closed once, whatever comes of it. */
import { afterAll, describe, expect, test } from "bun:test";
import {
  copyFileSync,
  linkSync,
  mkdtempSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Charset } from "../../src/exchange/charset.ts";
import { joinRules } from "../../src/exchange/reply-headers.ts";
import { sendOpenFile } from "../../src/files/handed-over.ts";
import { Fields } from "../../src/protocol/http/fields.ts";
import { fakeExchange, type FakeRequest } from "../support/exchange.ts";

const folder = mkdtempSync(join(tmpdir(), "server-handed-over-"));
const small = join(folder, "small");
const large = join(folder, "large");
writeFileSync(small, "0123456789");
writeFileSync(large, Buffer.alloc(200_000, "0123456789"));
afterAll(() => rmSync(folder, { recursive: true }));

const count = () => readdirSync("/proc/self/fd").length;

interface Given {
  readonly path?: string;
  readonly status?: number;
  readonly fields?: readonly (readonly [string, string])[];
  readonly offset?: number;
  readonly length?: number;
}

async function send(given: Given, request: FakeRequest = {}) {
  const before = count();
  const { path = small, status = 200, fields = [], offset = 0, length = path === small ? 10 : 200_000 } = given;
  const fake = fakeExchange(request);
  const head = { status, reason: undefined, fields: Fields.of(fields), length };
  sendOpenFile(fake.exchange, { head, fd: openSync(path, "r"), offset });
  await fake.reply.over;
  expect(count()).toBe(before);
  return fake.reply;
}

const range = (value: string, more: readonly (readonly [string, string])[] = []): FakeRequest => ({
  fields: [["Range", value], ...more],
});

test.each([
  ["whole", {}, {}, 200, "0123456789"],
  ["a part", { offset: 3, length: 4 }, {}, 200, "3456"],
  ["a range", {}, range("bytes=2-3"), 206, "23"],
  ["a range of a part", { offset: 3, length: 4 }, range("bytes=-1"), 206, "6"],
  ["several ranges, more than there is", {}, range("bytes=0-8,2-9"), 200, "0123456789"],
  ["several ranges that overlap", {}, range("bytes=0-1,1-1,1-2"), 200, "0123456789"],
  ["several ranges, not offered", { fields: [["Accept-Ranges", "none"]] }, range("bytes=0-0,2-3"), 200, "0123456789"],
  ["a range of nothing", { offset: 3, length: 0 }, range("bytes=0-"), 200, ""],
  ["of HEAD", {}, { method: "HEAD", ...range("bytes=2-3") }, 200, ""],
  ["of a POST", {}, { method: "POST", ...range("bytes=2-3") }, 200, "0123456789"],
  ["of another status", { status: 404 }, range("bytes=2-3"), 404, "0123456789"],
  ["unless an old tag is named", {}, range("bytes=2-3", [["If-Range", '"old"']]), 200, "0123456789"],
] as const)("%s", async (_, given, request, status, content) => {
  const reply = await send(given, request);
  expect([reply.status, reply.text]).toEqual([status, content]);
});

/** The parts of a multipart/byteranges, as they stand there. */
function partsOf(reply: Awaited<ReturnType<typeof send>>): string[] {
  const [, boundary = ""] =
    /^multipart\/byteranges; boundary=([0-9a-f]{30})$/.exec(reply.header("content-type") ?? "") ?? [];
  const [preamble, ...parts] = reply.text.split(`\r\n--${boundary}`);
  expect([reply.status, preamble, parts.pop(), reply.head?.length]).toEqual([206, "", "--\r\n", reply.text.length]);
  return parts;
}

describe("several ranges (rfc9110_14_6)", () => {
  const TYPED = { fields: [["Content-Type", "text/plain"]] } as const;

  test.each([
    ["", {}, ""],
    ["of a type", TYPED, "Content-Type: text/plain\r\n"],
  ])("%s", async (_, given, type) => {
    const reply = await send(given, range("bytes=0-0,2-3"));
    expect(partsOf(reply)).toEqual([
      `\r\n${type}Content-Range: bytes 0-0/10\r\n\r\n0`,
      `\r\n${type}Content-Range: bytes 2-3/10\r\n\r\n23`,
    ]);
    expect([reply.header("content-range"), reply.header("accept-ranges")]).toEqual([undefined, "bytes"]);
  });

  test("of a part of a file", async () => {
    const parts = partsOf(await send({ offset: 3, length: 4 }, range("bytes=-1,0-1")));
    expect(parts.map((part) => part.split("\r\n").slice(1))).toEqual([
      ["Content-Range: bytes 3-3/4", "", "6"],
      ["Content-Range: bytes 0-1/4", "", "34"],
    ]);
  });

  test("of a large file stream", async () => {
    const [first = "", second = ""] = partsOf(await send({ path: large }, range("bytes=5-99999,100001-199999")));
    expect(first).toBe(`\r\nContent-Range: bytes 5-99999/200000\r\n\r\n56789${"0123456789".repeat(9999)}`);
    expect(second).toBe(`\r\nContent-Range: bytes 100001-199999/200000\r\n\r\n123456789${"0123456789".repeat(9999)}`);
  });

  test("have the charset that the whole would get", async () => {
    const { exchange, reply } = fakeExchange(range("bytes=0-0,2-3"));
    exchange.headerRules = joinRules([{ kind: "charset", charset: new Charset("utf-8") }]);
    const head = { status: 200, reason: undefined, fields: Fields.of(TYPED.fields), length: 10 };
    sendOpenFile(exchange, { head, fd: openSync(small, "r"), offset: 0 });
    expect(partsOf(reply)[0]).toContain("Content-Type: text/plain; charset=utf-8\r\n");
  });
});

test("large ones stream", async () => {
  const reply = await send({ path: large }, range("bytes=100000-"));
  expect([reply.status, reply.content.length, reply.header("content-range")]).toEqual([
    206,
    100_000,
    "bytes 100000-199999/200000",
  ]);
});

test("the fields of the application stay; a tag and the offer of ranges come beside", async () => {
  const reply = await send({
    fields: [
      ["Set-Cookie", "a"],
      ["Set-Cookie", "b"],
    ],
  });
  expect(reply.head?.fields.pairs().map(([name]) => name)).toEqual([
    "Set-Cookie",
    "Set-Cookie",
    "ETag",
    "Accept-Ranges",
  ]);
  expect((await send({ fields: [["Content-Encoding", "br"]] })).head?.fields.pairs()).toEqual([
    ["Content-Encoding", "br"],
  ]);
});

test.each([
  ["If-None-Match", '"wk"', 304],
  ["If-None-Match", 'W/"wk"', 304],
  ["If-None-Match", '"other"', 200],
  ["If-Match", '"wk"', 412],
  ["If-Match", 'W/"wk"', 412],
  ["If-Match", "*", 200],
] as const)("the application's weak tag: %s: %s: %d (rfc9110_8_8_3_2)", async (name, value, status) => {
  const reply = await send({ fields: [["ETag", 'W/"wk"']] }, { fields: [[name, value]] });
  expect(reply.status).toBe(status);
});

test("304, 412 and 416 have none of the content", async () => {
  const etag = (await send({})).header("etag") ?? "";
  const fresh = await send(
    {
      fields: [
        ["Content-Language", "de"],
        ["Vary", "Cookie"],
      ],
    },
    { fields: [["If-None-Match", etag]] },
  );
  expect([fresh.status, fresh.text, fresh.head?.fields.pairs().map(([name]) => name)]).toEqual([
    304,
    "",
    ["Vary", "ETag", "Accept-Ranges"],
  ]);
  expect((await send({}, { fields: [["If-Match", '"x"']] })).status).toBe(412);
  expect((await send({}, range("bytes=10-"))).header("content-range")).toBe("bytes */10");
});

describe("a large file, while it is sent to a slow client", () => {
  const path = join(folder, "slow");
  const writtenTo = (name: string) => {
    const { atime, mtime } = statSync(name);
    writeFileSync(name, Buffer.alloc(200_000, "x"), { flag: "r+" });
    utimesSync(name, atime, mtime);
  };

  async function sendSlowly(change: () => void, open = () => openSync(path, "r")) {
    rmSync(`${path}.moved`, { force: true });
    writeFileSync(path, Buffer.alloc(200_000, "0123456789"));
    // A time that can be put back exactly.
    utimesSync(path, 1_700_000_000, 1_700_000_000);
    const before = count();
    const { exchange, reply } = fakeExchange();
    reply.full = true;
    const head = { status: 200, reason: undefined, fields: new Fields(), length: 200_000 };
    sendOpenFile(exchange, { head, fd: open(), offset: 0 });
    expect(reply.content.length).toBeLessThan(200_000);
    change();
    reply.drain();
    await reply.over;
    expect(count()).toBe(before);
    return [reply.content.length, reply.aborted];
  }

  test.each<[string, () => void]>([
    ["is renamed", () => renameSync(path, `${path}.moved`)],
    ["is removed", () => rmSync(path)],
    ["is replaced", () => renameSync(another(), path)],
  ])("%s: it is whole", async (_, change) => {
    expect(await sendSlowly(change)).toEqual([200_000, undefined]);
  });

  test.each<[string, () => void]>([
    ["is written to, and its time put back", () => writtenTo(path)],
    [
      "is renamed as well",
      () => {
        renameSync(path, `${path}.moved`);
        truncateSync(`${path}.moved`, 199_999);
      },
    ],
  ])("%s: it is broken off", async (_, change) => {
    expect((await sendSlowly(change))[1]).toEqual(expect.stringMatching(/shorter|written to/));
  });

  test("one that had lost the name it was opened by is no more explained by that", async () => {
    const open = () => {
      const fd = openSync(path, "r");
      linkSync(path, `${path}.moved`);
      rmSync(path);
      return fd;
    };
    expect((await sendSlowly(() => writtenTo(`${path}.moved`), open))[1]).toContain("written to");
  });

  function another(): string {
    copyFileSync(small, `${path}.new`);
    return `${path}.new`;
  }
});

test("a file that has become shorter breaks the reply off", async () => {
  const path = join(folder, "shrunk");
  writeFileSync(path, "0123456789");
  truncateSync(path, 4);
  const reply = await send({ path, length: 10 });
  expect([reply.text, reply.aborted]).toEqual(["0123", expect.stringContaining("shorter")]);
});
