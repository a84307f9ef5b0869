/** What the kernel is given for a client that takes nothing, and for one that takes all there is. When a client is fast: pace.test.ts. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { Loop } from "../../src/net/loop.ts";
import { SLOW_UNSENT_BYTES, SLOW_WRITE_BYTES } from "../../src/net/pace.ts";
import { PolledListener } from "../../src/net/polled-listen.ts";
import type { Wire } from "../../src/net/wire.ts";
import { libc, ptr } from "../../src/os/libc.ts";
import { listenTcp } from "../../src/os/sockets.ts";
import { until } from "../support/wait.ts";
import { Ear } from "./ways.ts";

const SIZE = 10_000_000;
const WAIT_MS = 20_000;
/** More than the kernel takes for a client that does not read. */
const MUCH = 6 * SIZE;
const USUAL_UNSENT_BYTES = 64 * 1024;
const content = Buffer.alloc(SIZE);
for (let i = 0; i < SIZE; i++) content[i] = (i * 7 + (i >> 9)) & 255;

const loop = new Loop();
let listener: PolledListener;
let port = 0;
const accepted: Sender[] = [];

/** Offers the kernel all that is left whenever it has room; what it does not take is offered again. */
class Sender extends Ear {
  total = SIZE;
  sent = 0;
  /** Of each write that was not taken whole. */
  readonly bounds = new Set<number>();

  go(): void {
    while (this.sent < this.total) {
      const at = this.sent % SIZE;
      const asked = Math.min(512 * 1024, SIZE - at);
      const taken = this.wire?.write(content, at, asked) ?? 0;
      this.sent += taken;
      this.bounds.add(unsentMax(this.wire));
      if (taken < asked) return;
    }
  }

  override drained(): void {
    this.go();
  }
}

/** TCP_NOTSENT_LOWAT */
function unsentMax(wire: Wire | undefined): number {
  const [value, length] = [new Int32Array(1), Int32Array.of(4)];
  const { fd } = wire as unknown as { fd: number };
  expect(libc.getsockopt(fd, 6, 25, ptr(value), ptr(length))).toBe(0);
  return value[0] as number; // it has one
}

/** Bytes that the kernel holds for the client (proc(5), /proc/net/tcp). */
function held(wire: Wire | undefined): number {
  const hex = (number: number) => number.toString(16).toUpperCase().padStart(4, "0");
  const ends = `:${hex(wire?.localPort ?? 0)} 0100007F:${hex(wire?.remotePort ?? 0)}`;
  const row = readFileSync("/proc/net/tcp", "latin1")
    .split("\n")
    .find((each) => each.includes(ends));
  return Number.parseInt(/ 0\d ([0-9A-F]{8}):/.exec(row ?? "")?.[1] ?? "", 16);
}

async function connected(): Promise<{ sender: Sender; client: Bun.Socket; got: Buffer[] }> {
  const got: Buffer[] = [];
  const client = await Bun.connect({
    hostname: "127.0.0.1",
    port,
    socket: { data: (_, bytes) => void got.push(Buffer.from(bytes)) },
  });
  await until("a connection", WAIT_MS, () => accepted.length > 0);
  return { sender: accepted.shift() as Sender, client, got }; // it is there
}

const lengthOf = (got: readonly Buffer[]) => got.reduce((sum, { length }) => sum + length, 0);

beforeAll(() => {
  const { fds, port: bound } = listenTcp({ host: "127.0.0.1", port: 0 }, 1);
  port = bound;
  const accept = (wire: Wire) => {
    const sender = new Sender();
    sender.wire = wire;
    accepted.push(sender);
    return sender;
  };
  listener = new PolledListener(loop, { fd: fds[0] as number, unix: false, accept }); // one was asked for
});
afterAll(() => {
  listener.stop();
  loop.stop();
});

describe("a client", () => {
  test("that takes nothing has little in the kernel, and all of it when it reads on", async () => {
    const pairs = [];
    for (let i = 0; i < 9; i++) pairs.push(await connected());
    for (const { client, sender } of pairs) {
      client.pause();
      sender.go();
    }
    await Bun.sleep(300);
    const waiting = pairs.map(({ sender }) => held(sender.wire)).toSorted((a, b) => a - b);
    expect(waiting[0]).toBeGreaterThan(0);
    // In the middle, since what its client dropped counts for one now and then.
    expect(waiting[4]).toBeLessThanOrEqual(SLOW_UNSENT_BYTES + SLOW_WRITE_BYTES);
    for (const { client, sender, got } of pairs) {
      expect(unsentMax(sender.wire)).toBe(SLOW_UNSENT_BYTES);
      client.resume();
      await until("all of it", WAIT_MS, () => lengthOf(got) === SIZE);
      expect(Buffer.concat(got).equals(content)).toBe(true);
      client.terminate();
    }
  });

  test("that takes all there is has more, and less again when it is waited for", async () => {
    const { sender, client, got } = await connected();
    sender.go();
    await until("all of it", WAIT_MS, () => lengthOf(got) === SIZE);
    expect(Buffer.concat(got).equals(content)).toBe(true);
    expect(sender.bounds).toContain(USUAL_UNSENT_BYTES);
    // Not when nothing is sent to it.
    await Bun.sleep(300);
    expect(unsentMax(sender.wire)).toBe(USUAL_UNSENT_BYTES);
    sender.bounds.clear();
    sender.total = SIZE + MUCH;
    client.pause();
    sender.go();
    await Bun.sleep(1_500);
    expect([...sender.bounds]).toEqual([USUAL_UNSENT_BYTES]);
    client.resume();
    await until("all of it once more", WAIT_MS, () => lengthOf(got) === SIZE + MUCH);
    expect(sender.bounds).toContain(SLOW_UNSENT_BYTES);
    client.terminate();
  });
});

test("what a client on this machine has not read is counted, wherever it is", async () => {
  const { sender, client, got } = await connected();
  const { wire } = sender;
  client.pause();
  sender.total = MUCH;
  sender.go();
  const before = lengthOf(got);
  expect(sender.sent).toBeLessThan(MUCH);
  await until("all that is on its way", WAIT_MS, () => wire?.unreadByPeer === sender.sent - lengthOf(got));
  expect(lengthOf(got)).toBe(before);
  client.resume();
  await until("all of it", WAIT_MS, () => lengthOf(got) === MUCH);
  await until("the end of the kernel's part", WAIT_MS, () => wire?.unreadByPeer === 0);
  client.terminate();
  await until("nobody to read it", WAIT_MS, () => wire?.unreadByPeer === undefined);
  wire?.close();
});
