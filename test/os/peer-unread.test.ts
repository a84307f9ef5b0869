import { expect, test } from "bun:test";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { unreadByPeer } from "../../src/os/peer-unread.ts";
import { until } from "../support/wait.ts";

const WAIT_MS = 20_000;

test.each(["127.0.0.1", "::1"])("what a program of this machine has not read, by %s", async (host) => {
  const accepted = Promise.withResolvers<Socket>();
  const server = createServer({ pauseOnConnect: true }, accepted.resolve).listen(0, host);
  await until("a port", WAIT_MS, () => server.listening);
  const { port } = server.address() as AddressInfo;
  const client = connect(port, host);
  const socket = await accepted.promise;
  const [own, peer] = [
    { host, port: socket.remotePort ?? 0 },
    { host, port },
  ];
  expect(unreadByPeer(own, peer)).toBe(0);
  client.write("hello");
  await until("what came", WAIT_MS, () => unreadByPeer(own, peer) === 5);
  socket.resume();
  await until("what was read", WAIT_MS, () => unreadByPeer(own, peer) === 0);
  // Nobody but one that listens is there.
  expect(unreadByPeer({ host, port: 1 }, peer)).toBeUndefined();
  expect(unreadByPeer(own, { host, port: 1 })).toBeUndefined();
  socket.destroy();
  client.destroy();
  server.close();
});
