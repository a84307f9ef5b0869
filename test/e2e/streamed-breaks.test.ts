/** What goes wrong in the middle of an application's large blocks: its client sees at once that they are not whole, others see nothing. */
import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { E2E_TIMEOUT_MS } from "../support/binary.ts";
import { type Pace, PacedClient } from "../support/paced-client.ts";
import { lives } from "../support/processes.ts";
import type { ReplyReader } from "../support/reply-reader.ts";
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

/** In which a client that reads sees the end or the break. It takes milliseconds; whatever else the machine does. */
const SOON_MS = 5000;
/** Seconds for which what is not waited for would go on. */
const LONG = 30;

let server: Streams["server"];
let address: Streams["address"];

async function start(...how: Parameters<typeof startStreams>): Promise<void> {
  ({ server, address } = await startStreams(...how));
}
afterEach(() => server.dispose());

async function begin(asked: Asked, more = ""): Promise<PacedClient> {
  const client = await PacedClient.open(address);
  await client.send(requestOf(asked, { more }));
  return client;
}

/** The reply has ended before its end, as far as it came it is right, and so has the connection. */
function checkBroken(reply: ReplyReader, client: PacedClient, asked: Asked): void {
  expect([reply.isOver, client.end === "open"]).toEqual([false, false]);
  expect(contentOf(asked).subarray(0, reply.body.length).equals(reply.body)).toBe(true);
  client.close();
}

async function checkBreaksSoon(asked: Asked): Promise<ReplyReader> {
  const client = await begin(asked);
  const since = performance.now();
  const reply = await client.reply();
  expect(performance.now() - since).toBeLessThan(SOON_MS);
  checkBroken(reply, client, asked);
  return reply;
}

const FORMS: readonly Asked[] = [
  { sizes: "65536*8" },
  { sizes: "65536*8", length: "exact" },
  { sizes: `100,${MIB},7,262144*4`, way: "write" },
  { sizes: `${MIB}*5`, way: "both", length: "exact" },
];

async function workerPid(): Promise<number> {
  return (await notesOf(address, "")).pid;
}

const workers = () => server.children().filter(({ command }) => /\bworker\b/.test(command)).length;

describe("the application ends its reply in the middle", () => {
  test("by an exception, or sys.exit: the log names it, and the worker goes on", async () => {
    await start(1, 2);
    const pid = await workerPid();
    for (const [number, form] of FORMS.entries())
      for (const act of ["raise", "sys.exit"]) {
        const name = `${act}-${number}`;
        const asked = { ...form, name, do: act, at: 3 };
        const { body } = await checkBreaksSoon(asked);
        expect(body.length).toBeGreaterThan(0);
        await server.logged(new RegExp(`name=${name}\\S* the reply was cut`));
      }
    await server.logged("RuntimeError: in the middle of raise-0");
    await server.logged("SystemExit: 3");
    expect(await workerPid()).toBe(pid);
  });

  test.each(["os._exit", "kill"])("by %s of its process: others are unharmed, and it is replaced", async (act) => {
    await start(2, 2);
    for (const form of FORMS) {
      const other: Asked = { sizes: "65536*60", seed: 77, pause: 0.02 };
      // Two threads in each of two processes: one of them at most is there, too, and is broken off or has not begun.
      const others = await Promise.all([begin(other), begin(other)]);
      await checkBreaksSoon({ ...form, do: act, at: 3 });
      const ends = await Promise.all(
        others.map(async (client) => {
          const reply = await client.reply();
          if (reply.isOver && reply.status === 502) return false;
          expect(contentOf(other).subarray(0, reply.body.length).equals(reply.body)).toBe(true);
          if (!reply.isOver) checkBroken(reply, client, other);
          client.close();
          return reply.isOver;
        }),
      );
      expect(ends).toContain(true);
      await until("both workers", 10_000, () => workers() === 2);
    }
    const asked: Asked = { sizes: `65536*20,${MIB}`, seed: 5 };
    const client = await begin(asked);
    expect((await client.reply()).body.equals(contentOf(asked))).toBe(true);
    client.close();
  });
});

/** 64 KiB in 20 ms, and then all. */
const SLOWLY: Pace = (taken) => [taken < 512 * KIB ? 20 : 0, 64 * KIB];

describe("a worker is killed while the client is slow", () => {
  test.each([{}, { length: "exact" as const }])("it had given all: the reply is whole (%j)", async (more) => {
    await start(1, 2);
    for (const sizes of ["65536*40", `${MIB}*4`, `7,${5 * MIB}`]) {
      const asked: Asked = { sizes, name: "all", ...more };
      const client = await PacedClient.open(address, 16 * KIB);
      await client.send(requestOf(asked));
      const pid = await until("end of the blocks", 10_000, async () => {
        const { pid, notes } = await notesOf(address, "all");
        return notes.length === 3 ? pid : undefined;
      });
      process.kill(pid, "SIGKILL");
      const reply = await client.reply(SLOWLY);
      expect([reply.isOver, reply.body.equals(contentOf(asked))]).toEqual([true, true]);
      client.close();
      await until("another worker", 10_000, async () => (await get(address, "/hello")).status === 200);
    }
  });

  test("it had not: what there is of the reply is right, and it is broken", async () => {
    await start(1, 2);
    for (const form of FORMS) {
      const asked = { ...form, do: "kill", at: 3 };
      const client = await PacedClient.open(address, 16 * KIB);
      await client.send(requestOf(asked));
      checkBroken(await client.reply(SLOWLY), client, asked);
      await until("another worker", 10_000, async () => (await get(address, "/hello")).status === 200);
    }
  });
});

/** Of the process that the request with this name has begun. */
function childOf(name: string): Promise<number> {
  return until(`child of ${name}`, 10_000, () => {
    const found = new RegExp(`child (\\d+) of ${name}\\b`).exec(server.log);
    return found === null ? undefined : Number(found[1]);
  });
}

describe("a process that the application begins in the middle, and that holds all it has open", () => {
  test.each([
    ["fork", {}, true],
    ["fork", { length: "exact" as const }, true],
    ["fork in C", {}, true],
    ["fork in C", { length: "exact" as const }, true],
    ["spawn", {}, true],
    ["spawn", { length: "exact" as const }, true],
    ["fork and raise", {}, false],
    ["fork and raise", { length: "exact" as const }, false],
  ])("does not hold the end of the connection: %s %j", async (act, more, isWhole) => {
    await start(1, 2);
    const children: number[] = [];
    try {
      for (const [number, sizes] of ["65536*8", `9,${MIB}*4`, `5,${3 * MIB}`].entries()) {
        const name = `child${number}`;
        const asked: Asked = { sizes, name, do: act, at: 1, for: LONG, ...more };
        const client = await begin(asked, "Connection: close\r\n");
        const reply = await client.reply();
        if (isWhole) expect([reply.isOver, reply.body.equals(contentOf(asked))]).toEqual([true, true]);
        while (client.end === "open" && (await client.exactly(1)).length === 0) continue;
        expect(client.end === "closed" || !isWhole).toBe(true);
        children.push(await childOf(name));
        expect(children.map(lives)).toEqual(children.map(() => true));
        if (!isWhole) checkBroken(reply, client, asked);
        client.close();
      }
    } finally {
      for (const pid of children) process.kill(pid, "SIGKILL");
    }
  });

  test("holds neither its next requests nor its end", async () => {
    await start(1, 2);
    const asked: Asked = { sizes: "65536*8,5", name: "kept", do: "fork in C", at: 4, for: LONG };
    const client = await begin(asked);
    expect((await client.reply()).body.equals(contentOf(asked))).toBe(true);
    const child = await childOf("kept");
    const next: Asked = { sizes: `65536*4,${MIB}`, seed: 9 };
    for (const more of ["", "", "", "Connection: close\r\n"]) {
      await client.send(requestOf(next, { more }));
      expect((await client.reply()).body.equals(contentOf(next))).toBe(true);
    }
    expect([(await client.exactly(1)).length, client.end, lives(child)]).toEqual([0, "closed", true]);
    process.kill(child, "SIGKILL");
    client.close();
  });

  test.each(["fork and go on", "fork and leave"])("says nothing in the name of its parent: %s", async (act) => {
    await start(1, 2);
    for (const form of FORMS) {
      const asked = { ...form, do: act, at: 2 };
      const client = await begin(asked);
      for (let turn = 0; turn < 3; turn++) {
        const reply = await client.reply();
        expect([reply.isOver, reply.body.equals(contentOf(asked)), reply.surplus.length]).toEqual([true, true, 0]);
        if (turn < 2) await client.send(requestOf(asked));
      }
      client.close();
    }
  });
});

test("request_timeout between two blocks: the client sees the break", async () => {
  await start(1, 2, 'request_timeout = "1s"');
  for (const form of FORMS.slice(0, 2)) {
    const { body } = await checkBreaksSoon({ ...form, do: "sleep", at: 4, for: LONG });
    expect(body.length).toBe(4 * 64 * KIB);
  }
  await until("an answer", 15_000, async () => (await get(address, "/hello")).status === 200);
});

describe("the server in the middle of a reply", () => {
  /** Of two seconds, and one that is there at once for a client that takes it slowly. */
  const LASTING: Asked = { sizes: "65536*40", pause: 0.05, seed: 21 };
  const LARGE: Asked = { sizes: `65536*20,${3 * MIB}`, seed: 22, length: "exact" };

  async function during(act: () => Promise<void>): Promise<void> {
    const lasting = await begin(LASTING);
    const slow = await PacedClient.open(address, 8 * KIB);
    await slow.send(requestOf(LARGE));
    const replies = Promise.all([lasting.reply(), slow.reply((taken) => [taken < 128 * KIB ? 50 : 0, 4 * KIB])]);
    await Bun.sleep(400);
    await act();
    const [first, second] = await replies;
    expect([first.isOver, first.body.equals(contentOf(LASTING))]).toEqual([true, true]);
    expect([second.isOver, second.body.length]).toEqual([true, sizeOf(LARGE)]);
    expect(second.body.equals(contentOf(LARGE))).toBe(true);
    lasting.close();
    slow.close();
  }

  test("reloads: it is complete, and the next one comes from another worker", async () => {
    await start(1, 2);
    const pid = await workerPid();
    await during(async () => expect((await server.command("reload")).code).toBe(0));
    expect(await workerPid()).not.toBe(pid);
  });

  test("is told to stop: it is complete, and the server ends", async () => {
    await start(1, 2);
    await during(() => Promise.resolve(server.signal("SIGTERM")));
    expect(await server.ended()).toBe(0);
  });
});

test("write() of a request that is over is heard by nobody", async () => {
  await start(1, 1);
  const client = await begin({ sizes: "65536*6", name: "late", do: "write late", at: 1, for: 1.5 });
  expect((await client.reply()).isOver).toBe(true);
  for (let turn = 0; turn < 100; turn++) {
    const asked: Asked = {
      sizes: "1,65536*4,100000",
      seed: turn,
      pause: 0.003,
      ...(turn % 2 === 0 ? { length: "exact" } : {}),
    };
    await client.send(requestOf(asked));
    const reply = await client.reply();
    expect([reply.isOver, reply.body.equals(contentOf(asked)), reply.surplus.length]).toEqual([true, true, 0]);
  }
  await until("its last call", 10_000, async () => (await notesOf(address, "late")).notes.includes("late over"));
  expect(client.take(1).length).toBe(0);
  expect(client.end).toBe("open");
  client.close();
});

test("signals to the thread that writes lose nothing", async () => {
  await start(1, 2);
  for (const form of FORMS) {
    const asked: Asked = { ...form, name: "interrupted", do: "signals", at: 1, for: 5 };
    const client = await PacedClient.open(address, 16 * KIB);
    await client.send(requestOf(asked));
    const reply = await client.reply((taken) => [taken % 8 === 0 ? 1 : 0, 64 * KIB]);
    expect([reply.isOver, reply.body.equals(contentOf(asked))]).toEqual([true, true]);
    client.close();
  }
});

test.each(["", "Connection: close\r\n"])("a close() that takes long holds nobody (%j)", async (more) => {
  await start(1, 2);
  const asked: Asked = { sizes: `65536*20,${MIB}`, name: "closing", closing: 3 };
  const client = await begin(asked, more);
  expect((await client.reply()).body.equals(contentOf(asked))).toBe(true);
  if (more === "") {
    await client.send(HELLO);
    expect((await client.reply()).body.toString()).toBe("hello");
  } else expect([(await client.exactly(1)).length, client.end]).toEqual([0, "closed"]);
  expect((await notesOf(address, "closing")).notes).not.toContain("close() over");
  client.close();
});
