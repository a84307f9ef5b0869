/**
 * What the two spools do when the disk takes no more: run by full-disk.test.ts under a file size limit, which fails
 * writes half-way, just as a full disk does. Prints its findings as JSON.
 */
import { collectBody } from "../../src/exchange/spool.ts";
import { ReplySpool } from "../../src/exchange/reply-spool.ts";
import { Fields } from "../../src/protocol/http/fields.ts";
import { LENGTH_UNKNOWN } from "../../src/protocol/http/message.ts";
import { openBelow } from "../support/descriptors.ts";
import { fakeExchange } from "../support/exchange.ts";

const temporaryDirectory = process.argv[2] as string;
const CHUNK = 10_000;
const CHUNKS = 40;

function chunk(number: number): Buffer {
  return Buffer.alloc(CHUNK, number);
}

function body(): Record<string, unknown> {
  const chunks = Array.from({ length: CHUNKS }, (_, i) => chunk(i));
  const { exchange, reply } = fakeExchange({ method: "POST", body: chunks });
  const found: Record<string, unknown> = {};
  collectBody(
    exchange,
    { temporaryDirectory, memoryBytesMax: CHUNK },
    {
      collected: () => (found["collected"] = true),
      failed: (why, detail) => Object.assign(found, { why, detail }),
    },
  );
  return { ...found, replyState: reply.state, open: openBelow(temporaryDirectory) };
}

function reply(): Record<string, unknown> {
  const { exchange, reply } = fakeExchange();
  let paused = 0;
  let resumed = 0;
  const source = { pause: () => void paused++, resume: () => void resumed++, gone: () => {} };
  const spool = new ReplySpool(exchange.reply, { temporaryDirectory, memoryBytesMax: CHUNK * 2 }, source);
  spool.start({ status: 200, reason: undefined, fields: new Fields(), length: LENGTH_UNKNOWN });
  reply.full = true;
  for (let i = 0; i < CHUNKS; i++) spool.data(chunk(i));
  const openWhileHeld = openBelow(temporaryDirectory);
  for (let i = 0; i < CHUNKS * 2; i++) {
    reply.full = true;
    reply.producer?.drained();
  }
  spool.end();
  const expected = Buffer.concat(Array.from({ length: CHUNKS }, (_, i) => chunk(i)));
  const same = reply.content.equals(expected);
  return { paused, resumed, openWhileHeld, same, state: reply.state, open: openBelow(temporaryDirectory) };
}

process.stdout.write(JSON.stringify({ body: body(), reply: reply() }));
