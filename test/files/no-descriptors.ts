/** Asks for a file while every descriptor of the process is taken. Run by open.test.ts under a low limit. */
import { closeSync, openSync } from "node:fs";
import { makeFilesHandler } from "../../src/files/handler.ts";
import { fakeExchange } from "../support/exchange.ts";

const root = process.argv[2] as string;
const handler = makeFilesHandler({ root, single: false, index: [], charset: undefined });

function ask(path: string) {
  const { exchange, reply } = fakeExchange({ path });
  handler(exchange);
  return reply;
}

const before = ask("/a.txt").status;
const taken: number[] = [];
try {
  for (;;) taken.push(openSync("/dev/null", "r"));
} catch {
  // EMFILE: that is what was wanted
}
const starved = ask("/sub/b.txt");
for (const fd of taken) closeSync(fd);
const after = ask("/sub/b.txt").status;
const retryAfter = starved.header("retry-after");
process.stdout.write(JSON.stringify({ before, starved: starved.status, retryAfter, after }));
