import { describe, expect, test } from "bun:test";
import { answer } from "../../src/exchange/canned.ts";
import { Fields } from "../../src/protocol/http/fields.ts";
import { type FakeRequest, fakeExchange } from "../support/exchange.ts";
import { CacheStage, FRESH, type Pairs } from "./stage.ts";

const ETAG: Pairs = [...FRESH, ["ETag", '"a"'], ["Last-Modified", "Sun, 06 Nov 1994 08:49:37 GMT"]];

test("a fresh reply is given to all who ask for the same, with its age", () => {
  const stage = new CacheStage();
  expect(stage.show(stage.ask({ path: "/a" }, "first", [...FRESH, ["X-A", "b"]]))).toBe("MISS first");
  stage.nowMs += 2500;
  const second = stage.request({ path: "/a" });
  expect(stage.show(second)).toBe("HIT first");
  expect([second.reply.header("age"), second.reply.header("x-a")]).toEqual(["2", "b"]);
  expect(second.reply.header("date")).toBeDefined();
  expect(stage.show(stage.request({ path: "/a", method: "HEAD" }))).toStartWith("HIT ");
  expect(stage.asked).toHaveLength(1);
});

test("it ends with its freshness", () => {
  const stage = new CacheStage();
  stage.ask({}, "first");
  stage.nowMs += 60_000;
  expect(stage.show(stage.ask({}, "second"))).toBe("EXPIRED second");
  expect(stage.show(stage.request())).toBe("HIT second");
});

test.each<[string, FakeRequest]>([
  ["another path", { path: "/b" }],
  ["another query", { query: "a=1" }],
  ["an empty query", { query: "" }],
  ["another host", { host: "other" }],
])("%s is another reply", (_, request) => {
  const stage = new CacheStage();
  stage.ask({}, "first");
  expect(stage.show(stage.ask(request, "second"))).toBe("MISS second");
});

test.each<[string, FakeRequest]>([
  ["a precondition for the server", { fields: [["If-Match", '"x"']] }],
  ["no-store", { fields: [["Cache-Control", "no-store"]] }],
  ["Authorization", { fields: [["Authorization", "Basic eDp5"]] }],
  ["content", { body: [Buffer.from("x")] }],
  ["OPTIONS", { method: "OPTIONS" }],
  ["another protocol", { upgrade: "websocket" }],
])("a request with %s goes past the cache, as it is", (_, request) => {
  const stage = new CacheStage();
  stage.ask({}, "first");
  const made = stage.ask(request, "mine");
  expect(stage.show(made)).toBe("BYPASS mine");
  expect(stage.asked.at(-1)).toBe(made.exchange);
  expect(stage.show(stage.request())).toBe("HIT first");
});

test("no-cache of a client does not empty what all use", () => {
  const stage = new CacheStage();
  stage.ask({}, "first");
  expect(stage.show(stage.request({ fields: [["Cache-Control", "no-cache"]] }))).toBe("HIT first");
});

test.each<[string, Pairs, number]>([
  ["no freshness", [], 200],
  ["no-store", [["Cache-Control", "no-store, max-age=60"]], 200],
  ["private", [["Cache-Control", "max-age=60, private"]], 200],
  ["Set-Cookie", [...FRESH, ["Set-Cookie", "a=b"]], 200],
  ["Vary: *", [...FRESH, ["Vary", "Accept, *"]], 200],
  ["206", [...FRESH, ["Content-Range", "bytes 0-1/2"]], 206],
  ["500", FRESH, 500],
  ["X-Accel-Expires: 0", [...FRESH, ["X-Accel-Expires", "0"]], 200],
])("a reply with %s is not kept, and asked for past the cache for a while", (_, fields, status) => {
  const stage = new CacheStage();
  const first = stage.ask({}, "first", fields, status);
  expect(stage.show(first)).toBe("MISS first");
  expect(first.reply.header("x-accel-expires")).toBeUndefined();
  expect(stage.cache.count).toBe(0);
  expect(stage.show(stage.ask({}, "second", fields, status))).toBe("BYPASS second");
  stage.nowMs += 5000;
  expect(stage.show(stage.ask({}, "third"))).toBe("MISS third");
});

describe("for requests with Authorization", () => {
  const request = { fields: [["Authorization", "Basic eDp5"]] } as const;

  test.each(["public, max-age=60", "s-maxage=60", "must-revalidate, max-age=60"])("%s may be given", (control) => {
    const stage = new CacheStage();
    stage.ask({}, "for all", [["Cache-Control", control]]);
    expect(stage.show(stage.request(request))).toBe("HIT for all");
  });

  test("what is not expressly for all is not, nor is their reply kept", () => {
    const stage = new CacheStage();
    stage.ask(request, "mine", [["Cache-Control", "public, max-age=60"]]);
    expect(stage.show(stage.ask({}, "for all"))).toBe("MISS for all");
    expect(stage.show(stage.ask(request, "mine again"))).toBe("BYPASS mine again");
  });
});

describe("Vary", () => {
  const german = { fields: [["Accept-Language", "de"]] } as const;
  const french = { fields: [["Accept-Language", "fr"]] } as const;
  const vary: Pairs = [...FRESH, ["Vary", "Accept-Language"]];

  test("keeps a variant for each value", () => {
    const stage = new CacheStage();
    stage.ask(german, "deutsch", vary);
    stage.ask(french, "français".replace("ç", "c"), vary);
    expect(stage.show(stage.request(german))).toBe("HIT deutsch");
    expect(stage.show(stage.request(french))).toBe("HIT francais");
    expect(stage.show(stage.ask({}, "none", vary))).toBe("MISS none");
  });

  test("has a bound, at which the oldest variant goes", () => {
    const stage = new CacheStage();
    const of = (n: number) => ({ fields: [["Accept-Language", `x-${n}`]] }) as const;
    for (let n = 0; n < 17; n++) stage.ask(of(n), `${n}`, vary);
    expect(stage.cache.count).toBe(16);
    expect(stage.show(stage.request(of(16)))).toBe("HIT 16");
    expect(stage.show(stage.ask(of(0), "again", vary))).toBe("MISS again");
  });

  test("a reply that is coded depends on Accept-Encoding even if it does not say so; spellings are one", () => {
    const stage = new CacheStage();
    const taking = (value: string) => ({ fields: [["Accept-Encoding", value]] }) as const;
    stage.ask(taking("gzip, deflate, br;q=0"), "packed", [...FRESH, ["Content-Encoding", "gzip"]]);
    expect(stage.asked[0]?.head.fields.all("accept-encoding")).toEqual(["gzip"]);
    expect(stage.show(stage.request(taking("GZIP ;q=0.5")))).toBe("HIT packed");
    expect(stage.show(stage.ask(taking("identity"), "plain"))).toBe("MISS plain");
  });
});

describe("conditions of the client", () => {
  test.each([
    ['"a"', 304],
    ['W/"a"', 304],
    ['"x", "a"', 304],
    ["*", 304],
    ['"x"', 200],
  ])("If-None-Match: %s is answered %d", (value, status) => {
    const stage = new CacheStage();
    stage.ask({}, "first", ETAG);
    const { reply } = stage.request({ fields: [["If-None-Match", value]] });
    expect([reply.status, reply.header("etag")]).toEqual([status, '"a"']);
  });

  test("If-Modified-Since counts beside no If-None-Match", () => {
    const stage = new CacheStage();
    stage.ask({}, "first", ETAG);
    const since = (value: string) => stage.request({ fields: [["If-Modified-Since", value]] }).reply.status;
    expect(since("Sun, 06 Nov 1994 08:49:37 GMT")).toBe(304);
    expect(since("Sun, 06 Nov 1994 08:49:36 GMT")).toBe(200);
    expect(since("yesterday")).toBe(200);
  });

  test("are answered here also when the reply was fetched for them", () => {
    const stage = new CacheStage();
    const { reply } = stage.ask({ fields: [["If-None-Match", '"a"']] }, "first", ETAG);
    expect(stage.asked[0]?.head.fields.has("if-none-match")).toBe(false);
    expect(reply.status).toBe(304);
  });
});

describe("validation", () => {
  test("a 304 renews what is kept", () => {
    const stage = new CacheStage();
    stage.ask({}, "first", [...ETAG, ["X-A", "old"], ["Content-Type", "text/plain"]]);
    stage.nowMs += 61_000;
    const made = stage.request();
    const { fields } = stage.asked[1]?.head ?? { fields: new Fields() };
    expect(fields.get("if-none-match")).toBe('"a"');
    expect(fields.get("if-modified-since")).toBe("Sun, 06 Nov 1994 08:49:37 GMT");
    stage.answer("", [...FRESH, ["X-A", "new"], ["Content-Type", "x/y"]], 304);
    expect(stage.show(made)).toBe("REVALIDATED first");
    expect([made.reply.status, made.reply.header("x-a")]).toEqual([200, "new"]);
    const hit = stage.request();
    expect(stage.show(hit)).toBe("HIT first");
    expect([hit.reply.header("age"), hit.reply.header("content-type")]).toEqual(["0", "text/plain"]);
  });

  test("no-cache is kept to be asked about each time", () => {
    const stage = new CacheStage();
    stage.ask({}, "first", [
      ["Cache-Control", "no-cache"],
      ["ETag", '"a"'],
    ]);
    const made = stage.request();
    stage.answer(
      "",
      [
        ["Cache-Control", "no-cache"],
        ["ETag", '"a"'],
      ],
      304,
    );
    expect(stage.show(made)).toBe("REVALIDATED first");
    expect(stage.asked).toHaveLength(2);
  });

  test("a new reply takes the place of the old one", () => {
    const stage = new CacheStage();
    stage.ask({}, "first", ETAG);
    stage.nowMs += 61_000;
    expect(stage.show(stage.ask({}, "second", ETAG))).toBe("EXPIRED second");
    expect(stage.cache.count).toBe(1);
  });
});

describe("what is stale", () => {
  test("is given at once while it is renewed behind the client's back, once", () => {
    const stage = new CacheStage({ staleWhileRevalidateMs: 10_000 });
    stage.ask({}, "first");
    stage.nowMs += 61_000;
    expect(stage.show(stage.request())).toBe("STALE first");
    expect(stage.show(stage.request())).toBe("STALE first");
    expect(stage.asked).toHaveLength(2);
    stage.answer("second");
    expect(stage.show(stage.request())).toBe("HIT second");
  });

  test("is gone when a reply comes that may not be kept, which nobody waits for from then on", () => {
    const stage = new CacheStage({ staleWhileRevalidateMs: 100_000 });
    stage.ask({}, "old");
    stage.nowMs += 61_000;
    expect(stage.show(stage.request())).toBe("STALE old");
    stage.answer("mine", [["Cache-Control", "private"]]);
    const before = stage.asked.length;
    const [one, other] = [stage.request(), stage.request()];
    expect(stage.asked.length - before).toBe(2);
    expect([one.exchange.cacheStatus, other.exchange.cacheStatus]).toEqual(["BYPASS", "BYPASS"]);
    expect(stage.cache.count).toBe(0);
  });

  test("stays when the server answers with an error for which it may not stand in", () => {
    const stage = new CacheStage({ staleWhileRevalidateMs: 100_000 });
    stage.ask({}, "old");
    stage.nowMs += 61_000;
    stage.request();
    stage.answer("broken", [], 500);
    expect(stage.show(stage.request())).toBe("STALE old");
  });

  test.each([500, 502, 503, 504])("stands in for a %d, of the server or of ours", (status) => {
    const stage = new CacheStage({ staleIfErrorMs: 10_000 });
    stage.ask({}, "first");
    stage.nowMs += 61_000;
    expect(stage.show(stage.ask({}, "broken", [], status))).toBe("STALE first");
    const made = stage.request();
    const asked = stage.asked.at(-1);
    if (asked !== undefined) answer(asked, status);
    expect(stage.show(made)).toBe("STALE first");
    stage.nowMs += 10_000;
    expect(stage.ask({}, "broken", [], status).reply.status).toBe(status);
  });

  test("is never used where the reply forbids it", () => {
    const stage = new CacheStage({ staleWhileRevalidateMs: 10_000, staleIfErrorMs: 10_000 });
    stage.ask({}, "first", [["Cache-Control", "max-age=60, must-revalidate"]]);
    stage.nowMs += 61_000;
    expect(stage.ask({}, "broken", [], 500).reply.status).toBe(500);
  });
});

describe("cookies", () => {
  const bypassCookies = ["sessionid"];

  test("of a session go past the cache; others are taken off what is asked for all", () => {
    const stage = new CacheStage({ bypassCookies });
    const mine = stage.ask({ fields: [["Cookie", "a=b; sessionid=1"]] }, "mine", [...FRESH, ["Vary", "Cookie"]]);
    expect(stage.show(mine)).toBe("BYPASS mine");
    expect(stage.asked[0]?.head.fields.has("cookie")).toBe(true);
    stage.ask({ fields: [["Cookie", "_ga=1"]] }, "for all", [...FRESH, ["Vary", "Cookie"]]);
    expect(stage.asked[1]?.head.fields.has("cookie")).toBe(false);
    expect(stage.show(stage.request({ fields: [["Cookie", "_ga=2"]] }))).toBe("HIT for all");
  });

  test("without bypass_cookies count as Vary says, and ttl does not speak for replies to them", () => {
    const stage = new CacheStage({ ttlMs: 5000 });
    expect(stage.show(stage.ask({ fields: [["Cookie", "a=b"]] }, "mine", []))).toBe("MISS mine");
    expect(stage.cache.count).toBe(0);
    stage.nowMs += 5000;
    stage.ask({}, "for all", []);
    expect(stage.show(stage.request())).toBe("HIT for all");
  });

  test("that a reply sets go to the one who asked, where such replies are kept", () => {
    const stage = new CacheStage({ ignoreSetCookie: true });
    const first = stage.ask({}, "page", [...FRESH, ["Set-Cookie", "a=b"]]);
    expect(first.reply.header("set-cookie")).toBe("a=b");
    const second = stage.request();
    expect([stage.show(second), second.reply.header("set-cookie")]).toEqual(["HIT page", undefined]);
  });
});

test("what is not part of a reply's name does not reach who makes it", () => {
  const stage = new CacheStage();
  const hostile: Pairs = [
    ["X-Forwarded-Host", "evil"],
    ["X-Forwarded-Scheme", "http"],
    ["Forwarded", "host=evil"],
    ["X-Original-URL", "/admin"],
    ["X-Rewrite-Url", "/admin"],
    ["X-HTTP-Method-Override", "DELETE"],
    ["Accept", "text/html"],
  ];
  const { exchange } = fakeExchange({ fields: hostile });
  // A map was asked about a field that is not passed on.
  exchange.mapResults = [undefined];
  stage.cache.handler(exchange);
  expect(stage.asked[0]?.head.fields.pairs()).toEqual([["Accept", "text/html"]]);
  expect(stage.asked[0]?.mapResults).toBeUndefined();
});

describe("a URL that is changed", () => {
  test.each(["POST", "PUT", "PATCH", "DELETE", "PURGE"])("by %s is forgotten, here and by the siblings", (method) => {
    const stage = new CacheStage();
    stage.ask({ path: "/a", query: "b" }, "old");
    stage.ask({ path: "/other" }, "other");
    stage.ask({ path: "/a", query: "b", method }, "done", [["Location", "http://localhost/other"]], 201);
    expect(stage.changed).toEqual(["localhost/a?b", "localhost/other"]);
    expect(stage.cache.count).toBe(0);
  });

  test("is not when that failed, nor is another host's", () => {
    const stage = new CacheStage();
    stage.ask({}, "old");
    stage.ask({ method: "POST" }, "no", [], 403);
    expect(stage.show(stage.request())).toBe("HIT old");
    stage.ask({ path: "/b", method: "POST" }, "yes", [["Location", "http://elsewhere/"]]);
    expect(stage.changed).toEqual(["localhost/b"]);
  });

  test("while its reply is on its way is not kept", () => {
    const stage = new CacheStage();
    const first = stage.request({ path: "/a" });
    const fetching = stage.asked[0];
    stage.ask({ path: "/a", method: "POST" }, "done", []);
    const content = Buffer.from("old");
    fetching?.reply.whole({ status: 200, reason: undefined, fields: Fields.of(FRESH), length: 3 }, content);
    expect(first.reply.text).toBe("old");
    expect(stage.cache.count).toBe(0);
  });

  test("is forgotten by prefix, and all at once", () => {
    const stage = new CacheStage();
    for (const path of ["/a/1", "/a/2", "/b"]) stage.ask({ path }, path);
    expect(stage.cache.forget("localhost/a/*")).toBe(2);
    expect(stage.cache.forget("localhost/b")).toBe(1);
    stage.ask({ path: "/c" }, "c");
    expect(stage.cache.forget("*")).toBe(1);
  });
});

test("memory is bounded: what was used longest ago gives way", () => {
  const stage = new CacheStage({ memoryBytesMax: 20_000 });
  for (let i = 0; i < 4; i++) stage.ask({ path: `/${i}` }, "x".repeat(4000));
  expect(stage.cache.count).toBeLessThan(4);
  stage.request({ path: "/1" });
  stage.ask({ path: "/4" }, "x".repeat(4000));
  expect(stage.show(stage.request({ path: "/1" }))).toStartWith("HIT");
  expect(stage.request({ path: "/2" }).reply.state).toBe("waiting");
  stage.ask({ path: "/huge" }, "x".repeat(30_000));
  expect(stage.show(stage.request({ path: "/1" }))).toStartWith("HIT");
});
