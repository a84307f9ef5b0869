import { expect, test } from "bun:test";
import { SignalQueue } from "../../src/master/signals.ts";

test("signals wait in order until they are asked for", async () => {
  const queue = new SignalQueue(["SIGUSR1", "SIGUSR2"]);
  process.emit("SIGUSR2", "SIGUSR2");
  process.emit("SIGUSR1", "SIGUSR1");
  expect(await queue.next()).toBe("SIGUSR2");
  expect(await queue.next()).toBe("SIGUSR1");
  const later = queue.next();
  process.emit("SIGUSR1", "SIGUSR1");
  expect(await later).toBe("SIGUSR1");
  queue.arrived("in other words");
  expect(await queue.next()).toBe("in other words");
  queue.close();
});
