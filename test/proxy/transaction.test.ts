/** The engine against upstreams that behave, and against those that do not, over real sockets. */
import { describe, expect, test } from "bun:test";
import { makeLog, SILENT } from "../../src/base/log.ts";
import { LENGTH_UNKNOWN } from "../../src/protocol/http/message.ts";
import { Transaction } from "../../src/proxy/transaction.ts";
import { fakeExchange, type FakeRequest } from "../support/exchange.ts";
import { mulberry32 } from "../support/http1.ts";
import { answering, rig, type Rig, startScripted, type Visit } from "../support/scripted-upstream.ts";
import { until } from "../support/wait.ts";

const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const POST: FakeRequest = { method: "POST", body: [Buffer.from("data")] };

/** Asks a server that runs `script`, with sweeps that are ten times as fast as the clock. */
async function against(script: (visit: Visit) => void, request: FakeRequest = {}, change: Partial<Setup> = {}) {
  const server = startScripted(script);
  const made = rig([server.port], change.options);
  const sweep = sweepFast(made);
  try {
    const { reply } = await made.ask(request);
    return { reply, visits: server.visits };
  } finally {
    clearInterval(sweep);
    server.stop();
  }
}

interface Setup {
  readonly options: Parameters<typeof rig>[1];
}

function sweepFast({ upstream }: Rig): Timer {
  const begun = performance.now();
  return setInterval(() => upstream.tick((performance.now() - begun) * 10), 10);
}

const once = (act: (visit: Visit) => void) => (visit: Visit) => {
  if (visit.heads === 1) act(visit);
};

describe("a good reply", () => {
  const cases: readonly (readonly [name: string, wire: string, status: number, length: number, content: string])[] = [
    ["of known length", OK, 200, 2, "ok"],
    ["without content", "HTTP/1.1 204 No Content\r\n\r\n", 204, 0, ""],
    ["empty", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200, 0, ""],
    ["in one chunk gets a length", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", 200, 2, "ok"],
    ["behind interim ones", `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n${OK}`, 200, 2, "ok"],
    ["with an error status", "HTTP/1.1 500 Oops\r\nContent-Length: 3\r\n\r\nbad", 500, 3, "bad"],
    ["of 304 with a length", "HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\n\r\n", 304, 99, ""],
  ];
  test.each(cases)("%s", async (_, wire, status, length, content) => {
    const { reply } = await against(answering(wire));
    expect([reply.status, reply.head?.length, reply.text]).toEqual([status, length, content]);
    const slivers = await against(once((visit) => void sendSlowly(visit, wire)));
    expect([slivers.reply.status, slivers.reply.text]).toEqual([status, content]);
  });

  test("that ends with the connection", async () => {
    const { reply } = await against(
      once((visit) => {
        visit.send("HTTP/1.1 200 OK\r\n\r\nuntil the end");
        visit.wire.close();
      }),
    );
    expect([reply.text, reply.state]).toEqual(["until the end", "finished"]);
  });

  test("to HEAD announces what GET would have", async () => {
    const { reply } = await against(answering("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"), { method: "HEAD" });
    expect([reply.head?.length, reply.text]).toEqual([5, ""]);
  });

  test("keeps its reason, its fields and their order; interim ones are passed on, but 100", async () => {
    const wire = "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\nHTTP/1.1 299 Fine\r\nB: 1\r\na: 2\r\nB: 3\r\nContent-Length: 0\r\n\r\n";
    const { reply } = await against(answering(`HTTP/1.1 100 Continue\r\n\r\n${wire}`));
    expect(reply.head?.reason).toBe("Fine");
    expect(reply.head?.fields.pairs()).toEqual([["B", "1"], ["a", "2"], ["B", "3"]]);
    expect(reply.interims.map(({ status, fields }) => [status, fields.pairs()])).toEqual([[103, [["Link", "</a.css>"]]]]);
  });

  test("that comes bit by bit is passed on bit by bit", async () => {
    const server = startScripted(once((visit) => visit.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")));
    const { reply } = rig([server.port]).request();
    await until("the head", 5000, () => reply.state === "started");
    expect(reply.head?.length).toBe(LENGTH_UNKNOWN);
    server.visits[0]?.send("3\r\none\r\n");
    await until("the first chunk", 5000, () => reply.text === "one");
    server.visits[0]?.send("3\r\ntwo\r\n0\r\n\r\n");
    await reply.over;
    expect(reply.text).toBe("onetwo");
    server.stop();
  });
});

const unsentBefore = new WeakMap<Visit, number>();

/** What was unsent when this was asked last: the same twice means that it does not go on. */
function lastUnsent(visit: Visit): number | undefined {
  const before = unsentBefore.get(visit);
  unsentBefore.set(visit, visit.unsent);
  return before;
}

async function sendSlowly(visit: Visit, wire: string): Promise<void> {
  for (const byte of wire) {
    visit.send(byte);
    await Bun.sleep(0);
  }
}

describe("a bad reply is a 502", () => {
  const cases: readonly (readonly [name: string, wire: string])[] = [
    ["rubbish", "\0\x01\x02 rubbish\r\n\r\n"],
    ["HTTP/0.9", "<html>hello</html>\r\n"],
    ["HTTP/2", "HTTP/2 200 OK\r\n\r\n"],
    ["both framings", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"],
    ["two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nokk"],
    ["a negative length", "HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\n"],
    ["a folded field", "HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 0\r\n\r\n"],
    ["a NUL in a field", "HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 0\r\n\r\n"],
    ["a bare LF", "HTTP/1.1 200 OK\nContent-Length: 0\n\n"],
    ["an injected line end", "HTTP/1.1 200 OK\r\nX: a\rSet-Cookie: b\r\nContent-Length: 0\r\n\r\n"],
    ["a huge head", `HTTP/1.1 200 OK\r\n${"X: y\r\n".repeat(100_000)}`],
    ["a status that was not asked for", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"],
    ["a status out of range", "HTTP/1.1 600 Strange\r\nContent-Length: 0\r\n\r\n"],
    ["interim replies without end", "HTTP/1.1 102 Processing\r\n\r\n".repeat(1000)],
  ];
  test.each(cases)("%s", async (_, wire) => {
    const { reply, visits } = await against(once((visit) => visit.send(wire)));
    expect(reply.status).toBe(502);
    expect(reply.text).toContain("502");
    expect(visits).toHaveLength(1);
  });

  const endings: readonly (readonly [name: string, wire: string])[] = [
    ["closed without a byte", ""],
    ["closed within the head", "HTTP/1.1 200 OK\r\nContent-"],
    ["closed before the first byte of the content", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"],
    ["closed after an interim reply", "HTTP/1.1 102 Processing\r\n\r\n"],
  ];
  test.each(endings)("%s", async (_, wire) => {
    for (const end of ["close", "abort"] as const) {
      const { reply, visits } = await against(
        once((visit) => {
          if (wire !== "") visit.send(wire);
          visit.wire[end]();
        }),
      );
      expect(reply.status).toBe(502);
      expect(visits).toHaveLength(1);
    }
  });
});

describe("a reply that breaks off never looks whole", () => {
  const cases: readonly (readonly [name: string, wire: string, end: "close" | "abort"])[] = [
    ["shorter than its length", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nsome", "close"],
    ["without the last chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nsome\r\n", "close"],
    ["without the end of the last chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nsome\r\n0\r\n", "close"],
    ["with a bad chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nsomeXX5\r\n", "close"],
    ["until close, but reset", "HTTP/1.1 200 OK\r\n\r\nsome", "abort"],
  ];
  test.each(cases)("%s", async (_, wire, end) => {
    const server = startScripted(once((visit) => visit.send(wire)));
    const { reply } = rig([server.port]).request();
    await until("the first bytes or the refusal", 5000, () => reply.text !== "" || reply.state !== "waiting");
    server.visits[0]?.wire[end]();
    await reply.over;
    // What was not sent yet may become a 502; what was sent is cut off visibly.
    if (reply.status === 502) expect(reply.text).not.toContain("some");
    else expect([reply.text, reply.state, reply.aborted !== undefined]).toEqual(["some", "gone", true]);
    server.stop();
  });
});

describe("deadlines", () => {
  test("a reply that is held back for a slow client has none", async () => {
    const server = startScripted(once((visit) => visit.send("HTTP/1.1 200 OK\r\n\r\n")));
    const { exchange, reply } = fakeExchange();
    const { upstream } = rig([server.port]);
    const log = SILENT;
    // As if the disk were full: nothing but back-pressure is left.
    const transaction = new Transaction(exchange, upstream, { temporaryDirectory: "/nonexistent", log });
    reply.full = true;
    transaction.begin();
    await until("the head", 5000, () => reply.state === "started");
    const visit = server.visits[0] as Visit;
    for (let i = 0; i < 16; i++) visit.send(Buffer.alloc(1024 * 1024, i));
    await until("a pause", 5000, () => visit.unsent > 0 && visit.unsent === lastUnsent(visit));
    for (let nowMs = 0; nowMs < 100_000; nowMs += 100) upstream.tick(nowMs);
    const feeding = setInterval(() => reply.drain(), 1);
    await until("all of it", 10_000, () => visit.unsent === 0);
    visit.wire.close();
    await reply.over;
    clearInterval(feeding);
    expect([reply.aborted, reply.content.length]).toEqual([undefined, 16 * 1024 * 1024]);
    server.stop();
  });

  test("a server that never answers is a 504", async () => {
    const { reply, visits } = await against(() => {});
    expect(reply.status).toBe(504);
    await until("the end of the connection", 5000, () => visits[0]?.state !== "open");
  });

  test("one that stops within its reply is cut off", async () => {
    const { reply } = await against(once((visit) => visit.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nsome")));
    expect([reply.status, reply.text, reply.state]).toEqual([200, "some", "gone"]);
  });

  test("one that takes no more of a body is a 504", async () => {
    const server = startScripted((visit) => visit.wire.pause());
    const made = rig([server.port]);
    const sweep = sweepFast(made);
    const body = Array.from({ length: 256 }, () => Buffer.alloc(64 * 1024));
    const { reply } = await made.ask({ method: "PUT", body });
    clearInterval(sweep);
    expect(reply.status).toBe(504);
    server.stop();
  });

  test("a slow one that goes on is waited for", async () => {
    const server = startScripted(once((visit) => void sendSlowly(visit, OK)));
    const made = rig([server.port]);
    let nowMs = 0;
    // Between two sweeps there is always a byte.
    const sweep = setInterval(() => made.upstream.tick((nowMs += 900)), 50);
    expect((await made.ask()).reply.text).toBe("ok");
    clearInterval(sweep);
    server.stop();
  });

});

describe("the request body", () => {
  const random = mulberry32(11);
  const content = Buffer.from(Array.from({ length: 3_000_000 }, () => random() * 256));
  const sizes = [0, 1, 16 * 1024, 16 * 1024 + 1, 64 * 1024, 64 * 1024 + 1, 3_000_000];
  test.each(sizes)("of %d bytes arrives byte for byte, with its length", async (size) => {
    const wanted = content.subarray(0, size);
    const chunks = Array.from({ length: Math.ceil(size / 10_000) }, (_, i) => wanted.subarray(i * 10_000, (i + 1) * 10_000));
    let seen = "";
    const script = (visit: Visit) => {
      const at = visit.text.indexOf("\r\n\r\n") + 4;
      if (at < 4 || visit.text.length - at < size) return;
      seen = visit.text;
      visit.send(OK);
    };
    for (const bodyLength of [size, LENGTH_UNKNOWN]) {
      const { reply } = await against(script, { method: "POST", body: chunks, bodyLength });
      expect(reply.status).toBe(200);
      expect(seen).toContain(`\r\nContent-Length: ${size}\r\n`);
      expect(seen).not.toContain("Transfer-Encoding");
      expect(Buffer.from(seen.slice(seen.indexOf("\r\n\r\n") + 4), "latin1").equals(wanted)).toBe(true);
    }
  });

  test("that the client breaks off is not sent at all", async () => {
    const server = startScripted(answering(OK));
    const { request, upstream } = rig([server.port]);
    const { reply } = request({ method: "POST", body: [Buffer.from("part")], bodyLength: 10, bodyFailure: "aborted" });
    await Bun.sleep(20);
    expect(reply.state).toBe("waiting");
    expect(server.visits).toHaveLength(0);
    upstream.close();
    server.stop();
  });

  test("that was not wanted: an early reply is given, and the connection is not used again", async () => {
    const early = "HTTP/1.1 413 Too Large\r\nContent-Length: 5\r\n\r\nlarge";
    const server = startScripted(
      once((visit) => {
        visit.wire.pause();
        visit.send(early);
      }),
    );
    const { ask } = rig([server.port]);
    const body = Array.from({ length: 256 }, () => Buffer.alloc(64 * 1024));
    const { reply } = await ask({ method: "POST", body });
    expect([reply.status, reply.text]).toEqual([413, "large"]);
    await ask({ method: "POST", body: [] });
    expect(server.visits).toHaveLength(2);
    server.stop();
  });
});

describe("another connection", () => {
  /** A port where nobody listens. */
  function deadPort(): number {
    const server = startScripted(() => {});
    server.stop();
    return server.port;
  }

  test("a server that cannot be connected is passed over, whatever the method", async () => {
    for (const method of ["GET", "POST"]) {
      const server = startScripted(answering(OK));
      const { ask } = rig([deadPort(), server.port]);
      for (let i = 0; i < 4; i++) expect((await ask({ method })).reply.status).toBe(200);
      server.stop();
    }
  });

  test("none that can be connected is a 502", async () => {
    const { ask } = rig([deadPort(), deadPort()]);
    expect((await ask()).reply.status).toBe(502);
    expect((await ask()).reply.status).toBe(502);
  });

  test("GET goes to the next server when one closes without an answer, POST does not", async () => {
    const bad = startScripted(once((visit) => visit.wire.close()));
    const good = startScripted(answering(OK));
    expect((await rig([bad.port, good.port]).ask()).reply.status).toBe(200);
    expect(good.visits).toHaveLength(1);
    expect((await rig([bad.port, good.port]).ask(POST)).reply.status).toBe(502);
    expect(good.visits).toHaveLength(1);
    bad.stop();
    good.stop();
  });

  /** Answers the first request of each connection and closes at the second. */
  const forgetful = (visit: Visit) => {
    if (visit.heads === 1) visit.send(OK);
    else visit.wire.close();
  };

  test("GET is sent once more when its idle connection turns out to be closed", async () => {
    const server = startScripted(forgetful);
    const { ask } = rig([server.port]);
    expect((await ask()).reply.text).toBe("ok");
    expect((await ask()).reply.text).toBe("ok");
    expect(server.visits).toHaveLength(2);
    server.stop();
  });

  test("POST is never sent twice: its bytes may have had their effect", async () => {
    const server = startScripted(forgetful);
    const { ask } = rig([server.port]);
    await ask();
    expect((await ask(POST)).reply.status).toBe(502);
    expect(server.visits).toHaveLength(1);
    server.stop();
  });

  test("a server that fails is left alone for a while", async () => {
    const bad = startScripted(once((visit) => visit.wire.close()));
    const good = startScripted(answering(OK));
    const { ask } = rig([bad.port, good.port]);
    for (let i = 0; i < 10; i++) expect((await ask()).reply.status).toBe(200);
    expect(bad.visits).toHaveLength(1);
    bad.stop();
    good.stop();
  });

  test("a server that takes connections and never answers is a 504, and no second server gets the request", async () => {
    const bad = startScripted(() => {});
    const good = startScripted(answering(OK));
    const made = rig([bad.port, good.port]);
    const sweep = sweepFast(made);
    expect((await made.ask()).reply.status).toBe(504);
    expect(good.visits).toHaveLength(0);
    clearInterval(sweep);
    bad.stop();
    good.stop();
  });
});

describe("the client leaves", () => {
  test("while the reply is awaited: the upstream's connection is closed", async () => {
    const server = startScripted(() => {});
    const { request } = rig([server.port]);
    const { reply } = request();
    await until("the request", 5000, () => server.visits[0]?.heads === 1);
    reply.leave();
    await until("the end of the connection", 5000, () => server.visits[0]?.state !== "open");
    server.stop();
  });

  test("within the reply", async () => {
    const server = startScripted(once((visit) => visit.send("HTTP/1.1 200 OK\r\n\r\nsome")));
    const { request } = rig([server.port]);
    const { reply } = request();
    await until("the first bytes", 5000, () => reply.text === "some");
    reply.leave();
    await until("the end of the connection", 5000, () => server.visits[0]?.state !== "open");
    server.stop();
  });

  test("before there is a connection", async () => {
    const server = startScripted(answering(OK));
    const { request, ask } = rig([server.port]);
    request().reply.leave();
    expect((await ask()).reply.text).toBe("ok");
    server.stop();
  });
});

test("a slow client does not hold the upstream: the reply is spooled, and every byte arrives in order", async () => {
  const random = mulberry32(5);
  const content = Buffer.from(Array.from({ length: 4_000_000 }, () => random() * 256));
  const server = startScripted(
    once((visit) => {
      visit.send(`HTTP/1.1 200 OK\r\nContent-Length: ${content.length}\r\n\r\n`);
      visit.send(content);
    }),
  );
  const { request, upstream } = rig([server.port]);
  const { reply } = request();
  reply.full = true;
  await until("the head", 5000, () => reply.state === "started");
  await until("the end of the upstream's work", 5000, () => server.visits[0]?.unsent === 0);
  await Bun.sleep(50);
  // Long after every deadline of the upstream the client goes on, and all is there.
  for (let nowMs = 0; nowMs < 100_000; nowMs += 100) upstream.tick(nowMs);
  reply.drain();
  await reply.over;
  expect(reply.aborted).toBeUndefined();
  expect(reply.content.equals(content)).toBe(true);
  server.stop();
});

describe("the log", () => {
  test("names the server, the reason and the request", async () => {
    const lines: string[] = [];
    const server = startScripted(once((visit) => visit.send("rubbish\r\n\r\n")));
    const log = makeLog("test", "info", (line) => lines.push(line));
    await rig([server.port], { name: "legacy" }, log).ask({ target: "/x?y" });
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain(`upstream legacy, server 127.0.0.1:${server.port}: bad reply (bad_status_line)`);
    expect(lines[0]).toContain('"GET /x?y" of 127.0.0.1');
    server.stop();
  });
});

test("CONNECT is not for a gateway, and a request that goes in circles is stopped", async () => {
  const { ask } = rig([1]);
  expect((await ask({ method: "CONNECT" })).reply.status).toBe(405);
  const via = Array.from({ length: 20 }, () => "1.1 server").join(", ");
  expect((await ask({ fields: [["Via", via]] })).reply.status).toBe(508);
});

test("an absolute-form target is asked for in origin-form", async () => {
  let seen = "";
  const script = (visit: Visit) => {
    seen = visit.text;
    visit.send(OK);
  };
  await against(script, { target: "/a%20b?c=%zz", fields: [["Host", "a.example"]] });
  expect(seen).toStartWith("GET /a%20b?c=%zz HTTP/1.1\r\nHost: a.example\r\n");
});
