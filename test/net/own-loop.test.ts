/** A thread whose loop is ours: everything that Bun does for it goes on, and nothing is waited for in vain. */
import { afterAll, expect, test } from "bun:test";
import { join } from "node:path";

const thread = new Worker(new URL("own-loop-thread.ts", import.meta.url));
afterAll(async () => {
  await ask("end");
  thread.terminate();
});

function ask(task: string): Promise<unknown> {
  const { promise, resolve, reject } = Promise.withResolvers<unknown>();
  thread.onmessage = ({ data }) => resolve(data.result);
  thread.onerror = ({ message }) => reject(new Error(message));
  thread.postMessage(task);
  return promise;
}

test("a timer rings when it is due, not earlier and not when something else happens", async () => {
  const ms = (await ask("timeout")) as number;
  expect(ms).toBeGreaterThanOrEqual(29);
  // The longest wait of the loop would be a second.
  expect(ms).toBeLessThan(800);
});

test("a timer that is set late in a long turn rings as if it had been set early", async () => {
  const script = join(import.meta.dir, "own-loop-late.ts");
  const child = Bun.spawn([process.execPath, script], { stdin: "ignore", stdout: "pipe", stderr: "inherit" });
  const ms = Number(await new Response(child.stdout).text());
  expect(ms).toBeGreaterThanOrEqual(29);
  expect(ms).toBeLessThan(800);
});

test("an interval rings again and again", async () => {
  const ms = (await ask("interval")) as number;
  expect(ms).toBeGreaterThanOrEqual(55);
  expect(ms).toBeLessThan(800);
});

test("timers and steps get their arguments", async () => {
  expect(await ask("arguments")).toBe("ab");
  expect(await ask("immediate")).toBe("soon");
});

test("promises go on within a turn", async () => {
  expect(await ask("promises")).toBe("done");
});

test("what Bun reads from files arrives", async () => {
  expect(await ask("file")).toBe(true);
});

test("a connection that is refused says so", async () => {
  expect(await ask("refused")).toBe("ECONNREFUSED");
});

test("a thread with nothing to do sleeps", async () => {
  // The whole process is measured, the test's own thread with it; a loop that spins takes 1000.
  expect((await ask("idle")) as number).toBeLessThan(500);
});
