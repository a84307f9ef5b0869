/** Which page an error gets, what of the error stays, and what happens when the page itself fails. */
import { describe, expect, test } from "bun:test";
import { SILENT } from "../../src/base/log.ts";
import { answer, plainReply } from "../../src/exchange/canned.ts";
import { type ErrorPageOptions, ErrorPages } from "../../src/exchange/error-pages.ts";
import type { Handler } from "../../src/exchange/exchange.ts";
import { withIntercept } from "../../src/exchange/intercept.ts";
import { Fields } from "../../src/protocol/http/fields.ts";
import { BUILT_IN } from "../../src/exchange/variables.ts";
import { LENGTH_UNKNOWN } from "../../src/protocol/http/message.ts";
import { fakeExchange, type FakeRequest } from "../support/exchange.ts";
import { template } from "../support/template.ts";

function text(statuses: string[], body: string, status?: number): ErrorPageOptions {
  return {
    statuses,
    status,
    source: { kind: "respond", text: template(body, BUILT_IN, "reply"), contentType: "text/html" },
  };
}

function route(statuses: string[], path: string, status?: number): ErrorPageOptions {
  return { statuses, status, source: { kind: "route", path } };
}

function stage(
  pages: readonly ErrorPageOptions[],
  dispatch: Handler = () => expect.unreachable(),
  request: FakeRequest = {},
) {
  const faked = fakeExchange(request);
  faked.exchange.errorPages = new ErrorPages(pages, { dispatch, log: SILENT });
  return faked;
}

const CHALLENGE = Fields.of([["WWW-Authenticate", "Basic"]]);

describe("a page", () => {
  test("is the first that fits the status or its class", () => {
    const pages = [text(["404", "410"], "gone"), text(["4xx"], "yours"), text(["404"], "never")];
    for (const [status, body] of [
      [410, "gone"],
      [404, "gone"],
      [403, "yours"],
    ] as const) {
      const { exchange, reply } = stage(pages);
      answer(exchange, status);
      expect([reply.status, reply.text, reply.header("content-type")]).toEqual([status, body, "text/html"]);
    }
    const { exchange, reply } = stage(pages);
    answer(exchange, 500);
    expect(reply.text).toContain("500 Internal Server Error");
  });

  test("keeps the fields that the status demands, and may have a status of its own", () => {
    const { exchange, reply } = stage([text(["401"], "who?", 403)]);
    answer(exchange, 401, CHALLENGE);
    expect([reply.status, reply.header("www-authenticate")]).toEqual([403, "Basic"]);
  });

  test("may show the request and its own status, in which nothing of a client is markup", () => {
    for (const [chosen, status] of [
      [undefined, 404],
      [410, 410],
    ] as const) {
      const { exchange, reply } = stage([text(["404"], "<b>$status</b> $uri", chosen)], undefined, { path: "/<i>" });
      answer(exchange, 404);
      expect([reply.status, reply.text]).toEqual([status, `<b>${status}</b> /&lt;i&gt;`]);
    }
  });

  test("of a file that is not there is the plain one", () => {
    const source = { kind: "file", path: "/nonexistent/page.html", contentType: "text/html" } as const;
    const { exchange, reply } = stage([{ statuses: ["404"], status: undefined, source }]);
    answer(exchange, 404, CHALLENGE);
    expect([reply.status, reply.header("www-authenticate")]).toEqual([404, "Basic"]);
    expect(reply.text).toContain("404 Not Found");
  });
});

describe("the page of a route", () => {
  test("is asked for with GET, and sent with the status of the error", () => {
    const request = {
      method: "POST",
      path: "/x",
      query: "a=b",
      fields: [
        ["Range", "bytes=0-1"],
        ["Cookie", "c"],
      ],
    } as const;
    const dispatch: Handler = (page) => {
      const { method, path, target, query } = page.head;
      expect({ method, path, target, query }).toEqual({
        method: "GET",
        path: "/sorry me",
        target: "/sorry%20me",
        query: undefined,
      });
      expect(page.head.fields.pairs()).toEqual([["Cookie", "c"]]);
      plainReply(page, 200, "text/plain", "sorry");
    };
    const { exchange, reply } = stage([route(["502"], "/sorry me")], dispatch, request);
    answer(exchange, 502);
    expect([reply.status, reply.text]).toEqual([502, "sorry"]);
  });

  test("may redirect", () => {
    const { exchange, reply } = stage([route(["401"], "/login")], (page) =>
      answer(page, 302, Fields.of([["Location", "/in"]])),
    );
    answer(exchange, 401);
    expect([reply.status, reply.header("location")]).toEqual([302, "/in"]);
  });

  test.each<[string, Handler]>([
    ["answers an error", (page) => answer(page, 503)],
    ["breaks off", (page) => page.reply.abort("broken")],
  ])("that %s gives way to the plain page of the first error", (_name, dispatch) => {
    const { exchange, reply } = stage([route(["404"], "/404"), text(["503"], "never")], dispatch);
    answer(exchange, 404);
    expect([reply.status, reply.text.includes("404 Not Found")]).toEqual([404, true]);
  });
});

describe("intercepted replies", () => {
  const head = (status: number, length: number) => ({ status, reason: undefined, fields: CHALLENGE, length });

  test("whole: the page instead, with what the status demands", () => {
    const { exchange, reply } = stage([text(["4xx"], "page")]);
    withIntercept((inner) => inner.reply.whole(head(401, 3), Buffer.from("own")))(exchange);
    expect([reply.status, reply.text, reply.header("www-authenticate")]).toEqual([401, "page", "Basic"]);
  });

  test("streamed: what follows is taken and thrown away", () => {
    const { exchange, reply } = stage([text(["500"], "page")]);
    withIntercept((inner) => {
      const { reply: sink } = inner;
      sink.start(head(500, LENGTH_UNKNOWN));
      expect([sink.state, sink.data(Buffer.from("own"))]).toEqual(["started", true]);
      sink.end();
      expect(sink.state).toBe("finished");
    })(exchange);
    expect([reply.status, reply.text]).toEqual([500, "page"]);
  });

  test("a status without a page, and success, pass", () => {
    for (const status of [200, 404]) {
      const { exchange, reply } = stage([text(["500"], "page")]);
      withIntercept((inner) => inner.reply.whole(head(status, 3), Buffer.from("own")))(exchange);
      expect([reply.status, reply.text]).toEqual([status, "own"]);
    }
  });

  test("the producer of a page that comes later is not the one of the reply that it replaced", () => {
    const page = { drained: () => {}, gone: () => {} };
    const { exchange, reply } = stage([route(["500"], "/page")], (inner) => (inner.reply.producer = page));
    withIntercept((inner) => {
      inner.reply.producer = { drained: () => expect.unreachable(), gone: () => expect.unreachable() };
      inner.reply.whole(head(500, 3), Buffer.from("own"));
      inner.reply.producer = undefined;
    })(exchange);
    expect(reply.producer).toBe(page);
  });
});
