import { describe, expect, test } from "bun:test";
import { makeLog } from "../../src/base/log.ts";
import { type AccelOptions, withAccel } from "../../src/exchange/accel.ts";
import type { Exchange } from "../../src/exchange/exchange.ts";
import type { Producer, Reply } from "../../src/exchange/reply.ts";
import { Fields } from "../../src/protocol/http/fields.ts";
import { KeptReply } from "../../src/protocol/http/kept-reply.ts";
import { LENGTH_UNKNOWN, PreparedHead, type ReplyHead } from "../../src/protocol/http/message.ts";
import { fakeExchange, type FakeRequest } from "../support/exchange.ts";

function head(fields: Record<string, string>, status = 200): ReplyHead {
  return { status, reason: undefined, fields: Fields.of(Object.entries(fields)), length: LENGTH_UNKNOWN };
}

/** The first reply is what `first` makes of it; what is redirected to is noted, and answered with `inside`. */
function accelerated(
  first: (reply: Reply, exchange: Exchange) => void,
  request: FakeRequest = {},
  inside = answerInside,
) {
  const noted: Exchange[] = [];
  const files: string[] = [];
  const logged: string[] = [];
  const options: AccelOptions = {
    mergeSlashes: true,
    dispatch: (exchange) => {
      noted.push(exchange);
      inside(exchange);
    },
    sendFile: (exchange, path) => {
      files.push(path);
      if (!path.startsWith("/allowed/")) return false;
      inside(exchange);
      return true;
    },
    log: makeLog("test", "debug", (line) => logged.push(line)),
  };
  const fake = fakeExchange(request);
  withAccel((exchange) => first(exchange.reply, exchange), options)(fake.exchange);
  return { ...fake, noted, files, log: () => logged.join("") };
}

function answerInside(exchange: Exchange): void {
  exchange.reply.whole(head({ "Content-Type": "inside/type", ETag: '"inside"' }), Buffer.from("inside"));
}

describe("a reply without such fields", () => {
  test("passes as it is, whole or as a stream", () => {
    const { reply } = accelerated((sink) => sink.whole(head({ X: "1" }), Buffer.from("own")));
    expect([reply.text, reply.header("x")]).toEqual(["own", "1"]);
    const stream = accelerated((sink) => {
      sink.start(head({ "x-accel-expires": "1", "X-Accel-Redirect": "" }));
      sink.data(Buffer.from("a"));
      sink.end();
    });
    expect([stream.reply.text, stream.reply.head?.fields.pairs()]).toEqual(["a", []]);
    const broken = accelerated((sink) => sink.abort("why"));
    expect(broken.reply.aborted).toBe("why");
  });
});

test("several ranges keep the type that has their boundary", () => {
  const type = "multipart/byteranges; boundary=0";
  const inside = (exchange: Exchange) => exchange.reply.whole(head({ "Content-Type": type }, 206), Buffer.alloc(0));
  const first = (reply: Reply) =>
    reply.whole(head({ "Content-Type": "view/type", "X-Accel-Redirect": "/in" }), Buffer.alloc(0));
  expect(accelerated(first, {}, inside).reply.header("content-type")).toBe(type);
});

describe.each(["an upstream's", "an application's"])("X-Accel-Limit-Rate of %s reply", (whose) => {
  test("holds for what is sent in its place", async () => {
    const inside = (exchange: Exchange) => {
      exchange.reply.start(head({}));
      exchange.reply.data(Buffer.alloc(100, "x"));
      exchange.reply.end();
    };
    const upstreams = whose === "an upstream's";
    const fields = { "X-Accel-Redirect": "/in", ...(upstreams ? {} : { "X-Accel-Limit-Rate": "1000" }) };
    const first = (sink: Reply, exchange: Exchange) => {
      if (upstreams) exchange.accelLimitRate = 1000;
      sink.whole(head(fields), Buffer.alloc(0));
    };
    const { reply } = accelerated(first, {}, inside);
    // 50 bytes for the first 50 ms, the others when their time has come.
    expect(reply.text.length).toBeLessThan(100);
    await reply.over;
    expect([reply.text.length, reply.state]).toEqual([100, "finished"]);
  });
});

test("a head that is sent again and again is followed each time, or passes each time", () => {
  const following = { ...head({ "X-Accel-Redirect": "/in" }), prepared: new PreparedHead() };
  const plain = { ...head({ X: "1" }), prepared: new PreparedHead() };
  for (let time = 0; time < 3; time++) {
    const followed = accelerated((sink) => sink.whole(following, Buffer.from("own")));
    expect([followed.reply.text, followed.noted.length]).toEqual(["inside", 1]);
    const passed = accelerated((sink) => sink.whole(plain, Buffer.from("own")));
    expect([passed.reply.text, passed.reply.head, passed.noted.length]).toEqual(["own", plain, 0]);
  }
});

describe("X-Accel-Redirect", () => {
  test("gives the path decoded, the query as it is, and a GET without body or its fields", () => {
    const request: FakeRequest = {
      method: "POST",
      path: "/view",
      query: "old",
      fields: [
        ["Content-Type", "a/b"],
        ["Content-Length", "3"],
        ["Range", "bytes=0-1"],
        ["If-None-Match", '"x"'],
        ["Expect", "y"],
      ],
      body: [Buffer.from("abc")],
    };
    const { noted, reply } = accelerated(
      (sink) => sink.whole(head({ "X-Accel-Redirect": "/a%20b//c/../d?x=%20 y" }), Buffer.from("own")),
      request,
    );
    expect(noted[0]?.head).toMatchObject({ method: "GET", path: "/a b/d", query: "x=%20%20y", bodyLength: 0 });
    expect(noted[0]?.head.fields.pairs().map(([name]) => name)).toEqual(["Range", "If-None-Match"]);
    expect(reply.text).toBe("inside");
  });

  test("of a file that is sent again and again has its own head, not the one that is kept for others", () => {
    const { room } = KeptReply.makeRoom(6);
    const kept = { ...head({ ETag: '"inside"' }), kept: new KeptReply(room), prepared: new PreparedHead() };
    const { reply } = accelerated(
      (sink) => sink.whole(head({ "X-Accel-Redirect": "/f", "Set-Cookie": "a=b" }), Buffer.from("")),
      {},
      (exchange) => exchange.reply.whole(kept, Buffer.from("inside")),
    );
    expect(reply.header("set-cookie")).toBe("a=b");
    expect([reply.head?.kept, reply.head?.prepared]).toEqual([undefined, undefined]);
  });

  test("without a query has none", () => {
    const { noted } = accelerated((sink) => sink.start(head({ "X-Accel-Redirect": "/a" })), {
      query: "old",
      method: "HEAD",
    });
    expect([noted[0]?.head.query, noted[0]?.head.method, noted[0]?.depth]).toEqual([undefined, "HEAD", 1]);
  });

  const view = {
    "X-Accel-Redirect": "/a",
    "Content-Type": "view/type",
    "Set-Cookie": "a",
    Expires: "0",
    ETag: '"view"',
  };
  test.each([
    [200, "view/type", "0", "a"],
    [206, "view/type", "0", "a"],
    [304, "inside/type", "0", "a"],
    [404, "inside/type", undefined, "a"],
  ])("keeps of the view, for %d", (status, type, expires, cookie) => {
    const inside = (exchange: Exchange) =>
      exchange.reply.whole(head({ "Content-Type": "inside/type" }, status), Buffer.alloc(0));
    const { reply } = accelerated((sink) => sink.start(head(view)), {}, inside);
    expect([
      reply.status,
      reply.header("content-type"),
      reply.header("expires"),
      reply.header("set-cookie"),
      reply.header("etag"),
    ]).toEqual([status, type, expires, cookie, undefined]);
  });

  test("drops the content of the view, and tells a stream that nothing more is wanted", () => {
    const states: string[] = [];
    const { reply } = accelerated((sink) => {
      sink.start(head({ "X-Accel-Redirect": "/a" }));
      states.push(sink.state);
      sink.data(Buffer.from("own"));
      states.push(sink.state);
      sink.end();
    });
    expect([reply.text, states]).toEqual(["inside", ["started", "gone"]]);
  });

  test("leaves the producer of the new reply alone", () => {
    const own: Producer = { drained: () => {}, gone: () => {} };
    const other: Producer = { drained: () => {}, gone: () => {} };
    const { reply } = accelerated(
      (sink) => {
        sink.producer = own;
        sink.start(head({ "X-Accel-Redirect": "/a" }));
        sink.producer = own;
        sink.data(Buffer.from("x"));
      },
      {},
      (exchange) => {
        exchange.reply.producer = other;
        exchange.reply.start(head({}));
      },
    );
    expect(reply.producer).toBe(other);
  });

  test.each([["a"], ["@name"], ["//x/../.."], ["/a%00"], ["/a#b"], ["http://h/a"], ["/%"]])(
    "%p is 404, with a line in the log",
    (target) => {
      const { reply, noted, log } = accelerated((sink) => sink.start(head({ "X-Accel-Redirect": target })));
      expect([reply.status, noted.length]).toEqual([404, 0]);
      expect(log()).toContain("X-Accel-Redirect is no path");
    },
  );
});

describe("X-Sendfile", () => {
  test("gives the path as it is", () => {
    const { reply, files } = accelerated((sink) =>
      sink.whole(head({ "X-Sendfile": "/allowed/a%20 b" }), Buffer.from("own")),
    );
    expect([reply.text, files]).toEqual(["inside", ["/allowed/a%20 b"]]);
    expect(reply.header("x-sendfile")).toBeUndefined();
  });

  test.each(["/elsewhere/a", "relative", "allowed/x"])("%s is 500", (path) => {
    const { reply, log } = accelerated((sink) => sink.start(head({ "X-Sendfile": path })));
    expect(reply.status).toBe(500);
    expect(log()).toContain("X-Sendfile");
  });
});
