/** A control session over a wire in memory: bounds, order, and commands that take their time. */
import { expect, test } from "bun:test";
import { SILENT } from "../../src/base/log.ts";
import { ControlError } from "../../src/master/control-protocol.ts";
import { mayControl } from "../../src/master/control.ts";
import { ControlSession } from "../../src/master/control-session.ts";
import { MemoryWire } from "../support/memory-wire.ts";

function open() {
  const wire = new MemoryWire();
  const gates: PromiseWithResolvers<object>[] = [];
  const commands = {
    slow: () => {
      const gate = Promise.withResolvers<object>();
      gates.push(gate);
      return gate.promise;
    },
    tells: (_: object, tell: (event: object) => void) => {
      tell({ step: 1 });
      tell({ step: 2, nothing: undefined });
      return { done: true };
    },
    refuses: () => {
      throw new ControlError("unavailable", "not now");
    },
    breaks: () => {
      throw new TypeError("a bug");
    },
  };
  let closed = false;
  const session = new ControlSession(wire, commands, SILENT, () => (closed = true));
  const send = (text: string) => session.received(Buffer.from(text));
  const answers = () =>
    wire.output
      .split("\n")
      .filter(Boolean)
      .map((line) => JSON.parse(line) as object);
  return { wire, session, send, answers, gates, isClosed: () => closed };
}

const settle = () => Bun.sleep(1);

test("events come before the result, and what has no value is null", async () => {
  const { send, answers } = open();
  send('{"id":5,"command":"tells"}\n');
  await settle();
  expect(answers()).toEqual([
    { id: 5, event: { step: 1 } },
    { id: 5, event: { step: 2, nothing: null } },
    { id: 5, result: { done: true } },
  ]);
});

test("errors of commands and bugs in them are answers, and the session goes on", async () => {
  const { send, answers } = open();
  send('{"id":1,"command":"refuses"}\n{"id":2,"command":"breaks"}\n{"id":3,"command":"tells"}\n');
  await settle();
  expect(answers().slice(0, 2)).toEqual([
    { id: 1, error: { code: "unavailable", message: "not now" } },
    { id: 2, error: { code: "failed", message: "a bug" } },
  ]);
  expect(answers().at(-1)).toEqual({ id: 3, result: { done: true } });
});

test("one command at a time: the next line waits for the answer", async () => {
  const { send, answers, gates } = open();
  send('{"id":1,"command":"slow"}\n{"id":2,"command":"slow"}\n');
  await settle();
  expect(gates.length).toBe(1);
  gates[0]?.resolve({ n: 1 });
  await settle();
  expect(gates.length).toBe(2);
  gates[1]?.resolve({ n: 2 });
  await settle();
  expect(answers()).toEqual([
    { id: 1, result: { n: 1 } },
    { id: 2, result: { n: 2 } },
  ]);
});

test("who sends on and on while a command runs is stopped in the kernel", async () => {
  const { send, wire, gates } = open();
  send('{"command":"slow"}\n');
  send("x".repeat(70_000));
  expect(wire.paused).toBe(true);
  gates[0]?.resolve({});
  await settle();
  expect(wire.output).toContain("too-long");
});

test("a client that leaves while its command runs is no trouble", async () => {
  const { session, send, gates, isClosed } = open();
  send('{"command":"slow"}\n');
  session.closed();
  gates[0]?.resolve({});
  await settle();
  expect(isClosed()).toBe(true);
});

test("answers that are not read are bounded", async () => {
  const { send, wire } = open();
  wire.room = 0;
  for (let i = 0; i < 3000 && wire.state === "open"; i++) {
    send(`${JSON.stringify({ id: "x".repeat(60_000), command: "nope" })}\n`);
  }
  expect(wire.state).toBe("aborted");
});

test("only the owner and root may", () => {
  expect([mayControl(0, 1000), mayControl(1000, 1000), mayControl(1001, 1000), mayControl(1000, 0)]).toEqual([
    true,
    true,
    false,
    false,
  ]);
});
