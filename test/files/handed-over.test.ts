/** A file that was opened elsewhere: what of it is sent, and that its descriptor is closed once, whatever comes of it. */
import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, openSync, readdirSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
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
  ["several ranges", {}, range("bytes=0-0,2-3"), 200, "0123456789"],
  ["of HEAD", {}, { method: "HEAD", ...range("bytes=2-3") }, 200, ""],
  ["of a POST", {}, { method: "POST", ...range("bytes=2-3") }, 200, "0123456789"],
  ["of another status", { status: 404 }, range("bytes=2-3"), 404, "0123456789"],
  ["unless an old tag is named", {}, range("bytes=2-3", [["If-Range", '"old"']]), 200, "0123456789"],
] as const)("%s", async (_, given, request, status, content) => {
  const reply = await send(given, request);
  expect([reply.status, reply.text]).toEqual([status, content]);
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

test("a file that has become shorter breaks the reply off", async () => {
  const path = join(folder, "shrunk");
  writeFileSync(path, "0123456789");
  truncateSync(path, 4);
  const reply = await send({ path, length: 10 });
  expect([reply.text, reply.aborted]).toEqual(["0123", expect.stringContaining("shorter")]);
});
