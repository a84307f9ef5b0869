/** What a Python thread is answered that asks for the connection of a client whom nobody serves any more. */
import { expect, test } from "bun:test";
import { readSync, writeSync } from "node:fs";
import { cancelFrame } from "../../src/apps/frames.ts";
import { FileInboxes } from "../../src/apps/file-inbox.ts";
import type { AppRequest } from "../../src/apps/request.ts";
import { makeAppHandler } from "../../src/apps/handler.ts";
import type { AppChannel } from "../../src/apps/channel.ts";
import { AppStream } from "../../src/apps/stream.ts";
import type { Borrower } from "../../src/exchange/reply.ts";
import { closeDescriptor, socketPair } from "../../src/os/sockets.ts";
import { fakeExchange } from "../support/exchange.ts";
import { until } from "../support/wait.ts";
import { Rig } from "./rig.ts";

const ID = 5;

/** Content of one byte with the flag BORROW. */
function borrowing(): Buffer {
  const frame = Buffer.alloc(17);
  frame.set([2, 2], 0);
  frame.writeUInt32LE(ID, 4);
  frame.writeUInt32LE(1, 12);
  return frame;
}

/** Of whom the front knows that its client has left. */
const discarded = { isDiscarded: true, replyData: () => {} } as unknown as AppRequest;

test.each([
  ["that nobody knows", undefined],
  ["whose client has left", discarded],
])("a request %s gets CANCEL each time it asks, so that its thread never waits for nothing", async (_, request) => {
  const [mine, theirs] = socketPair("stream");
  let asked = 0;
  const owner = {
    find: () => {
      asked++;
      return request;
    },
    files: new FileInboxes(),
    streamClosed: () => {},
    streamFailed: () => {},
    expired: () => {},
  };
  const stream = new AppStream(0, 1, mine, owner, "test");
  const answers = Buffer.alloc(64);
  for (const turn of [1, 2, 3]) {
    writeSync(theirs, borrowing());
    await until(`question ${turn}`, 5_000, () => asked === turn);
    await Bun.sleep(10);
    expect(answers.subarray(0, readSync(theirs, answers, 0, answers.length, null)).equals(cancelFrame(ID))).toBe(true);
  }
  stream.close();
  closeDescriptor(theirs);
});

test.each([
  ["of the server's own user is asked for, and refused where it does not get there", false, 1],
  ["of another user is not", true, 0],
] as const)("the connection of a client of an app %s", async (_, isOthers, times) => {
  const rig = new Rig({ channel: { isOthers } });
  await rig.supervisor.start();
  const { exchange, reply } = fakeExchange({ path: "/large" });
  let asked = 0;
  const loan = (to: Borrower) => {
    asked++;
    return to(0, true);
  };
  Object.assign(reply, { loan });
  makeAppHandler(rig.channels[0] as AppChannel)(exchange); // it has one front
  await reply.over;
  expect([reply.status, asked]).toEqual([200, times]);
  await rig.close();
});
