/** The twins of our own loop, driven by it beside Bun's; and what only this way owes: wires that cost nothing while nothing happens. */
import { afterAll, expect, test } from "bun:test";
import { connect as connectByBun } from "../../src/net/connect.ts";
import { Loop } from "../../src/net/loop.ts";
import { PolledAttempt } from "../../src/net/polled-connect.ts";
import { PolledListener } from "../../src/net/polled-listen.ts";
import type { ConnectAddress, ConnectOwner } from "../../src/net/connect-address.ts";
import type { Wire, WireOwner } from "../../src/net/wire.ts";
import { closeDescriptor, duplicate, listenTcp, socketPair } from "../../src/os/sockets.ts";
import { until } from "../support/wait.ts";
import { Ear, testWay } from "./ways.ts";

/** Far more than any of it takes. */
const WAIT_MS = 20_000;

const loop = new Loop();
afterAll(() => loop.stop());

function connect(address: ConnectAddress, owner: ConnectOwner): { cancel(): void } {
  const attempt = new PolledAttempt(loop, address, owner);
  attempt.begin();
  return attempt;
}

testWay({ name: "our own loop", listen: (options) => new PolledListener(loop, options), connect });

/** Two ends of a socket pair: one of the loop, one of Bun. */
async function pair(): Promise<[ours: Ear, theirs: Ear]> {
  const [a, b] = socketPair("stream");
  const ours = new Ear();
  const theirs = new Ear();
  connect({ kind: "fd", fd: a }, ours);
  connectByBun({ kind: "fd", fd: b }, theirs);
  await ours.until("connected");
  await theirs.until("connected");
  return [ours, theirs];
}

function wireOf({ wire }: Ear): Wire {
  if (wire === undefined) throw new Error("it is not connected");
  return wire;
}

test("more than the kernel takes is written in parts, and there is word when there is room again", async () => {
  const [ours, theirs] = await pair();
  const bytes = Buffer.alloc(4 * 1024 * 1024, "x");
  let read = 0;
  theirs.onReceived = (text) => (read += text.length);
  wireOf(theirs).pause();
  let sent = wireOf(ours).write(bytes, 0, bytes.length);
  expect(sent).toBeLessThan(bytes.length);
  expect(wireOf(ours).write(bytes, sent, bytes.length - sent)).toBe(0);
  wireOf(theirs).resume();
  while (sent < bytes.length) {
    ours.heard.length = 0;
    await ours.until("drained");
    sent += wireOf(ours).write(bytes, sent, bytes.length - sent);
  }
  await until("all of it arrives", WAIT_MS, () => read === bytes.length);
  wireOf(ours).close();
  wireOf(theirs).close();
});

test("what a paused wire was sent before its peer left is received when it goes on, then the end", async () => {
  const [ours, theirs] = await pair();
  wireOf(ours).pause();
  wireOf(theirs).write(Buffer.from("last words"), 0, 10);
  wireOf(theirs).close();
  await theirs.until("closed");
  await Bun.sleep(20);
  expect(ours.heard).toEqual(["connected"]);
  wireOf(ours).resume();
  await ours.until("closed");
  expect(ours.heard).toEqual(["connected", "received last words", "ended", "closed"]);
});

test("its owner is told once of an end that it made itself, and not before it is done with what it does", async () => {
  const [ours, theirs] = await pair();
  wireOf(ours).abort();
  wireOf(ours).close();
  expect(ours.heard).toEqual(["connected"]);
  await ours.until("closed");
  await theirs.until("closed");
  expect(ours.heard.filter((what) => what === "closed")).toHaveLength(1);
  expect(wireOf(ours).write(Buffer.from("x"), 0, 1)).toBe(0);
});

test("large reads are given away, small ones copied: what came before is never overwritten", async () => {
  const [a, b] = socketPair("stream");
  const kept: Uint8Array[] = [];
  const ours = new Ear();
  connect({ kind: "fd", fd: a }, Object.assign(ours, { received: (bytes: Uint8Array) => void kept.push(bytes) }));
  const theirs = new Ear();
  connectByBun({ kind: "fd", fd: b }, theirs);
  await ours.until("connected");
  await theirs.until("connected");
  const sizes = [1, 60_000, 3, 40_000, 2_048, 20_000];
  for (const [turn, size] of sizes.entries()) {
    const before = kept.reduce((sum, each) => sum + each.length, 0);
    wireOf(theirs).write(Buffer.alloc(size, 97 + turn), 0, size);
    await until("it arrives", WAIT_MS, () =>
      kept.reduce((sum, each) => sum + each.length, 0) === before + size ? true : undefined,
    );
  }
  const expected = Buffer.concat(sizes.map((size, turn) => Buffer.alloc(size, 97 + turn)));
  expect(Buffer.concat(kept).equals(expected)).toBe(true);
  wireOf(ours).close();
});

test("bytes that are lent and not taken come as the owner's own", async () => {
  const [a, b] = socketPair("stream");
  const lent: string[] = [];
  const ours = Object.assign(new Ear(), {
    glance: (bytes: Buffer) => {
      lent.push(bytes.toString());
      return bytes[0] === 0x74; // t
    },
  });
  connect({ kind: "fd", fd: a }, ours);
  const theirs = new Ear();
  connectByBun({ kind: "fd", fd: b }, theirs);
  await ours.until("connected");
  await theirs.until("connected");
  wireOf(theirs).write(Buffer.from("taken"), 0, 5);
  await until("it is lent", WAIT_MS, () => lent.length === 1);
  wireOf(theirs).write(Buffer.from("kept"), 0, 4);
  await ours.until("received kept");
  expect(lent).toEqual(["taken", "kept"]);
  expect(ours.heard).toEqual(["connected", "received kept"]);
  wireOf(ours).close();
});

test("a hundred connections that come at once are all accepted, and none after stop()", async () => {
  const { fds, port } = listenTcp({ host: "127.0.0.1", port: 0 }, 1);
  const master = fds[0] as number; // one was asked for
  const accepted: WireOwner[] = [];
  const accept = () => {
    const ear = new Ear();
    accepted.push(ear);
    return ear;
  };
  const listener = new PolledListener(loop, { fd: duplicate(master), unix: false, accept });
  const clients = Array.from({ length: 100 }, () => new Ear());
  for (const client of clients) connect({ kind: "tcp", host: "127.0.0.1", port }, client);
  await until("all are accepted", WAIT_MS, () => accepted.length === 100);
  listener.stop();
  const late = new Ear();
  connect({ kind: "tcp", host: "127.0.0.1", port }, late);
  // The master's socket still listens: the kernel queues it.
  await late.until("connected");
  await Bun.sleep(20);
  expect(accepted).toHaveLength(100);
  for (const client of [...clients, late]) wireOf(client).close();
  closeDescriptor(master);
});

test("finish() accepts what is queued by then, so that nobody is reset when the last descriptor is closed", async () => {
  const { fds, port } = listenTcp({ host: "127.0.0.1", port: 0 }, 1);
  const master = fds[0] as number; // one was asked for
  const accepted: Ear[] = [];
  const accept = () => {
    const ear = new Ear();
    accepted.push(ear);
    return ear;
  };
  const listener = new PolledListener(loop, { fd: duplicate(master), unix: false, accept });
  const clients = Array.from({ length: 20 }, () => new Ear());
  for (const client of clients) connect({ kind: "tcp", host: "127.0.0.1", port }, client);
  // In the same turn: the loop has not said that somebody waits.
  listener.finish();
  closeDescriptor(master);
  expect(accepted).toHaveLength(20);
  for (const client of clients) await client.until("connected");
  await Bun.sleep(20);
  for (const client of clients) expect(client.heard).toEqual(["connected"]);
  for (const client of clients) wireOf(client).close();
});
