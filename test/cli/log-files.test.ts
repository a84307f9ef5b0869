import { afterEach, beforeEach, expect, test } from "bun:test";
import { appendFileSync, renameSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { Follower, lastEvents, type LogSource } from "../../src/cli/log-files.ts";
import type { LineFilter } from "../../src/cli/log-lines.ts";
import { makeFolder, removeFolder } from "../support/folder.ts";

const ANYTHING: LineFilter = { statuses: [], site: undefined, app: undefined, level: undefined, sinceMs: undefined };

let folder = "";
let path = "";
beforeEach(() => {
  folder = makeFolder("log-files");
  path = join(folder, "a.log");
});
afterEach(() => removeFolder(folder));

/** Lines such as `200 text`; the time is the number behind `@`. */
const source = (filter: Partial<LineFilter> = {}): LogSource => ({
  path,
  read: (line) => ({ status: line.slice(0, 3), atMs: Number(/@(\d+)/.exec(line)?.[1] ?? 0) }),
  filter: { ...ANYTHING, ...filter },
});

const texts = (events: readonly { readonly text: string }[]) => events.map(({ text }) => text);

test("the last lines are found through rotated and compressed files", async () => {
  writeFileSync(`${path}.20260101T000000Z.gz`, gzipSync("200 a\n404 b\n"));
  writeFileSync(`${path}.20260102T000000Z`, "200 c\n");
  writeFileSync(path, "200 d\n404 e\n");
  expect(texts(await lastEvents(source(), 2))).toEqual(["200 d", "404 e"]);
  expect(texts(await lastEvents(source(), 4))).toEqual(["404 b", "200 c", "200 d", "404 e"]);
  expect(texts(await lastEvents(source({ statuses: ["404"] }), 10))).toEqual(["404 b", "404 e"]);
});

test("files that ended before the time that is asked for are not read", async () => {
  writeFileSync(`${path}.20200101T000000Z.gz`, "no gzip at all");
  const now = Date.UTC(2026, 0, 1);
  writeFileSync(path, `200 old @${now - 5}\n200 new @${now}\n`);
  expect(texts(await lastEvents(source({ sinceMs: now }), 10))).toEqual([`200 new @${now}`]);
});

test("a traceback belongs to the line before it, and goes with it", async () => {
  writeFileSync(path, "200 a\n\tx\n404 b\n\ty\n\tz\n200 c\n");
  expect(texts(await lastEvents(source({ statuses: ["404"] }), 9))).toEqual(["404 b\n\ty\n\tz"]);
});

test("a long log is read without being kept", async () => {
  writeFileSync(path, Array.from({ length: 50_000 }, (_, i) => `200 ${i}\n`).join(""));
  expect(texts(await lastEvents(source(), 3))).toEqual(["200 49997", "200 49998", "200 49999"]);
});

test("a follower sees what is added, through rotation and truncation", () => {
  writeFileSync(path, "200 before\n");
  const follower = new Follower(source({ statuses: ["200"] }));
  expect(follower.poll()).toEqual([]);
  appendFileSync(path, "200 one\n404 no\n200 tw");
  expect(texts(follower.poll())).toEqual(["200 one"]);
  appendFileSync(path, "o\n");
  expect(texts(follower.poll())).toEqual(["200 two"]);
  appendFileSync(path, "200 last of the old\n");
  renameSync(path, `${path}.20260101T000000Z`);
  writeFileSync(path, "200 first of the new\n");
  expect(texts(follower.poll())).toEqual(["200 last of the old", "200 first of the new"]);
  truncateSync(path, 0);
  expect(follower.poll()).toEqual([]);
  appendFileSync(path, "200 x\n");
  expect(texts(follower.poll())).toEqual(["200 x"]);
  follower.close();
});

test("a log that is away for a moment is waited for", () => {
  writeFileSync(path, "");
  const follower = new Follower(source());
  renameSync(path, `${path}.old`);
  expect(follower.poll()).toEqual([]);
  writeFileSync(path, "200 back\n");
  expect(texts(follower.poll())).toEqual(["200 back"]);
  follower.close();
});
