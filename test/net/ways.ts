/** What listening and connecting owe to whoever uses them, over TCP, unix sockets and socket pairs: run for each way of doing it. */
import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ConnectAddress, type ConnectOwner } from "../../src/net/connect-address.ts";
import type { Listener, ListenOptions } from "../../src/net/listener.ts";
import type { Wire, WireOwner } from "../../src/net/wire.ts";
import { closeDescriptor, duplicate, listenTcp, listenUnix, socketPair } from "../../src/os/sockets.ts";
import { freePort } from "../support/folder.ts";

export interface Way {
  readonly name: string;
  listen(options: ListenOptions): Listener;
  connect(address: ConnectAddress, owner: ConnectOwner): { cancel(): void };
}

/** Records what it hears; `until` waits for a sentence. */
export class Ear implements ConnectOwner {
  readonly heard: string[] = [];
  hearsOut = false;
  wire: Wire | undefined;
  onReceived: (text: string) => void = () => {};
  private wake: () => void = () => {};

  private hear(what: string): void {
    this.heard.push(what);
    this.wake();
  }
  connected(wire: Wire): void {
    this.wire = wire;
    this.hear("connected");
  }
  failed(why: string): void {
    this.hear(`failed ${why}`);
  }
  received(bytes: Uint8Array): void {
    this.onReceived(Buffer.from(bytes).toString());
    this.hear(`received ${Buffer.from(bytes).toString()}`);
  }
  drained(): void {
    this.hear("drained");
  }
  ended(): void {
    this.hear("ended");
  }
  closed(): void {
    this.hear("closed");
  }
  async until(what: string): Promise<void> {
    while (!this.heard.includes(what)) await new Promise<void>((resolve) => (this.wake = resolve));
  }
}

function say(wire: Wire | undefined, text: string): void {
  wire?.write(Buffer.from(text), 0, text.length);
}

export function testWay(way: Way): void {
  const folder = mkdtempSync(join(tmpdir(), "server-net-"));
  const listeners: Listener[] = [];
  afterAll(() => {
    for (const listener of listeners) listener.stop();
    rmSync(folder, { recursive: true });
  });

  /** A listener whose connections are echoed in upper case; the last one is `ear`. */
  function listening(fd: number, unix: boolean): { last: () => Ear } {
    let last = new Ear();
    const accept = (wire: Wire): WireOwner => {
      const ear = new Ear();
      ear.wire = wire;
      ear.onReceived = (text) => say(wire, text.toUpperCase());
      last = ear;
      return ear;
    };
    listeners.push(way.listen({ fd: duplicate(fd), unix, accept }));
    closeDescriptor(fd);
    return { last: () => last };
  }

  const addresses: [string, () => { address: ConnectAddress; last: () => Ear }][] = [
    [
      "IPv4",
      () => {
        const { fds, port } = listenTcp({ host: "127.0.0.1", port: 0 }, 1);
        return { address: { kind: "tcp", host: "127.0.0.1", port }, ...listening(fds[0] as number, false) };
      },
    ],
    [
      "IPv6",
      () => {
        const { fds, port } = listenTcp({ host: "::1", port: 0 }, 1);
        return { address: { kind: "tcp", host: "::1", port }, ...listening(fds[0] as number, false) };
      },
    ],
    [
      "a unix socket",
      () => {
        const path = join(folder, `echo-${listeners.length}.sock`);
        return { address: { kind: "unix", path }, ...listening(listenUnix(path, 0o600), true) };
      },
    ],
  ];

  for (const [name, make] of addresses) {
    describe(`${way.name} over ${name}`, () => {
      test("bytes go both ways and a half-closed peer still gets its answer", async () => {
        const { address, last } = make();
        const client = new Ear();
        way.connect(address, client);
        await client.until("connected");
        say(client.wire, "abc");
        await client.until("received ABC");
        client.wire?.shutdown();
        const server = last();
        await server.until("ended");
        say(server.wire, "late");
        await client.until("received late");
        server.wire?.close();
        await client.until("closed");
        await server.until("closed");
        expect(server.heard.filter((what) => what === "closed")).toHaveLength(1);
      });

      test("the server's side knows its addresses", async () => {
        const { address, last } = make();
        const client = new Ear();
        way.connect(address, client);
        await client.until("connected");
        say(client.wire, "x");
        await client.until("received X");
        const wire = last().wire;
        if (address.kind === "tcp") {
          expect(wire?.remoteAddress).toBe(address.host);
          expect(wire?.localPort).toBe(address.port);
        } else {
          expect([wire?.remoteAddress, wire?.remotePort]).toEqual(["unix:", 0]);
        }
        client.wire?.abort();
      });
    });
  }

  test(`${way.name}: a socket pair's end is connected by its descriptor`, async () => {
    const [a, b] = socketPair("stream");
    const left = new Ear();
    const right = new Ear();
    way.connect({ kind: "fd", fd: a }, left);
    way.connect({ kind: "fd", fd: b }, right);
    await left.until("connected");
    await right.until("connected");
    say(left.wire, "hi");
    await right.until("received hi");
    left.wire?.close();
    await right.until("ended");
    right.wire?.close();
  });

  test(`${way.name}: a refused connection says where and why`, async () => {
    const port = await freePort();
    const client = new Ear();
    way.connect({ kind: "tcp", host: "127.0.0.1", port }, client);
    await client.until(`failed connect to 127.0.0.1:${port}: ECONNREFUSED`);
  });

  test(`${way.name}: a cancelled attempt is never heard of again`, async () => {
    const { address } = (addresses[0] as (typeof addresses)[number])[1]();
    const client = new Ear();
    way.connect(address, client).cancel();
    const second = new Ear();
    way.connect(address, second);
    await second.until("connected");
    expect(client.heard).toEqual([]);
    second.wire?.close();
  });
}
