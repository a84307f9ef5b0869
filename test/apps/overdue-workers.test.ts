/** request_timeout with real Python: what becomes of the client, of the neighbours, of the worker. */
import { afterEach, expect, setDefaultTimeout, test } from "bun:test";
import { Rig, type RigOptions } from "./rig.ts";

setDefaultTimeout(60_000);

let rig: Rig;
afterEach(() => rig.close());

/** Half a second: what does not come back in that time is stuck. */
async function start(options: RigOptions = {}): Promise<number> {
  rig = new Rig({ module: "stuck", handler: { requestTimeoutMs: 500 }, ...options });
  await rig.supervisor.start();
  return pid();
}

function pid(): number {
  return rig.supervisor.status().workers[0]?.pid ?? 0;
}

/** Another process answers in its place. */
async function replaced(before: number): Promise<void> {
  await rig.until(() => rig.supervisor.status().workers.some((each) => each.pid !== before && each.state === "ready"));
  const answer = rig.askWith({ requestTimeoutMs: 5000 }, { path: "/pids" });
  await answer.reply.over;
  expect(answer.reply.text).not.toStartWith(`${before} `);
}

test("a thread that sleeps: 504 with the request's id, its stack in the log, another worker", async () => {
  const before = await start();
  const { reply, exchange } = await rig.get({ path: "/sleep", query: "a=1" });
  expect(reply.head?.status).toBe(504);
  expect(reply.head?.fields.get("x-request-id")).toBe(exchange.requestId);
  await replaced(before);
  expect(rig.log).toContain(`request ${exchange.requestId}, GET /sleep?a=1, is answered with 504`);
  expect(rig.log).toMatch(new RegExp(`worker 1 \\(pid ${before}\\): GET /sleep\\?a=1 ran for [\\d.]+ s`));
  // Innermost first, and of the thread that is stuck.
  expect(rig.log).toMatch(/it is at \(innermost call first\)\n\t\s+File ".*stuck\.py", line \d+ in sleep_for_ever/);
});

test("a thread that holds the GIL in C: the stack is there all the same", async () => {
  const before = await start({ threads: 2 });
  const { reply } = await rig.get("/gil");
  expect(reply.head?.status).toBe(504);
  await replaced(before);
  expect(rig.log).toMatch(/stuck\.py", line \d+ in hold_the_gil/);
});

test("a worker that is stopped: 504, no stack and no waiting for one, another worker", async () => {
  // It is stopped well before its time is over.
  const before = await start({ handler: { requestTimeoutMs: 2000 } });
  const fake = rig.ask({ path: "/neighbour", query: "1.5" });
  await rig.until(() => rig.supervisor.status().workers[0]?.threads[0]?.runningMs !== undefined);
  process.kill(before, "SIGSTOP");
  await fake.reply.over;
  expect(fake.reply.head?.status).toBe(504);
  await replaced(before);
  expect(rig.log).toContain("its stack is not to be had");
});

test("a neighbour on another thread finishes, and only then the worker goes", async () => {
  const before = await start({ threads: 2, handler: {} });
  const neighbour = rig.ask({ path: "/neighbour", query: "4" });
  await rig.until(
    () => rig.supervisor.status().workers[0]?.threads.some((each) => each.runningMs !== undefined) === true,
  );
  // Its own limit, as a route may have one.
  const stuck = rig.askWith({ requestTimeoutMs: 300 }, { path: "/sleep" });
  await stuck.reply.over;
  expect(stuck.reply.head?.status).toBe(504);
  await neighbour.reply.over;
  expect(neighbour.reply.text).toBe("neighbour is done");
  await replaced(before);
});

test("a request that went from a thread that does not come to it to an idle one is no reason to end a worker", async () => {
  await start({ processes: 2, threads: 3, handler: {} });
  await Promise.all(Array.from({ length: 6 }, () => rig.get({ path: "/neighbour", query: "0.1" })));
  await Bun.sleep(100);
  const slow = rig.ask({ path: "/gil_for", query: "5000" });
  const threads = () => rig.supervisor.status().workers.flatMap((each) => each.threads);
  await rig.until(() => threads().some(({ runningMs = 0 }) => runningMs > 0));
  for (let i = 0; i < 8; i++) {
    const quick = rig.askWith({ requestTimeoutMs: 2000 }, { path: "/count", query: `${i}` });
    await quick.reply.over;
    expect(quick.reply.text).toBe("counted");
  }
  await slow.reply.over;
  expect(slow.reply.text).toBe("let go");
  expect(rig.log).not.toContain("request_timeout");
});

test("a reply that sticks midway is cut, so that the client sees it", async () => {
  const before = await start();
  const { reply } = await rig.get("/stick");
  expect(reply.head?.status).toBe(200);
  expect(reply.state).not.toBe("finished");
  await replaced(before);
  expect(rig.log).toContain("is cut, its reply had begun");
});

test("a thread that goes on giving content is told that nobody takes it: that costs no worker", async () => {
  const before = await start();
  const { reply } = await rig.get("/trickle");
  expect(reply.state).not.toBe("finished");
  const next = rig.askWith({ requestTimeoutMs: 5000 }, { path: "/pids" });
  await next.reply.over;
  expect(next.reply.text).toStartWith(`${before} `);
  await Bun.sleep(3000);
  expect(pid()).toBe(before);
});

test("0 is no limit", async () => {
  const before = await start({ handler: { requestTimeoutMs: 0 } });
  const { reply } = await rig.get({ path: "/neighbour", query: "3" });
  expect(reply.text).toBe("neighbour is done");
  expect(pid()).toBe(before);
});
