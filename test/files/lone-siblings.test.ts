import { afterAll, describe, expect, test } from "bun:test";
import { rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Exchange } from "../../src/exchange/exchange.ts";
import { FileCache } from "../../src/files/cache.ts";
import { makeFilesHandler } from "../../src/files/handler.ts";
import type { FilesOptions } from "../../src/files/options.ts";
import { SIBLING_CODINGS } from "../../src/files/precompressed.ts";
import { makeDirectoriesHandler, makeTryHandler, traceFiles } from "../../src/files/try.ts";
import { YoungFiles } from "../../src/files/young-files.ts";
import { SILENT } from "../../src/base/log.ts";
import { openBelow } from "../support/descriptors.ts";
import { fakeExchange } from "../support/exchange.ts";
import { makeFolder, removeFolder, writeFiles } from "../support/folder.ts";

const folder = makeFolder("lone-siblings");
afterAll(() => removeFolder(folder));
const root = join(folder, "root");
const LARGE = Buffer.alloc(900_000, "brotli, said to be");

writeFiles(folder, {
  "root/only.css.gz": "gzip",
  "root/both.css.gz": "gzip",
  "root/both.css.br": "brotli",
  "root/large.js.br": LARGE,
  "root/empty.css.gz": "",
  "root/photo.png.gz": "gzip",
  "root/.hidden.gz": "gzip",
  "root/dir/index.html.gz": "gzip",
  "root/dir.gz": "gzip",
  "root/folder.css.gz/x": "x",
  "root.gz": "beside the root",
  "moved.gz": "gzip",
  "outside.gz": "outside",
  "other/plain.css": "plain",
  "other/both.css": "plain",
  "single.txt.gz": "gzip",
});
symlinkSync("../outside.gz", join(root, "out.css.gz"));
symlinkSync("only.css.gz", join(root, "in.css.gz"));

const options: FilesOptions = {
  root,
  single: false,
  index: ["index.html"],
  charset: undefined,
  log: SILENT,
  encoding: { siblings: SIBLING_CODINGS, compression: undefined },
};
const shared = makeFilesHandler(options);

async function ask(path: string, accept: string | undefined, handler = shared, more: Record<string, string> = {}) {
  const { method = "GET", ...rest } = more;
  const coded = accept === undefined ? [] : [["Accept-Encoding", accept] as const];
  const { exchange, reply } = fakeExchange({ path, method, fields: [...coded, ...Object.entries(rest)] });
  handler(exchange);
  await reply.over;
  expect(openBelow(root)).toBe(0);
  return reply;
}

test.each([
  ["/only.css", "gzip", "gzip", "gzip", "text/css"],
  ["/only.css", "br, gzip;q=0.1, identity", "gzip", "gzip", "text/css"],
  ["/only.css", "*", "gzip", "gzip", "text/css"],
  ["/both.css", "gzip, br", "br", "brotli", "text/css"],
  ["/both.css", "gzip, zstd", "gzip", "gzip", "text/css"],
  ["/in.css", "gzip", "gzip", "gzip", "text/css"],
  ["/dir/index.html", "gzip", "gzip", "gzip", "text/html"],
])("%s for %j without an original: %s", async (path, accept, coding, text, type) => {
  for (let again = 0; again < 3; again++) {
    const reply = await ask(path, accept);
    expect([reply.status, reply.text, reply.head?.length]).toEqual([200, text, text.length]);
    expect([reply.header("content-encoding"), reply.header("vary")]).toEqual([coding, "Accept-Encoding"]);
    expect([reply.header("content-type"), reply.header("accept-ranges")]).toEqual([type, "bytes"]);
    expect(reply.header("etag")).toMatch(new RegExp(`^"[0-9a-f]+-[0-9a-f]+-${coding}"$`));
  }
});

test("a large one is sent from the disk, whole and in part", async () => {
  const whole = await ask("/large.js", "br");
  expect([whole.status, whole.header("content-encoding"), whole.content.equals(LARGE)]).toEqual([200, "br", true]);
  const part = await ask("/large.js", "br", shared, { Range: "bytes=0-5" });
  expect([part.status, part.text, part.header("content-range")]).toEqual([206, "brotli", `bytes 0-5/${LARGE.length}`]);
});

test("HEAD, ranges and conditions work as for any file", async () => {
  const get = await ask("/only.css", "gzip");
  const head = await ask("/only.css", "gzip", shared, { method: "HEAD" });
  expect([head.status, head.head?.length, head.header("etag")]).toEqual([200, 4, get.header("etag")]);
  const known = await ask("/only.css", "gzip", shared, { "If-None-Match": get.header("etag") ?? "" });
  expect([known.status, known.header("vary")]).toEqual([304, "Accept-Encoding"]);
  const part = await ask("/only.css", "gzip", shared, { Range: "bytes=1-2" });
  expect([part.status, part.text, part.header("content-encoding")]).toEqual([206, "zi", "gzip"]);
  const far = await ask("/only.css", "gzip", shared, { Range: "bytes=9-" });
  expect([far.status, far.header("content-range")]).toEqual([416, "bytes */4"]);
  const posted = await ask("/only.css", "gzip", shared, { method: "POST" });
  expect(posted.status).toBe(405);
});

describe("404", () => {
  test.each([
    ["/only.css", undefined],
    ["/only.css", "br, zstd"],
    ["/only.css", "gzip;q=0"],
    ["/both.css", "identity"],
  ])("with Vary for %s and a client that takes %p", async (path, accept) => {
    const reply = await ask(path, accept);
    expect([reply.status, reply.header("vary"), reply.header("content-encoding")]).toEqual([
      404,
      "Accept-Encoding",
      undefined,
    ]);
  });

  test.each([
    ["nothing is there", "/none.css"],
    ["no path is so long", `/${"long/".repeat(1000)}none.css`],
    ["nobody makes such a form of that type", "/photo.png"],
    ["its name is hidden", "/.hidden"],
    ["an index must be there itself", "/dir/"],
  ])("without Vary where %s", async (_, path) => {
    const reply = await ask(path, "gzip, br, zstd");
    expect([reply.status, reply.header("vary")]).toEqual([404, undefined]);
  });

  test.each(["/out.css", "/empty.css", "/folder.css"])(
    "for %s, whose sibling is none that can be sent",
    async (path) => {
      expect((await ask(path, "gzip")).status).toBe(404);
    },
  );

  test("where siblings are not asked for, and for the root and what is beside it", async () => {
    const off = makeFilesHandler({ ...options, encoding: { siblings: [], compression: undefined } });
    expect((await ask("/only.css", "gzip", off)).status).toBe(404);
    const gone = makeFilesHandler({ ...options, root: join(folder, "nowhere") });
    expect((await ask("/only.css", "gzip", gone)).status).toBe(404);
    const { exchange, reply } = fakeExchange({ path: "/m", fields: [["Accept-Encoding", "gzip"]] });
    exchange.mount = "/m";
    makeFilesHandler({ ...options, root: join(folder, "moved") })(exchange);
    expect(reply.status).toBe(404);
  });
});

test("a directory is a directory, whatever is beside it", async () => {
  expect((await ask("/dir", "gzip")).status).toBe(301);
});

test("where much is asked for that is not there, the directory is read, and siblings are found all the same", async () => {
  const believing = makeFilesHandler({ ...options, cache: new FileCache(1_000_000, 100) });
  for (let i = 0; i < 40; i++) {
    const reply = await ask(`/missing-${i}.css`, "gzip", believing);
    expect([reply.status, reply.header("vary")]).toEqual([404, undefined]);
    expect((await ask("/nowhere/missing.css", "gzip", believing)).status).toBe(404);
    expect((await ask("/both.css", "gzip", believing)).text).toBe("gzip");
    expect((await ask("/in.css", "br", believing)).header("vary")).toBe("Accept-Encoding");
  }
  writeFileSync(join(root, "missing-1.css.gz"), "late");
  await Bun.sleep(120);
  expect((await ask("/missing-1.css", "gzip", believing)).text).toBe("late");
  rmSync(join(root, "missing-1.css.gz"));
});

test("links are followed as for other files", async () => {
  const denied = makeFilesHandler({ ...options, links: "deny" });
  expect((await ask("/in.css", "gzip", denied)).status).toBe(404);
  const followed = makeFilesHandler({ ...options, links: "follow" });
  expect((await ask("/out.css", "gzip", followed)).text).toBe("outside");
});

test("a single file may be there encoded alone", async () => {
  const single = makeFilesHandler({ ...options, root: join(folder, "single.txt"), single: true });
  const reply = await ask("/robots.txt", "gzip", single);
  expect([reply.status, reply.text, reply.header("content-type")]).toEqual([200, "gzip", "text/plain"]);
});

test("an original that comes goes first at once; siblings that come or go do so within cache_revalidate", async () => {
  const name = join(root, "new.css");
  const believing = makeFilesHandler({ ...options, cache: new FileCache(1_000_000, 100) });
  const outcome = async () => {
    const { status, text } = await ask("/new.css", "gzip, br", believing);
    return status === 200 ? text : status;
  };
  for (let again = 0; again < 3; again++) expect(await outcome()).toBe(404);
  writeFileSync(`${name}.gz`, "gzip");
  await Bun.sleep(120);
  expect(await outcome()).toBe("gzip");
  writeFileSync(`${name}.br`, "brotli");
  await Bun.sleep(120);
  expect(await outcome()).toBe("brotli");
  rmSync(`${name}.br`);
  expect(await outcome()).toBe("gzip");
  writeFileSync(name, "original");
  utimesSync(name, new Date(), new Date(Date.now() + 60_000));
  expect(await outcome()).toBe("original");
  rmSync(name);
  rmSync(`${name}.gz`);
  await Bun.sleep(120);
  expect(await outcome()).toBe(404);
  const never = makeFilesHandler({ ...options, cache: new FileCache(1_000_000, 0) });
  for (let again = 0; again < 3; again++) expect((await ask("/new.css", "gzip", never)).status).toBe(404);
  writeFileSync(`${name}.gz`, "gzip");
  expect((await ask("/new.css", "gzip", never)).text).toBe("gzip");
});

test("of several directories a file goes before an encoded form in another", async () => {
  const directories = [options, { ...options, root: join(folder, "other") }];
  const several = makeDirectoriesHandler(directories);
  expect((await ask("/both.css", "br", several)).text).toBe("plain");
  expect((await ask("/only.css", "gzip", several)).text).toBe("gzip");
  const refused = await ask("/only.css", undefined, several);
  expect([refused.status, refused.header("vary")]).toEqual([404, "Accept-Encoding"]);
  expect((await ask("/none.css", "gzip", several)).header("vary")).toBeUndefined();
});

test("a name of `try` is that of a file", async () => {
  const otherwise = ({ reply }: Exchange) => reply.whole({ ...shownHead(), status: 299 }, Buffer.from("otherwise"));
  const tries = makeTryHandler({ directories: [options], candidates: ["$uri"], otherwise });
  expect((await ask("/only.css", "gzip", tries)).status).toBe(299);
});

function shownHead() {
  const { exchange, reply } = fakeExchange({ path: "/none" });
  shared(exchange);
  const { head } = reply;
  if (head === undefined) throw new Error("no answer");
  return { ...head, length: 9 };
}

test("what may be being written is waited for", async () => {
  let nowMs = 0;
  const clock = () => nowMs;
  const young = new YoungFiles({ wallMs: clock, monotonicMs: clock });
  const waiting = makeFilesHandler({ ...options, young });
  writeFileSync(join(root, "young.css.gz"), "gzip");
  nowMs = Date.now();
  const { exchange, reply } = fakeExchange({ path: "/young.css", fields: [["Accept-Encoding", "gzip"]] });
  waiting(exchange);
  expect([reply.state, young.size]).toEqual(["waiting", 1]);
  nowMs += 100;
  young.sweep();
  expect([reply.status, reply.text]).toEqual([200, "gzip"]);
});

test("explain names it", () => {
  const { exchange } = fakeExchange({ path: "/only.css" });
  expect(traceFiles([options], undefined, exchange)).toEqual([
    { root, name: "/only.css", kind: "none" },
    { root, name: "/only.css.gz", kind: "sibling" },
  ]);
  expect(traceFiles([options], ["$uri"], exchange)).toEqual([{ root, name: "/only.css", kind: "none" }]);
});
