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

/** The shortest of three at most: a machine that lets nobody run for a moment makes everything late, once. */
async function shortest(take: () => Promise<unknown>, boundMs: number): Promise<number> {
  let best = Infinity;
  for (let i = 0; i < 3 && best >= boundMs; i++) best = Math.min(best, Number(await take()));
  return best;
}

/** The longest wait of the loop would be a second. */
const LATE_MS = 800;

test("a timer rings when it is due, not earlier and not when something else happens", async () => {
  const ms = await shortest(() => ask("timeout"), LATE_MS);
  expect(ms).toBeGreaterThanOrEqual(29);
  expect(ms).toBeLessThan(LATE_MS);
});

const printedBy = (script: string) => () => {
  const words = [process.execPath, join(import.meta.dir, script)];
  return new Response(Bun.spawn(words, { stdin: "ignore", stdout: "pipe", stderr: "inherit" }).stdout).text();
};

test("a timer that is set late in a long turn rings as if it had been set early", async () => {
  const ms = await shortest(printedBy("own-loop-late.ts"), LATE_MS);
  expect(ms).toBeGreaterThanOrEqual(29);
  expect(ms).toBeLessThan(LATE_MS);
});

test("a thread that stands still while it sets a timer hears of it when it is due", async () => {
  expect(await shortest(printedBy("own-loop-halted.ts"), LATE_MS)).toBeLessThan(LATE_MS);
});

test("an interval rings again and again", async () => {
  const ms = await shortest(() => ask("interval"), LATE_MS);
  expect(ms).toBeGreaterThanOrEqual(55);
  expect(ms).toBeLessThan(LATE_MS);
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
