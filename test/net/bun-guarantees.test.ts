/** What we rely on that Bun's documentation does not promise: pinned here, so that a new Bun that differs is noticed. */
import { expect, test } from "bun:test";
import { connect } from "../../src/net/connect.ts";
import { listen } from "../../src/net/listen.ts";
import type { Wire, WireOwner } from "../../src/net/wire.ts";
import { closeDescriptor, duplicate, listenTcp } from "../../src/os/sockets.ts";

const QUIET: WireOwner = { received: () => {}, drained: () => {}, ended: () => {}, closed: () => {} };

test("connections that come while nobody accepts are served by the next listener on the same descriptor", async () => {
  const { fds, port } = listenTcp({ host: "127.0.0.1", port: 0 }, 1);
  const fd = fds[0] as number;
  listen({ fd: duplicate(fd), unix: false, accept: () => QUIET }).stop();
  let client: Wire | undefined;
  const connected = new Promise<void>((resolve) => {
    const owner = { ...QUIET, failed: () => {}, connected: (wire: Wire) => ((client = wire), resolve()) };
    connect({ kind: "tcp", host: "127.0.0.1", port }, owner);
  });
  await connected;
  const accepted = await new Promise<number>((resolve) => {
    const successor = listen({
      fd: duplicate(fd),
      unix: false,
      accept: (wire) => {
        resolve(wire.localPort);
        successor.stop();
        return QUIET;
      },
    });
  });
  expect(accepted).toBe(port);
  client?.abort();
  closeDescriptor(fd);
});

test("each read gives bytes of their own", async () => {
  const { fds, port } = listenTcp({ host: "127.0.0.1", port: 0 }, 1);
  const held: Uint8Array[] = [];
  let wake = () => {};
  const listener = listen({
    fd: fds[0] as number,
    unix: false,
    accept: () => ({ ...QUIET, received: (bytes) => (held.push(bytes), wake()) }),
  });
  const next = () => new Promise<void>((resolve) => (wake = resolve));
  const wire = await new Promise<Wire>((resolve) => {
    connect({ kind: "tcp", host: "127.0.0.1", port }, { ...QUIET, failed: () => {}, connected: resolve });
  });
  for (const text of ["first", "second"]) {
    const heard = next();
    wire.write(Buffer.from(text), 0, text.length);
    await heard;
  }
  expect(held.map((bytes) => Buffer.from(bytes).toString())).toEqual(["first", "second"]);
  wire.abort();
  listener.stop();
});
