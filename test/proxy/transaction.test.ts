/** The engine's replies: upstreams that behave, and those that do not, over real sockets. */
import { describe, expect, test } from "bun:test";
import { makeLog } from "../../src/base/log.ts";
import { LENGTH_UNKNOWN } from "../../src/protocol/http/message.ts";
import { mulberry32 } from "../support/http1.ts";
import {
  against,
  answering,
  OK,
  once,
  rig,
  sendSlowly,
  startScripted,
  type Visit,
} from "../support/scripted-upstream.ts";
import { until } from "../support/wait.ts";

describe("a good reply", () => {
  const cases: readonly (readonly [name: string, wire: string, status: number, length: number, content: string])[] = [
    ["of known length", OK, 200, 2, "ok"],
    ["without content", "HTTP/1.1 204 No Content\r\n\r\n", 204, 0, ""],
    ["empty", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200, 0, ""],
    [
      "in one chunk gets a length",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
      200,
      2,
      "ok",
    ],
    [
      "behind interim ones",
      `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n${OK}`,
      200,
      2,
      "ok",
    ],
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
    const wire =
      "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\nHTTP/1.1 299 Fine\r\nB: 1\r\na: 2\r\nB: 3\r\nContent-Length: 0\r\n\r\n";
    const { reply } = await against(answering(`HTTP/1.1 100 Continue\r\n\r\n${wire}`));
    expect(reply.head?.reason).toBe("Fine");
    expect(reply.head?.fields.pairs()).toEqual([
      ["B", "1"],
      ["a", "2"],
      ["B", "3"],
    ]);
    expect(reply.interims.map(({ status, fields }) => [status, fields.pairs()])).toEqual([
      [103, [["Link", "</a.css>"]]],
    ]);
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
    [
      "a status that was not asked for",
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
    ],
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
    [
      "without the end of the last chunk",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nsome\r\n0\r\n",
      "close",
    ],
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
