import { expect, test } from "bun:test";
import { peerCredentials } from "../../src/os/peer.ts";
import { closeDescriptor, pipe, socketPair } from "../../src/os/sockets.ts";

test("both ends of a pair are ours", () => {
  const [left, right] = socketPair("stream");
  const own = { pid: process.pid, uid: process.geteuid?.() ?? -1, gid: process.getegid?.() ?? -1 };
  expect([peerCredentials(left), peerCredentials(right)]).toEqual([own, own]);
  closeDescriptor(left);
  closeDescriptor(right);
});

test("what is no socket has no peer", () => {
  const [read, write] = pipe();
  expect(() => peerCredentials(read)).toThrow("SO_PEERCRED");
  closeDescriptor(read);
  closeDescriptor(write);
});
