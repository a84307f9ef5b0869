/** When small writes leave: those of few events one by one, those of many together when the last event is dealt with. */
import { afterAll, expect, test } from "bun:test";
import { Loop } from "../../src/net/loop.ts";
import { Outbox } from "../../src/net/outbox.ts";
import { PolledAttempt } from "../../src/net/polled-connect.ts";
import type { PolledWire } from "../../src/net/polled-wire.ts";
import { peek } from "../../src/os/peek.ts";
import { closeDescriptor, socketPair } from "../../src/os/sockets.ts";
import { send } from "../../src/os/stream-socket.ts";
import { until } from "../support/wait.ts";

const WAIT_MS = 20_000;
const QUESTION = Buffer.from("?");
const ANSWER = Buffer.from("!");

const loop = new Loop();
afterAll(() => loop.stop());

/** Answers each question soon, and looks whether the answer is there at once. */
class Answering {
  readonly fd: number;
  atOnce: boolean | undefined = undefined;
  wire: PolledWire | undefined = undefined;
  private readonly ours: number;

  constructor() {
    [this.ours, this.fd] = socketPair("stream");
    new PolledAttempt(loop, { kind: "fd", fd: this.ours }, this).begin();
  }

  connected(wire: PolledWire): void {
    this.wire = wire;
    wire.owner = this;
  }

  received(): void {
    new Outbox(this.wire as PolledWire).writeSoon(ANSWER, ANSWER.length);
    this.atOnce = this.isAnswered;
  }

  get isAnswered(): boolean {
    return peek(this.fd, 1).length === 1;
  }

  failed(): void {}
  drained(): void {}
  ended(): void {}
  closed(): void {}

  close(): void {
    this.wire?.close();
    closeDescriptor(this.fd);
  }
}

test.each([
  [1, true],
  [4, true],
  [5, false],
  [100, false],
])("%d that ask together are answered at once: %p", async (count, atOnce) => {
  const all = Array.from({ length: count }, () => new Answering());
  await until("connections", WAIT_MS, () => all.every(({ wire }) => wire !== undefined));
  for (const { fd } of all) send(fd, QUESTION, 0, QUESTION.length);
  await until("answers", WAIT_MS, () => all.every(({ isAnswered }) => isAnswered));
  expect(all.filter((each) => each.atOnce !== atOnce)).toEqual([]);
  for (const each of all) each.close();
});
