/**
 * Files that are replaced, truncated, removed, locked and swapped for links while they are asked for without pause: every
 * reply that looks complete is one state of the file, whole, and every other one looks broken. Each state consists of one
 * letter, so that a mixture shows.
 */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  closeSync,
  linkSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { E2E_TIMEOUT_MS, startServer, type Server } from "../support/binary.ts";
import { openCopies } from "../support/descriptors.ts";
import { freePort, makeFolder, removeFolder } from "../support/folder.ts";
import { ONE_FRONT, site } from "../support/toml.ts";
import { until } from "../support/wait.ts";
import { type Answer, Client, field } from "../support/wire.ts";

setDefaultTimeout(E2E_TIMEOUT_MS);

const folder = makeFolder("changing-files");
const root = join(folder, "root");
let server: Server | undefined;
let port = 0;

beforeAll(async () => {
  port = await freePort();
  Bun.spawnSync(["mkdir", root]);
  writeFileSync(join(folder, "secret"), "SECRET");
  const settings = `${ONE_FRONT}\ncache_revalidate = "50ms"\n`;
  server = await startServer(settings + site(`127.0.0.1:${port}`, '"/" = { files = "root" }'), { folder });
});

afterAll(async () => {
  await server?.dispose();
  removeFolder(folder);
});

type Outcome = "whole" | "broken" | `${number}`;

/** Is this mixture what the file itself was, while a write that had begun before the reply's head was made went on? */
type Excuse = (answer: Answer) => boolean;

/** One request on a connection of its own: what its client could make of it. Throws for what should never be seen. */
async function ask(name: string, excuse: Excuse = () => false): Promise<Outcome> {
  const client = await Client.open({ host: "127.0.0.1", port });
  try {
    client.send(`GET /${name} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    const answer = await client.answer().catch(() => undefined);
    if (answer === undefined) return "broken";
    if (answer.status !== 200) return `${answer.status}`;
    const { body } = answer;
    const letter = body.length === 0 ? 0 : (body[0] ?? 0);
    const mixed = body.findIndex((byte) => byte !== letter);
    if (mixed === -1 || excuse(answer)) return "whole";
    throw new Error(`a mixture: ${body.length} bytes of ${letter}, but ${body[mixed]} at ${mixed}`);
  } finally {
    client.close();
  }
}

/** Asks on several connections at once while `change` is done again and again, and until all that is `wanted` was seen. */
async function underLoad(
  name: string,
  turns: number,
  change: (turn: number) => void,
  { excuse, wanted = [] }: { readonly excuse?: Excuse; readonly wanted?: readonly Outcome[] } = {},
): Promise<Map<Outcome, number>> {
  const outcomes = new Map<Outcome, number>();
  let running = true;
  const lane = async () => {
    while (running) {
      const outcome = await ask(name, excuse);
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    }
  };
  const lanes = Array.from({ length: 4 }, lane);
  try {
    const isSeen = () => wanted.every((outcome) => outcomes.has(outcome));
    for (let turn = 0; turn < turns || (turn < TURNS_MAX && !isSeen()); turn++) {
      change(turn);
      await Promise.race([Bun.sleep(10), ...lanes]);
    }
  } finally {
    running = false;
    await Promise.all(lanes);
  }
  return outcomes;
}

/** For a server that gets no processor for a while. */
const TURNS_MAX = 1_000;
const SIZES = { small: 10_000, large: 3_000_000 } as const;
const state = (turn: number, size: number) => Buffer.alloc(size + (turn % 7), 0x61 + (turn % 26));

/** From nothing on: Bun's writeFileSync gives a file its new length before its new bytes, so that for a moment it really is a mixture. */
function writeAnew(path: string, bytes: Buffer): void {
  const fd = openSync(path, "w");
  writeSync(fd, bytes);
  closeSync(fd);
}

/** As an ETag says it. */
function modified(path: string): string {
  const { mtimeNs } = statSync(path, { bigint: true });
  return (mtimeNs / BILLION).toString(16) + (mtimeNs % BILLION).toString(16).padStart(8, "0");
}

const BILLION = 1_000_000_000n;

/** `open` was descriptors of the server on the tree before. */
async function leavesNoDescriptor(): Promise<void> {
  const links = () => Bun.spawnSync(["sh", "-c", `ls -l /proc/${server?.pid}/fd`]).stdout.toString();
  await until("end of the server's open files", 10_000, () => !links().includes(`${root}/`));
}

describe.each(["small", "large"] as const)("a %s file that is asked for without pause", (kind) => {
  const size = SIZES[kind];
  const turns = kind === "small" ? 60 : 20;
  const name = `${kind}.bin`;
  const path = join(root, name);

  test("and is replaced is always one or the other, whole", async () => {
    writeFileSync(path, state(0, size));
    const outcomes = await underLoad(name, turns, (turn) => {
      writeFileSync(`${path}.new`, state(turn, size));
      renameSync(`${path}.new`, path);
    });
    expect([...outcomes.keys()]).toEqual(["whole"]);
    await leavesNoDescriptor();
  });

  test("and is overwritten in place is never a mixture that looks complete", async () => {
    writeFileSync(path, state(0, size));
    // As many bytes each time, and none in between: only its times tell. They change when a write begins; who asks while
    // it goes on gets what is there, under the new time, and nothing that the kernel tells could show it.
    const letters = new Map<string, number>();
    const letterOf = (turn: number) => 97 + (turn % 26);
    const overwrite = (turn: number) => {
      writeFileSync(path, Buffer.alloc(size, letterOf(turn)), { flag: "r+" });
      letters.set(modified(path), turn);
    };
    const wasBeingWritten: Excuse = (answer) => {
      const turn = letters.get((field(answer, "etag") ?? "").split(/["-]/)[1] ?? "");
      if (turn === undefined) return false;
      const before = turn === 0 ? 0x61 : letterOf(turn - 1);
      return answer.body.every((byte) => byte === letterOf(turn) || byte === before);
    };
    const outcomes = await underLoad(name, turns, overwrite, { excuse: wasBeingWritten });
    expect([...outcomes.keys()].filter((each) => !["whole", "broken", "503"].includes(each))).toEqual([]);
    expect(await ask(name)).toBe("whole");
    await leavesNoDescriptor();
  });

  test("and is truncated is whole, or looks broken", async () => {
    const outcomes = await underLoad(name, turns, (turn) => {
      if (turn % 2 === 0) writeAnew(path, state(turn, size));
      else truncateSync(path, Math.floor(size / 3));
    });
    expect([...outcomes.keys()].filter((each) => !["whole", "broken", "503"].includes(each))).toEqual([]);
    await leavesNoDescriptor();
  });

  test("and is removed and put back is there or not", async () => {
    const putAndTaken = (turn: number) => {
      if (turn % 2 === 0) writeFileSync(`${path}.new`, state(turn, size));
      if (turn % 2 === 0) renameSync(`${path}.new`, path);
      else rmSync(path);
    };
    const outcomes = await underLoad(name, turns, putAndTaken, { wanted: ["404", "whole"] });
    expect([...outcomes.keys()].toSorted()).toEqual(["404", "whole"]);
    rmSync(path, { force: true });
    await Bun.sleep(100);
    expect(await ask(name)).toBe("404");
    await leavesNoDescriptor();
  });

  test("and is swapped for a link out never shows where that leads", async () => {
    const swapped = (turn: number) => {
      if (turn % 2 === 0) writeFileSync(`${path}.new`, state(turn, size));
      else symlinkSync("../secret", `${path}.new`);
      renameSync(`${path}.new`, path);
    };
    const outcomes = await underLoad(name, turns, swapped, { wanted: ["404", "whole"] });
    // SECRET would be a mixture of letters, and throw.
    expect([...outcomes.keys()].toSorted()).toEqual(["404", "whole"]);
    rmSync(path, { force: true });
    await leavesNoDescriptor();
  });
});

test("a file that may not be read any more is refused when it is looked at again", async () => {
  const path = join(root, "locked");
  writeFileSync(path, "aaaa");
  expect(await ask("locked")).toBe("whole");
  chmodSync(path, 0);
  await Bun.sleep(100);
  // root reads everything
  expect(await ask("locked")).toBe(process.geteuid?.() === 0 ? "whole" : "403");
});

describe("a client that reads slowly", () => {
  const path = join(root, "slow.bin");
  const size = 30_000_000;

  /** Asks, takes the head, waits for `change`, and reads on. */
  async function read(change: () => void): Promise<Buffer | "broken"> {
    writeFileSync(path, Buffer.alloc(size, "a"));
    // A time that can be put back to the nanosecond.
    utimesSync(path, 1000, 1000);
    await Bun.sleep(100);
    const { promise, resolve } = Promise.withResolvers<Buffer | "broken">();
    const chunks: Buffer[] = [];
    let length = 0;
    let changed = false;
    const finish = () => resolve(length < size ? "broken" : Buffer.concat(chunks).subarray(-size));
    await Bun.connect({
      hostname: "127.0.0.1",
      port,
      socket: {
        open: (socket) => void socket.write("GET /slow.bin HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"),
        data: (socket, bytes) => {
          chunks.push(Buffer.from(bytes));
          length += bytes.length;
          if (changed) return;
          changed = true;
          socket.pause();
          setTimeout(() => {
            change();
            socket.resume();
          }, 200);
        },
        close: finish,
        error: finish,
      },
    });
    return promise;
  }

  test.each([
    ["replaced", () => renameTo(path, Buffer.alloc(size, "b")), "whole"],
    ["removed", () => rmSync(path), "whole"],
    ["moved away", () => renameSync(path, join(root, "slow.bin.1")), "whole"],
    ["moved to another directory", () => renameSync(path, join(folder, "slow.bin")), "whole"],
    ["given a second name", () => linkSync(path, join(folder, "slow.second")), "whole"],
    ["given other permissions", () => chmodSync(path, 0o604), "whole"],
    // root may
    ["given to another", () => process.geteuid?.() === 0 && chownSync(path, 1, 1), "whole"],
    [
      "overwritten with its time put back",
      () => {
        writeFileSync(path, Buffer.alloc(size, "b"), { flag: "r+" });
        utimesSync(path, 1000, 1000);
      },
      "broken",
    ],
    ["overwritten", () => writeFileSync(path, Buffer.alloc(size, "b"), { flag: "r+" }), "broken"],
    ["truncated", () => truncateSync(path, 1_000_000), "broken"],
    ["emptied and written anew", () => writeFileSync(path, Buffer.alloc(size, "b")), "broken"],
  ] as const)("of a file that is %s meanwhile: %p %s", async (_, change, outcome) => {
    const content = await read(change);
    if (outcome === "broken") expect(content).toBe("broken");
    else expect(content !== "broken" && content.equals(Buffer.alloc(size, "a"))).toBe(true);
    await leavesNoDescriptor();
  });

  function renameTo(target: string, content: Buffer): void {
    writeFileSync(`${target}.new`, content);
    renameSync(`${target}.new`, target);
  }
});

describe.each(["replaced", "overwritten", "truncated", "removed"] as const)("a hot file that is %s", (how) => {
  const size = 4_000_000;
  const name = `hot-${how}.bin`;
  const path = join(root, name);
  let patient: Server;
  let address: { host: string; port: number };
  const copies = () => openCopies(patient.pid);

  beforeAll(async () => {
    address = { host: "127.0.0.1", port: await freePort() };
    const settings = `${ONE_FRONT}\ncache_revalidate = "3s"\n`;
    const routes = site(`127.0.0.1:${address.port}`, `"/" = { files = "${root}" }`);
    patient = await startServer(settings + routes);
  });

  afterAll(() => patient.dispose());

  async function begun(fields = ""): Promise<Client> {
    const client = await Client.open(address);
    client.send(`GET /${name} HTTP/1.1\r\nHost: localhost\r\n${fields}\r\n`);
    return client;
  }

  async function answered(fields = ""): Promise<Answer> {
    const client = await begun(fields);
    const answer = await client.answer();
    client.close();
    return answer;
  }

  function change(): void {
    if (how === "overwritten") writeFileSync(path, Buffer.alloc(size, "b"), { flag: "r+" });
    else if (how === "truncated") truncateSync(path, 1_000);
    else if (how === "removed") rmSync(path);
    else {
      writeFileSync(`${path}.new`, Buffer.alloc(size, "b"));
      renameSync(`${path}.new`, path);
    }
  }

  const isChanged = ({ status, body }: Answer) =>
    ({
      replaced: body.equals(Buffer.alloc(size, "b")),
      overwritten: body.equals(Buffer.alloc(size, "b")),
      truncated: body.equals(Buffer.alloc(1_000, "a")),
      removed: status === 404,
    })[how];

  test("reaches whole, as it was, who has begun to take it; who asks next gets what is there", async () => {
    writeFileSync(path, Buffer.alloc(size, "a"));
    // What was written lately is not sent out of a copy in memory (files/copies.ts).
    await Bun.sleep(2_200);
    await answered();
    expect((await answered()).body.equals(Buffer.alloc(size, "a"))).toBe(true);
    await until("a copy", 10_000, () => copies() === 1);
    const part = await answered("Range: bytes=1000000-2999999\r\n");
    expect([part.status, part.body.equals(Buffer.alloc(2_000_000, "a"))]).toEqual([206, true]);
    const slow = await begun();
    await slow.through("\r\n\r\n");
    slow.pause();
    await Bun.sleep(50);
    change();
    await until("what is there now", 10_000, async () => isChanged(await answered()));
    slow.resume();
    await until("all of it", 10_000, () => slow.waiting.length >= size || slow.end !== "open");
    expect(slow.waiting.equals(Buffer.alloc(size, "a"))).toBe(true);
    slow.close();
    await until("end of the copy", 20_000, () => copies() === 0);
  });
});
