import { describe, expect, test } from "bun:test";
import { makeLog } from "../../src/base/log.ts";
import { withAuthRequest } from "../../src/exchange/auth-request.ts";
import type { Exchange } from "../../src/exchange/exchange.ts";
import type { Reply } from "../../src/exchange/reply.ts";
import { BUILT_IN } from "../../src/exchange/variables.ts";
import { Fields } from "../../src/protocol/http/fields.ts";
import type { ReplyHead } from "../../src/protocol/http/message.ts";
import { fakeExchange, type FakeRequest } from "../support/exchange.ts";

function head(status: number, fields: Record<string, string> = {}): ReplyHead {
  return { status, reason: undefined, fields: Fields.of(Object.entries(fields)), length: 0 };
}

const NOTHING = Buffer.alloc(0);

/** `says` is what the path answers; what passes is answered with "in". */
function asked(says: (reply: Reply) => void, request: FakeRequest = {}) {
  const questions: Exchange[] = [];
  const logged: string[] = [];
  const options = {
    path: "/auth me",
    dispatch: (exchange: Exchange) => {
      questions.push(exchange);
      says(exchange.reply);
    },
    log: makeLog("test", "debug", (line) => logged.push(line)),
  };
  const fake = fakeExchange(request);
  withAuthRequest(options, (exchange) => exchange.reply.whole(head(200), Buffer.from("in")))(fake.exchange);
  return { ...fake, questions, log: () => logged.join("") };
}

describe("what the reply says", () => {
  test.each([200, 204, 299])("%i lets the request pass", (status) => {
    expect(asked((reply) => reply.whole(head(status), NOTHING)).reply.text).toBe("in");
  });

  test("401 is answered with its challenges, 403 without more", () => {
    const refused = asked((reply) => reply.whole(head(401, { "WWW-Authenticate": "Bearer", "X-Other": "x" }), NOTHING));
    expect([refused.reply.head?.status, refused.reply.header("www-authenticate")]).toEqual([401, "Bearer"]);
    expect(refused.reply.header("x-other")).toBeUndefined();
    expect(asked((reply) => reply.whole(head(403), NOTHING)).reply.head?.status).toBe(403);
  });

  test("anything else is a 500 that the log explains, no answer too", () => {
    const found = asked((reply) => reply.whole(head(302), NOTHING));
    expect([found.reply.head?.status, found.log()]).toEqual([500, expect.stringContaining("/auth me answered 302")]);
    const broken = asked((reply) => reply.abort("why"));
    expect([broken.reply.head?.status, broken.log()]).toEqual([500, expect.stringContaining("gave no answer")]);
  });

  test("it may come in pieces and later, and its head decides", () => {
    let later: Reply | undefined;
    const { reply } = asked((sink) => (later = sink));
    expect(reply.state).toBe("waiting");
    later?.start(head(200));
    expect(reply.text).toBe("in");
    expect([later?.data(Buffer.from("dropped")), later?.state]).toEqual([true, "started"]);
    later?.end();
    expect([reply.text, later?.state]).toEqual(["in", "finished"]);
  });

  test("that it breaks off behind its head changes nothing", () => {
    const found = asked((reply) => {
      reply.start(head(403));
      reply.abort("why");
    });
    expect([found.reply.head?.status, found.log()]).toEqual([403, ""]);
  });

  test("content without end is not taken for long, by bytes or by time", async () => {
    const gone: string[] = [];
    const endless = (name: string) => (reply: Reply) => {
      reply.producer = { drained: () => {}, gone: () => gone.push(name) };
      reply.start(head(200));
    };
    const large = asked(endless("large")).questions[0]?.reply;
    for (let i = 0; i < 16; i++) large?.data(Buffer.alloc(4096));
    expect(gone).toEqual([]);
    large?.data(Buffer.alloc(1));
    expect([large?.state, gone]).toEqual(["gone", ["large"]]);
    const slow = asked(endless("slow")).questions[0]?.reply;
    slow?.data(Buffer.from("x"));
    await Bun.sleep(2200);
    expect([slow?.state, gone]).toEqual(["gone", ["large", "slow"]]);
  });

  test("a client that leaves meanwhile ends the question", () => {
    let gone = 0;
    const { reply, questions } = asked((sink) => (sink.producer = { drained: () => {}, gone: () => gone++ }));
    reply.producer?.gone();
    expect(gone).toBe(1);
    questions[0]?.reply.whole(head(200), NOTHING);
    expect(reply.state).toBe("waiting");
  });
});

describe("the question", () => {
  const request: FakeRequest = {
    method: "POST",
    path: "/private/x",
    query: "a=b",
    fields: [
      ["Cookie", "sessionid=1"],
      ["Content-Type", "a/b"],
      ["If-None-Match", '"x"'],
      ["Range", "bytes=0-1"],
    ],
    body: [Buffer.from("abc")],
  };

  test("is a GET with the fields of the request, without body, conditions and query", () => {
    const { questions, body } = asked((reply) => reply.whole(head(200), NOTHING), request);
    expect(questions[0]?.head).toMatchObject({ method: "GET", path: "/auth me", query: undefined, bodyLength: 0 });
    expect(questions[0]?.head.fields.pairs()).toEqual([["Cookie", "sessionid=1"]]);
    expect([body.length, questions[0]?.body.length]).toEqual([3, 0]);
  });

  test("knows what the client asked for, and fields of the answer are variables of the request", () => {
    const read = (exchange: Exchange | undefined, name: string) => exchange && BUILT_IN.find(name)?.read(exchange);
    const { questions, exchange } = asked((reply) => reply.whole(head(200, { "X-User": "ann" }), NOTHING), request);
    expect([read(questions[0], "request_uri"), read(questions[0], "request_method")]).toEqual([
      "/private/x?a=b",
      "POST",
    ]);
    expect([read(exchange, "auth_http_x_user"), read(exchange, "auth_http_x_none")]).toEqual(["ann", ""]);
  });
});
