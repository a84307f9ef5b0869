/** A wire whose descriptor another process has for a while, here a duplicate of it. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync, statSync, writeSync } from "node:fs";
import { connect as connectTo, type Socket } from "node:net";
import { Loop } from "../../src/net/loop.ts";
import { Outbox } from "../../src/net/outbox.ts";
import { PolledListener } from "../../src/net/polled-listen.ts";
import { PolledWire } from "../../src/net/polled-wire.ts";
import type { Wire } from "../../src/net/wire.ts";
import { closeDescriptor, duplicate, listenTcp, socketPair } from "../../src/os/sockets.ts";
import { receiveDescriptor } from "../../src/os/passed-descriptors.ts";
import { until } from "../support/wait.ts";
import { Ear } from "./ways.ts";

const WAIT_MS = 10_000;
/** What proves that a client is fast (net/pace). */
const PROOF = Buffer.alloc(3 * 1024 * 1024, "p");

const loop = new Loop();
let listener: PolledListener;
let port = 0;
const accepted: Ear[] = [];

beforeAll(() => {
  const { fds, port: bound } = listenTcp({ host: "127.0.0.1", port: 0 }, 1);
  port = bound;
  const accept = (wire: Wire) => {
    const ear = new Ear();
    ear.wire = wire;
    accepted.push(ear);
    return ear;
  };
  listener = new PolledListener(loop, { fd: fds[0] as number, unix: false, accept }); // one was asked for
});
afterAll(() => {
  listener.stop();
  loop.stop();
});

async function connected() {
  let got = 0;
  let ending = "open";
  let last = "";
  const client: Socket = connectTo(port, "127.0.0.1");
  client.on("data", (bytes: Buffer) => {
    got += bytes.length;
    last = bytes.subarray(-16).toString();
  });
  client.on("end", () => (ending = "end"));
  client.on("error", () => (ending = "error"));
  await until("a connection", WAIT_MS, () => accepted.length > 0);
  const ear = accepted.shift() as Ear; // it is there
  const wire = ear.wire as PolledWire;
  return { wire, ear, client, outbox: new Outbox(wire), seen: () => ({ got, ending, last }) };
}

/** Writes until the wire knows its client for a fast one. */
async function prove({ outbox, seen }: Awaited<ReturnType<typeof connected>>): Promise<void> {
  outbox.write(PROOF);
  await until("all of it", WAIT_MS, () => outbox.flush() && seen().got === PROOF.length);
}

/** As another process: with a duplicate. */
function borrow(outbox: Outbox): number {
  let copy = -1;
  outbox.loan((descriptor) => (copy = duplicate(descriptor)) !== -1);
  return copy;
}

/** Is that open socket, by whatever descriptor, still in the kernel's set of the loop? */
function isInLoop(descriptor: number): boolean {
  const { ino } = statSync(`/proc/self/fd/${descriptor}`);
  return readFileSync(`/proc/self/fdinfo/${loop.descriptor}`, "latin1").includes(` ino:${ino.toString(16)} `);
}

describe("a wire", () => {
  test("is lent for a client that has proved fast, and takes the account back", async () => {
    const stage = await connected();
    const { outbox, seen, client } = stage;
    expect(outbox.lends).toBe(true);
    expect(borrow(outbox)).toBe(-1);
    await prove(stage);
    const copy = borrow(outbox);
    expect(copy).toBeGreaterThan(2);
    writeSync(copy, "from there, ");
    closeDescriptor(copy);
    const before = outbox.taken;
    expect(outbox.takeBack(Buffer.from("and here"), 12)).toBe(true);
    expect(outbox.taken - before).toBe(20);
    await until("both", WAIT_MS, () => seen().got === PROOF.length + 20);
    expect("from there, and here").toEndWith(seen().last);
    client.destroy();
  });

  test("is not lent while something waits for it, when it does not get there, or when it is closed", async () => {
    const stage = await connected();
    const { outbox, wire, client } = stage;
    await prove(stage);
    expect(outbox.loan(() => false)).toBe(false);
    client.pause();
    while (outbox.write(PROOF));
    expect(borrow(outbox)).toBe(-1);
    outbox.clear();
    expect(borrow(outbox)).toBe(-1);
    wire.close();
    expect(borrow(outbox)).toBe(-1);
    client.destroy();
  });

  test.each(["close", "abort"] as const)(
    "that was lent ends for the client with %s, whoever has it still",
    async (how) => {
      const stage = await connected();
      const { outbox, wire, seen, ear, client } = stage;
      await prove(stage);
      const copy = borrow(outbox);
      wire[how]();
      await until("its end", WAIT_MS, () => seen().ending !== "open");
      expect(seen().ending).toBe(how === "close" ? "end" : "error");
      expect(() => writeSync(copy, "too late")).toThrow(how === "close" ? "EPIPE" : "ECONNRESET");
      closeDescriptor(copy);
      await ear.until("closed");
      client.destroy();
    },
  );

  test("whose client is gone while it is lent tells of it, and nothing of it is left in the loop", async () => {
    const stage = await connected();
    const { outbox, ear, client } = stage;
    await prove(stage);
    const copy = borrow(outbox);
    expect(isInLoop(copy)).toBe(true);
    writeSync(copy, "from there");
    await until("it", WAIT_MS, () => stage.seen().got === PROOF.length + 10);
    client.resetAndDestroy();
    await ear.until("closed");
    const before = outbox.taken;
    expect([outbox.countLoan(), outbox.taken - before]).toEqual([10, 10]);
    expect(isInLoop(copy)).toBe(false);
    closeDescriptor(copy);
  });

  test("carries a descriptor beside bytes, over a unix socket", async () => {
    const stage = await connected();
    const [mine, theirs] = socketPair("stream");
    const wire = new PolledWire(loop, mine, { host: "unix:", port: 0 }, { host: "unix:", port: 0 });
    wire.owner = new Ear();
    wire.begin();
    await prove(stage);
    expect(stage.wire.loan((descriptor) => wire.writeWith(Buffer.from("here"), descriptor))).toBe(true);
    const into = Buffer.alloc(16);
    const passed = receiveDescriptor(theirs, into);
    expect(into.subarray(0, passed?.bytes).toString()).toBe("here");
    writeSync(passed?.fd ?? -1, "passed");
    await until("it", WAIT_MS, () => stage.seen().got === PROOF.length + 6);
    closeDescriptor(passed?.fd ?? -1);
    closeDescriptor(theirs);
    wire.close();
    stage.client.destroy();
  });
});
