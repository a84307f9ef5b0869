import { describe, expect, test } from "bun:test";
import { answer, answerTraced, errorPage, plainReply } from "../../src/exchange/canned.ts";
import { Fields } from "../../src/protocol/http/fields.ts";
import { LENGTH_UNKNOWN } from "../../src/protocol/http/message.ts";
import { fakeExchange } from "../support/exchange.ts";

describe("answer", () => {
  test("sends a small page that names the status and nothing of us", () => {
    const { exchange, reply } = fakeExchange();
    answer(exchange, 404);
    expect(reply.status).toBe(404);
    expect(reply.header("content-type")).toBe("text/html");
    expect(reply.text).toContain("<h1>404 Not Found</h1>");
    expect(reply.text.toLowerCase()).not.toContain("server");
    expect(reply.head?.length).toBe(reply.content.length);
    expect(reply.state).toBe("finished");
  });

  test("adds the caller's fields without changing the prepared page", () => {
    const first = fakeExchange();
    answer(first.exchange, 503, Fields.of([["Retry-After", "5"]]));
    expect(first.reply.header("retry-after")).toBe("5");
    const second = fakeExchange();
    answer(second.exchange, 503);
    expect(second.reply.header("retry-after")).toBeUndefined();
    expect(errorPage(503).fields.pairs()).toEqual([["Content-Type", "text/html"]]);
  });

  test.each([204, 205, 304])("gives %d no content and no type", (status) => {
    const { exchange, reply } = fakeExchange();
    answer(exchange, status);
    expect(reply.text).toBe("");
    expect(reply.header("content-type")).toBeUndefined();
    expect(reply.head?.length).toBe(status === 304 ? LENGTH_UNKNOWN : 0);
  });

  test("prepares a page once per status, also for one without a registered reason", () => {
    expect(errorPage(500)).toBe(errorPage(500));
    expect(errorPage(599).content.toString()).toContain("<h1>599");
  });

  test("aborts a reply that has begun, and leaves a finished or abandoned one alone", () => {
    const begun = fakeExchange();
    begun.reply.start({ status: 200, reason: undefined, fields: new Fields(), length: LENGTH_UNKNOWN });
    answer(begun.exchange, 502);
    expect(begun.reply.aborted).toContain("502");
    const finished = fakeExchange();
    answer(finished.exchange, 200);
    answer(finished.exchange, 500);
    expect(finished.reply.status).toBe(200);
    const left = fakeExchange();
    left.reply.leave();
    answer(left.exchange, 500);
    expect(left.reply.status).toBe(0);
  });
});

test("answerTraced names the request in a field and in the text, and leaves the prepared page as it is", () => {
  const { exchange, reply } = fakeExchange();
  answerTraced(exchange, 504);
  expect(reply.status).toBe(504);
  expect(reply.header("x-request-id")).toBe(exchange.requestId);
  expect(reply.text).toContain(`Request ${exchange.requestId}`);
  expect(reply.head?.length).toBe(reply.content.length);
  expect(errorPage(504).content.toString()).not.toContain("Request ");
});

test("plainReply counts bytes, not characters", () => {
  const { exchange, reply } = fakeExchange();
  plainReply(exchange, 200, "text/plain; charset=utf-8", "grüße");
  expect(reply.head?.length).toBe(7);
  expect(reply.content.toString("utf8")).toBe("grüße");
});
