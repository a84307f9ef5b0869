/** Large blocks of an application on the wire: every byte in its place, framing as RFC 9112 has it, and nothing behind the end. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { E2E_TIMEOUT_MS } from "../support/binary.ts";
import { PacedClient } from "../support/paced-client.ts";
import type { ReplyReader } from "../support/reply-reader.ts";
import {
  type Asked,
  type Asking,
  contentOf,
  HELLO,
  KIB,
  MIB,
  requestOf,
  sizeOf,
  startStreams,
  type Streams,
} from "../support/streams.ts";

setDefaultTimeout(E2E_TIMEOUT_MS);

const BLOCKS = [1, 0, 8 * KIB, 16 * KIB, 32 * KIB, 64 * KIB, 100_000, MIB, 5 * MIB];
const MIXED = `1,${5 * MIB},0,7,65536*4,${8 * KIB - 1},${8 * KIB + 1},100000,1*20,${16 * KIB},0,${MIB},3`;
const SHAPES = [...BLOCKS.map((size) => (size > MIB ? `${size}` : `${size}*5`)), MIXED];
const WAYS = ["generator", "write", "list", "both"] as const;
/** Of several large blocks, as most cases need them. */
const LARGE: Asked = { sizes: `65536*20,${MIB},100000,5`, seed: 40 };

let server: Streams["server"];
let address: Streams["address"];

beforeAll(async () => {
  ({ server, address } = await startStreams(1, 2));
});
afterAll(() => server.dispose());

/** On a connection of its own; `end`: what the connection is then, once nothing more is to come. */
async function alone(asked: Asked, asking: Asking = {}): Promise<{ reply: ReplyReader; client: PacedClient }> {
  const client = await PacedClient.open(address);
  await client.send(requestOf(asked, asking));
  const reply = await client.reply(undefined, asking.method);
  return { reply, client };
}

function checkContent(reply: ReplyReader, asked: Asked): void {
  const { body } = reply;
  expect([reply.isOver, reply.status, body.length]).toEqual([true, 200, sizeOf(asked)]);
  expect(body.equals(contentOf(asked))).toBe(true);
  expect(reply.surplus.length).toBe(0);
}

/** It answers once more, so nothing was left behind the reply before. */
async function checkGoesOn(client: PacedClient): Promise<void> {
  await client.send(HELLO);
  const reply = await client.reply();
  expect([reply.status, reply.body.toString(), reply.surplus.length]).toEqual([200, "hello", 0]);
  client.close();
}

describe.each(WAYS)("by %s", (way) => {
  test.each(SHAPES)("blocks of %s", async (sizes) => {
    const asked = { sizes, way, seed: sizes.length * 1001 };
    const free = await alone(asked);
    checkContent(free.reply, asked);
    await checkGoesOn(free.client);
    const announced = await alone({ ...asked, length: "exact" });
    checkContent(announced.reply, asked);
    expect([announced.reply.framing, announced.reply.chunks.length]).toEqual(["length", 0]);
    await checkGoesOn(announced.client);
  });

  test("no empty chunk and no missing one, when no length is announced", async () => {
    const { reply, client } = await alone({ ...LARGE, way });
    checkContent(reply, LARGE);
    expect(reply.framing).toBe("chunked");
    expect(reply.chunks.reduce((sum, size) => sum + size, 0)).toBe(sizeOf(LARGE));
    await checkGoesOn(client);
  });

  test("more than its length is cut, and the connection goes on", async () => {
    for (const cut of [1, 5, 6, 100_005, MIB, MIB + 100_010]) {
      const length = sizeOf(LARGE) - cut;
      const { reply, client } = await alone({ ...LARGE, way, length });
      expect([reply.isOver, reply.body.equals(contentOf(LARGE).subarray(0, length))]).toEqual([true, true]);
      await checkGoesOn(client);
    }
  });

  test("less than its length is not complete, and the connection ends", async () => {
    for (const missing of [1, 10 * MIB]) {
      const { reply, client } = await alone({ ...LARGE, way, length: sizeOf(LARGE) + missing });
      expect([reply.isOver, client.end === "open"]).toEqual([false, false]);
      expect(contentOf(LARGE).subarray(0, reply.body.length).equals(reply.body)).toBe(true);
      client.close();
    }
  });

  test.each(["", "exact"] as const)("HEAD and 204 have no content (length: %s)", async (length) => {
    const asked: Asked = { ...LARGE, way, ...(length === "" ? {} : { length }) };
    const head = await alone(asked, { method: "HEAD" });
    expect([head.reply.status, head.reply.isOver, head.reply.surplus.length]).toEqual([200, true, 0]);
    await checkGoesOn(head.client);
    const empty = await alone({ ...LARGE, way, status: "204 No Content" });
    expect([empty.reply.status, empty.reply.isOver, empty.reply.surplus.length]).toEqual([204, true, 0]);
    await checkGoesOn(empty.client);
  });

  test.each(["", "exact"] as const)(
    "HTTP/1.0 and Connection: close end with the content (length: %s)",
    async (length) => {
      const asked: Asked = { ...LARGE, way, ...(length === "" ? {} : { length }) };
      const old = await alone(asked, { version: "1.0" });
      expect(old.reply.framing).toBe(length === "" ? "close" : "length");
      const last = await alone(asked, { more: "Connection: close\r\n" });
      expect(last.reply.framing).toBe(length === "" ? "chunked" : "length");
      for (const { reply, client } of [old, last]) {
        checkContent(reply, LARGE);
        expect((await client.exactly(1)).length).toBe(0);
        expect(client.end).toBe("closed");
        client.close();
      }
    },
  );
});

/** Different content each time, so that no reply can be taken for another. */
function turns(count: number): Asked[] {
  const sizes = ["65536*8", `${MIB}`, "1*3,100000*3", `16384*9,${256 * KIB}`, `32768*4,0,7`];
  return Array.from({ length: count }, (_, turn) => ({
    sizes: sizes[turn % sizes.length] as string,
    seed: turn * 8191,
    way: WAYS[turn % WAYS.length] as Asked["way"] & string,
    ...(turn % 3 === 0 ? { length: "exact" as const } : {}),
  }));
}

describe("on one connection", () => {
  test("fifty streams, each asked for when the one before is there", async () => {
    const client = await PacedClient.open(address);
    for (const asked of turns(50)) {
      await client.send(requestOf(asked));
      checkContent(await client.reply(), asked);
    }
    await checkGoesOn(client);
  });

  test("fifty streams that are asked for in advance, with others between them", async () => {
    const client = await PacedClient.open(address);
    const all = turns(50);
    await client.send(all.map((asked) => requestOf(asked) + HELLO).join(""));
    for (const asked of all) {
      const reply = await client.reply();
      expect([reply.isOver, reply.body.equals(contentOf(asked))]).toEqual([true, true]);
      expect((await client.reply()).body.toString()).toBe("hello");
    }
    await checkGoesOn(client);
  });

  test("the next request comes in the middle of a stream", async () => {
    const client = await PacedClient.open(address);
    const slow = { sizes: "100000*6", seed: 3, pause: 0.05 };
    for (let turn = 0; turn < 3; turn++) {
      await client.send(requestOf(slow));
      await Bun.sleep(120);
      await client.send(HELLO + requestOf(LARGE));
      expect((await client.reply()).body.equals(contentOf(slow))).toBe(true);
      expect((await client.reply()).body.toString()).toBe("hello");
      checkContent(await client.reply(), LARGE);
    }
    client.close();
  });
});

test("blocks of a request body that is read as they go", async () => {
  const client = await PacedClient.open(address);
  const body = contentOf({ sizes: `${5 * MIB}`, seed: 17 });
  for (let turn = 0; turn < 3; turn++) {
    await client.send(
      `POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${body.length}\r\n\r\n${body.latin1Slice()}`,
    );
    const reply = await client.reply();
    expect([reply.isOver, reply.body.equals(body)]).toEqual([true, true]);
  }
  await checkGoesOn(client);
});
