import { afterAll, beforeAll, afterEach, describe, expect, test, setDefaultTimeout } from "bun:test";
import { type FakeExchange } from "../support/exchange.ts";
import { otherPythons, PYTHON, Rig } from "./rig.ts";

// Python starts slowly on a busy machine.
setDefaultTimeout(60_000);

describe.each([PYTHON, ...otherPythons()])("requests and replies with %s", (python) => {
  let rig: Rig;
  beforeAll(async () => {
    rig = new Rig({ python, processes: 2, threads: 2, fronts: 2 });
    await rig.supervisor.start();
  });
  afterAll(() => rig.close());

  test("a thousand requests from two fronts are each answered with their own reply", async () => {
    const asked = Array.from({ length: 1000 }, (_, i) =>
      rig.get({ method: "POST", path: "/echo", body: [Buffer.from(`request ${i}`)] }, i % 2),
    );
    const replies = await Promise.all(asked);
    replies.forEach(({ reply }, i) => expect(reply.text).toBe(`request ${i}`));
  });

  test.each([0, 1, 32 * 1024, 32 * 1024 + 1, 64 * 1024 + 1, 300_000])(
    "a body of %d bytes arrives as it was",
    async (size) => {
      const bytes = Buffer.from(Array.from({ length: size }, (_, i) => (i * 31 + (i >> 8)) & 0xff));
      const { reply } = await rig.get({ method: "POST", path: "/echo", body: [bytes] });
      expect(reply.content.equals(bytes)).toBe(true);
      expect(reply.head?.length).toBe(size);
    },
  );

  test.each(["/echo", "/echo_blocks"])("20 MB through %s are the same bytes", async (path) => {
    const bytes = Buffer.from(Bun.randomUUIDv7("buffer"))
      .toString("hex")
      .repeat(20 * 32768);
    const { reply } = await rig.get({ method: "POST", path, body: [Buffer.from(bytes)] });
    expect(Bun.hash(reply.content)).toBe(Bun.hash(bytes));
  });

  test("lines of a body end where it ends", async () => {
    const small = await rig.get({ method: "POST", path: "/lines", body: [Buffer.from("one\ntwo\nthree")] });
    expect(small.reply.text).toBe("|one\n|two|\n|three|");
    const long = "x".repeat(70_000);
    const large = await rig.get({ method: "POST", path: "/lines", body: [Buffer.from(`one\ntwo\n${long}\n${long}`)] });
    expect(large.reply.text).toBe(`|one\n|two|\n|${long}\n|${long}|`);
  });

  test("a chunked body has the CONTENT_LENGTH that it turned out to have", async () => {
    const { reply } = await rig.get({
      method: "POST",
      path: "/show",
      body: [Buffer.from("abc"), Buffer.from("de")],
      bodyLength: -1,
    });
    expect(reply.text).toContain("CONTENT_LENGTH='5'\n");
  });

  test("blocks are sent as they come", async () => {
    const { reply } = rig.ask({ path: "/stream" });
    await rig.until(() => reply.text.includes("block 0"));
    expect(reply.text).not.toContain("block 2");
    await reply.over;
    expect(reply.text).toBe("block 0\nblock 2\n");
  });

  test("a failure in mid-body is an aborted reply, and the thread goes on", async () => {
    const { reply } = await rig.get("/fail_stream");
    expect([reply.status, reply.text.length]).toEqual([200, 1000]);
    expect(reply.aborted).toBeDefined();
    expect((await rig.get("/hello")).reply.text).toBe("hello");
  });

  test("a client that leaves ends an endless reply, closed once", async () => {
    rig.logged.length = 0;
    const { reply } = rig.ask({ path: "/endless" });
    await rig.until(() => reply.content.length > 200_000);
    reply.leave();
    await rig.until(() => rig.log.includes("endless was closed"));
    await rig.until(() => rig.channels[0]?.running === 0);
    expect(rig.log).not.toContain("Traceback");
  });

  test("a client that leaves before its body was read leaves the body to the application", async () => {
    rig.logged.length = 0;
    const body = [Buffer.alloc(500_000)];
    const fake = rig.ask({ method: "POST", path: "/slow_read", body });
    await rig.until(() => rig.log.includes("slow_read begins"));
    fake.reply.leave();
    await rig.until(() => rig.channels[0]?.running === 0);
    expect((await rig.get("/last_read")).reply.text).toBe("read");
  });

  test("a forked child that comes back from the application answers nothing", async () => {
    const { reply } = await rig.get("/fork_and_return");
    expect(reply.text).toBe("parent");
    expect((await rig.get("/hello")).reply.text).toBe("hello");
  });
});

describe("the queue", () => {
  let rig: Rig;
  let limits: string[] = [];
  const begin = async (queueTimeoutMs = 20_000) => {
    limits = [];
    rig = new Rig({ channel: { queueMax: 2, queueTimeoutMs, limited: (limit) => limits.push(limit) } });
    await rig.supervisor.start();
  };
  afterEach(() => rig.close());

  function sleepers(count: number, seconds: string): FakeExchange[] {
    return Array.from({ length: count }, () => rig.ask({ path: "/sleep", query: seconds }));
  }

  test("is bounded: what is too much gets 503 with Retry-After at once, the rest is served in order", async () => {
    await begin();
    // One runs, one lies in the socket, two wait, one is too much.
    const asked = sleepers(5, "0.05");
    expect(asked.map(({ reply }) => reply.status)).toEqual([0, 0, 0, 0, 503]);
    expect(asked[4]?.reply.header("retry-after")).toBe("5");
    expect([rig.channels[0]?.running, rig.channels[0]?.waiting]).toEqual([2, 2]);
    await Promise.all(asked.map(({ reply }) => reply.over));
    expect(asked.map(({ reply }) => reply.status)).toEqual([200, 200, 200, 200, 503]);
    expect(limits).toEqual(["queue_size"]);
    const [ran, , , waited, refused] = asked.map(({ exchange }) => exchange.upstreamAttempts?.[0]);
    expect([ran?.address, ran?.status, ran?.connectMs]).toEqual(["app:test#1", 200, 0]);
    expect(waited?.connectMs).toBeGreaterThan(0);
    expect(waited?.responseMs).toBeGreaterThanOrEqual(waited?.headerMs ?? NaN);
    expect([refused?.address, refused?.status, refused?.headerMs]).toEqual(["app:test", 503, -1]);
  });

  test("is timed: who waits too long gets 503 and is never run, wherever it waited", async () => {
    await begin(400);
    const first = sleepers(1, "3");
    const late = Array.from({ length: 2 }, () => rig.ask({ path: "/printing" }));
    await Promise.all([...first, ...late].map(({ reply }) => reply.over));
    expect([...first, ...late].map(({ reply }) => reply.status)).toEqual([200, 503, 503]);
    expect(rig.log).not.toContain("printed");
    expect(limits).toEqual(["queue_timeout", "queue_timeout"]);
  });

  test("forgets a client that leaves while it waits, unseen by Python", async () => {
    await begin();
    const asked = sleepers(2, "0.1");
    const leaver = rig.ask({ path: "/printing" });
    expect(rig.channels[0]?.waiting).toBe(1);
    leaver.reply.leave();
    expect(rig.channels[0]?.waiting).toBe(0);
    await Promise.all(asked.map(({ reply }) => reply.over));
    await rig.get("/hello");
    expect(rig.log).not.toContain("printed");
  });

  test("refuses a request whose head no packet holds with 431", async () => {
    await begin();
    const { reply } = await rig.get({ fields: [["X", "x".repeat(130_000)]] });
    expect(reply.status).toBe(431);
    expect(rig.channels[0]?.running).toBe(0);
  });

  test("answers 503 in time to what lies behind a stuck thread, and leaves what runs alone", async () => {
    await begin(400);
    const first = sleepers(1, "4");
    const late = Array.from({ length: 3 }, () => rig.ask({ path: "/printing" }));
    await Promise.all(late.map(({ reply }) => reply.over));
    expect(late.map(({ reply }) => reply.status)).toEqual([503, 503, 503]);
    expect(first[0]?.reply.status).toBe(0);
    await first[0]?.reply.over;
    expect(first[0]?.reply.status).toBe(200);
    expect((await rig.get("/hello")).reply.text).toBe("hello");
    expect(rig.log).not.toContain("printed");
  });
});

test("the only worker dies: 502 to what it ran, and what waits is served by the next one", async () => {
  const rig = new Rig();
  await rig.supervisor.start();
  const asked = [rig.ask({ path: "/die" }), ...[1, 2, 3].map(() => rig.ask({ path: "/hello" }))];
  await Promise.all(asked.map(({ reply }) => reply.over));
  expect(asked.map(({ reply }) => reply.status)).toEqual([502, 200, 200, 200]);
  await rig.close();
});

test("a reply that a dying worker had begun is cut where it stood; one that it had finished is whole", async () => {
  const rig = new Rig();
  await rig.supervisor.start();
  const { reply } = await rig.get("/die_streaming");
  expect([reply.status, reply.text]).toEqual([200, "first"]);
  expect(reply.aborted).toBeDefined();
  await rig.close();
});
