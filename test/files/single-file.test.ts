/** A route to one file: where it is served, and where there is nothing. */
import { afterAll, expect, test } from "bun:test";
import { join } from "node:path";
import { makeFilesHandler } from "../../src/files/handler.ts";
import type { FilesOptions } from "../../src/files/options.ts";
import { fakeExchange } from "../support/exchange.ts";
import { makeFolder, removeFolder, writeFiles } from "../support/folder.ts";

const folder = makeFolder("single-file");
writeFiles(folder, { "a.txt": "hello" });
afterAll(() => removeFolder(folder));

function handlerOf(change: Partial<FilesOptions> = {}) {
  const index = ["index.html"];
  return makeFilesHandler({ root: join(folder, "a.txt"), single: true, index, charset: undefined, ...change });
}

async function ask(path: string, handler: ReturnType<typeof handlerOf>) {
  const { exchange, reply } = fakeExchange({ path });
  exchange.mount = "/static";
  handler(exchange);
  await reply.over;
  return reply;
}

test("whatever the rest of the path", async () => {
  const handler = handlerOf();
  for (const path of ["/static", "/static/some/page", "/other/.env"]) {
    const reply = await ask(path, handler);
    expect(reply.text).toBe("hello");
    expect(reply.header("content-type")).toBe("text/plain");
  }
});

test("with nothing below it, as in a file system; also when it is kept", async () => {
  const handler = handlerOf({ nothingBelow: true });
  for (let again = 0; again < 3; again++) {
    const replies = ["/static", "/static/", "/static/x", "/static/index.html"].map((path) => ask(path, handler));
    expect((await Promise.all(replies)).map(({ status }) => status)).toEqual([200, 404, 404, 404]);
  }
});
