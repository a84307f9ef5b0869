/** Clients that read an application's large blocks each in its own way: all get all of it, and hold no Python thread meanwhile. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { E2E_TIMEOUT_MS } from "../support/binary.ts";
import { AT_ONCE, type Pace, PacedClient } from "../support/paced-client.ts";
import {
  type Asked,
  contentOf,
  HELLO,
  KIB,
  MIB,
  notesOf,
  requestOf,
  sizeOf,
  startStreams,
  type Streams,
} from "../support/streams.ts";
import { until } from "../support/wait.ts";
import { get } from "../support/wire.ts";

setDefaultTimeout(E2E_TIMEOUT_MS);

const ALL = 256 * KIB;

/** Rests once when `from` bytes have come. */
function restingAt(from: number, restMs: number): Pace {
  let rested = false;
  return (taken) => {
    if (rested || taken < from) return [0, ALL];
    rested = true;
    return [restMs, ALL];
  };
}

/** Rests for 100 ms after each 256 KiB. */
function stopping(): Pace {
  let next = ALL;
  return (taken) => {
    if (taken < next) return [0, next - taken];
    next += ALL;
    return [100, ALL];
  };
}

interface Way {
  readonly pace: () => Pace;
  readonly receiveBuffer?: number;
}

const PACES: Readonly<Record<string, Way>> = {
  "at once": { pace: () => AT_ONCE },
  "byte by byte, then all": { pace: () => (taken) => [taken % 16 === 0 && taken < 600 ? 1 : 0, taken < 600 ? 1 : ALL] },
  "nothing for 3 s, then all": { pace: () => restingAt(0, 3000) },
  "some, nothing for 2 s, then all": { pace: () => restingAt(600 * KIB, 2000) },
  "with a stop after each 256 KiB": { pace: stopping },
  "little by little": { pace: () => (taken) => [taken % (8 * 7919) < 7919 ? 1 : 0, 7919] },
  "with a tiny buffer": { pace: () => AT_ONCE, receiveBuffer: 4 * KIB },
  "with a tiny buffer, late": { pace: () => restingAt(0, 1000), receiveBuffer: 2 * KIB },
};

const REPLIES: readonly Asked[] = [
  { sizes: "65536*48", seed: 11 },
  { sizes: "65536*48", seed: 12, length: "exact" },
  { sizes: `1,${MIB},7,100000*3,${2 * MIB},0,16384*9,5`, seed: 13, way: "write" },
  { sizes: `3,${3 * MIB},8193*20`, seed: 14, way: "both", length: "exact" },
];

let server: Streams["server"];
let address: Streams["address"];

/** One worker of two threads; each front gives to both. */
beforeAll(async () => {
  const log = `access_log_format = "$uri?$args $status $body_bytes_sent $bytes_sent."\n`;
  ({ server, address } = await startStreams(1, 2, "", log));
});
afterAll(() => server.dispose());

/** It gets the reply in this pace, and a small one behind it. */
async function checkGets(asked: Asked, { pace, receiveBuffer }: Way): Promise<void> {
  const client = await PacedClient.open(address, receiveBuffer);
  await client.send(requestOf(asked));
  const { isOver, status, body, surplus } = await client.reply(pace());
  expect([isOver, status, body.length, surplus.length]).toEqual([true, 200, sizeOf(asked), 0]);
  expect(body.equals(contentOf(asked))).toBe(true);
  await client.send(HELLO);
  expect((await client.reply()).body.toString()).toBe("hello");
  client.close();
}

// All at once, since most of their time they rest.
test.each(Object.entries(PACES))("who reads %s gets all of it", async (_, way) => {
  await Promise.all(REPLIES.map((asked) => checkGets(asked, way)));
});

test("sixty-four clients at once, of all kinds", async () => {
  const ways = Object.values(PACES);
  const one = (number: number) => {
    const asked = { ...REPLIES[(number >> 3) % REPLIES.length], seed: number * 4099 } as Asked;
    return checkGets(asked, ways[number % ways.length] as Way);
  };
  await Promise.all(Array.from({ length: 64 }, (_, number) => one(number)));
});

describe("while clients read nothing", () => {
  test.each([
    ["without a length", {}],
    ["with a length", { length: "exact" as const }],
    ["by write", { way: "write" as const }],
    ["in one block", { sizes: `1,${3 * MIB}` }],
  ])("both Python threads are free: %s", async (_, more) => {
    const asked: Asked = { sizes: "65536*48", ...more };
    const stalled = await Promise.all(Array.from({ length: 4 }, () => PacedClient.open(address, 8 * KIB)));
    for (const [number, client] of stalled.entries()) await client.send(requestOf({ ...asked, seed: number }));
    // Each of them has its first bytes, so all four have been begun, by two threads.
    for (const client of stalled) expect((await client.exactly(9)).toString()).toBe("HTTP/1.1 ");
    for (let turn = 0; turn < 5; turn++) {
      const since = performance.now();
      expect((await get(address, "/hello")).body.toString()).toBe("hello");
      expect(performance.now() - since).toBeLessThan(1000);
    }
    for (const client of stalled) client.close();
  });

  test("the application has given all of its blocks and is closed", async () => {
    const asked: Asked = { sizes: "65536*48", name: "to nobody" };
    const client = await PacedClient.open(address, 8 * KIB);
    await client.send(requestOf(asked));
    await client.exactly(9);
    const notes = await until("its end", 10_000, async () => {
      const noted = (await notesOf(address, "to nobody")).notes;
      return noted.length === 3 ? noted : undefined;
    });
    expect(notes).toEqual(["begun", "whole", `closed after ${sizeOf(asked)}`]);
    client.close();
  });
});

/** Status, content and all bytes of the request with this name, from the access log. */
function logged(name: string): Promise<number[]> {
  const line = new RegExp(`name=${name}\\S* (\\d+) (\\d+) (\\d+)\\.`);
  return until(`${name} in the access log`, 10_000, () => line.exec(server.output)?.slice(1).map(Number));
}

describe("the access log counts", () => {
  const cases = [
    ["free", {}, "at once"],
    ["announced", { length: "exact" as const }, "at once"],
    ["written", { way: "write" as const }, "at once"],
    ["slow-free", {}, "with a stop after each 256 KiB"],
    ["slow-announced", { length: "exact" as const }, "with a stop after each 256 KiB"],
    ["late-free", {}, "nothing for 3 s, then all"],
    ["tiny-announced", { length: "exact" as const }, "with a tiny buffer, late"],
  ] as const;

  test("what each client got", async () => {
    const one = async ([name, more, pace]: (typeof cases)[number]) => {
      const asked: Asked = { sizes: `65536*16,${2 * MIB},100000,3`, name, ...more };
      const way = PACES[pace] as Way;
      const client = await PacedClient.open(address, way.receiveBuffer);
      await client.send(requestOf(asked));
      const { isOver, body, wireBytes } = await client.reply(way.pace());
      expect([isOver, body.equals(contentOf(asked))]).toEqual([true, true]);
      expect(await logged(name)).toEqual([200, sizeOf(asked), wireBytes]);
      client.close();
    };
    await Promise.all(cases.map(one));
  });

  test("not what a client that left has not got", async () => {
    const asked: Asked = { sizes: "65536*100", name: "left", length: "exact" };
    const client = await PacedClient.open(address, 8 * KIB);
    await client.send(requestOf(asked));
    await client.exactly(300 * KIB);
    client.reset();
    const [, content = 0] = await logged("left");
    expect(content).toBeGreaterThanOrEqual(299 * KIB);
    expect(content).toBeLessThan(sizeOf(asked));
  });
});
