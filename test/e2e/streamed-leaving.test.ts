/** Clients that go away within an application's large blocks: it is told, its thread is free, and nothing of the connection is left. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { readdirSync } from "node:fs";
import { E2E_TIMEOUT_MS } from "../support/binary.ts";
import { type Pace, PacedClient } from "../support/paced-client.ts";
import {
  type Asked,
  contentOf,
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

let server: Streams["server"];
let address: Streams["address"];

/** As many threads as the cases here have clients at a time, and one worker that can be asked what became of them. */
beforeAll(async () => {
  ({ server, address } = await startStreams(1, 8));
});
afterAll(() => server.dispose());

const LEAVINGS = {
  FIN: (client: PacedClient) => {
    client.half();
    client.close();
  },
  RST: (client: PacedClient) => client.reset(),
} as const;

/** Bytes of the reply, its head among them, after which a client leaves. */
const OFFSETS = [0, 1, 200, 8 * KIB, 65_700, 300_001, MIB];

/** What a generator that sleeps before each of its blocks, ten seconds in all, has noted when it is closed. */
async function closedAfter(name: string): Promise<number> {
  const closed = await until(`the end of ${name}`, 8000, async () => {
    const { notes } = await notesOf(address, name);
    return notes.find((each) => each.startsWith("closed after"));
  });
  return Number(closed.split(" ").at(-1));
}

describe.each(Object.entries(LEAVINGS))("by %s", (kind, leave) => {
  test.each([
    ["", {}],
    [" with a length", { length: "exact" as const }],
    [" of 256 KiB", { sizes: "262144*32", pause: 0.3 }],
  ])("the generator is closed, however far it was:%s", async (form, more) => {
    const one = async (offset: number) => {
      const name = `${kind}${form} ${offset}`.replaceAll(" ", "-");
      const asked: Asked = { sizes: "65536*100", pause: 0.05, name, ...more };
      const client = await PacedClient.open(address);
      await client.send(requestOf(asked));
      expect((await client.exactly(offset)).length).toBe(offset);
      leave(client);
      expect(await closedAfter(name)).toBeLessThan(sizeOf(asked));
    };
    await Promise.all(OFFSETS.slice(1).map(one));
  });

  test("write() raises nothing, and the reply ends in peace", async () => {
    const name = `${kind}-written`;
    const client = await PacedClient.open(address);
    await client.send(requestOf({ sizes: "65536*60", pause: 0.02, name, way: "write" }));
    await client.exactly(200 * KIB);
    leave(client);
    expect(await closedAfter(name)).toBe(60 * 64 * KIB);
    expect((await notesOf(address, name)).notes).toContain("whole");
  });
});

test("who has nothing more to say gets everything", async () => {
  const LATE: Pace = (taken) => [taken > 0 && taken % 7 === 0 ? 2 : 0, 100_003];
  const one = async (half: number, more: Partial<Asked>) => {
    const asked: Asked = { sizes: "65536*40,5", seed: half, pause: 0.005, ...more };
    const client = await PacedClient.open(address);
    await client.send(requestOf(asked));
    // One that says so in the middle has read nothing, so that some of it still waits.
    if (half > 10) await Bun.sleep(100);
    client.half();
    const { isOver, body } = await client.reply(LATE);
    expect([isOver, body.equals(contentOf(asked))]).toEqual([true, true]);
    client.close();
  };
  const forms = [{}, { length: "exact" as const }, { way: "write" as const }, { sizes: `3,${4 * MIB},5` }];
  for (const half of [0, 10, 300 * KIB]) await Promise.all(forms.map((more) => one(half, more)));
});

/** Of the server and its workers, each. */
function descriptors(): number[] {
  const pids = [server.pid, ...server.children().map(({ pid }) => pid)];
  return pids.map((pid) => readdirSync(`/proc/${pid}/fd`).length);
}

test("a hundred of them leave no descriptor behind, neither in the server nor in Python", async () => {
  await get(address, "/hello");
  const before = descriptors();
  expect(before.length).toBeGreaterThan(1);
  const one = async (number: number) => {
    const more = number % 3 === 0 ? { length: "exact" as const } : {};
    const client = await PacedClient.open(address, number % 5 === 0 ? 8 * KIB : undefined);
    const sizes = number % 2 === 0 ? "65536*40" : `1,${5 * MIB}`;
    await client.send(requestOf({ sizes, seed: number, ...more }));
    await client.exactly(OFFSETS[number % OFFSETS.length] as number);
    if (number % 4 === 0) LEAVINGS.FIN(client);
    else LEAVINGS.RST(client);
  };
  for (let round = 0; round < 10; round++) await Promise.all(Array.from({ length: 10 }, (_, i) => one(round * 10 + i)));
  // The connection of that question may be counted still; a hundred would be seen.
  await until(`descriptors as before, ${before.join()}`, 10_000, async () => {
    await get(address, "/hello");
    const now = descriptors();
    return now.length === before.length && now.every((count, i) => count <= (before[i] as number) + 1);
  });
});

test("none of them was an error of the application", () => {
  expect(server.log).not.toContain("Traceback");
  expect(server.log).not.toMatch(/\b(?:error|crit|bug)\b/);
});
