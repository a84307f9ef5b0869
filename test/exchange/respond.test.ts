import { expect, test } from "bun:test";
import { makeRespondHandler } from "../../src/exchange/respond.ts";
import { LENGTH_UNKNOWN } from "../../src/protocol/http/message.ts";
import { fakeExchange } from "../support/exchange.ts";
import { template } from "../support/template.ts";

test("sends the configured text as UTF-8 with its length in bytes", () => {
  const handler = makeRespondHandler({
    status: 418,
    body: template("tschüß\n"),
    contentType: "text/plain; charset=utf-8",
  });
  for (const method of ["GET", "POST"]) {
    const { exchange, reply } = fakeExchange({ method });
    handler(exchange);
    expect(reply.status).toBe(418);
    expect(reply.head?.length).toBe(9);
    expect(reply.content.toString("utf8")).toBe("tschüß\n");
    expect(reply.header("content-type")).toBe("text/plain; charset=utf-8");
  }
});

test("sends neither content nor type where there is no text or the status has none", () => {
  for (const options of [
    { status: 204, body: "lost" },
    { status: 205, body: "lost" },
    { status: 200, body: "" },
  ]) {
    const { exchange, reply } = fakeExchange();
    makeRespondHandler({ ...options, body: template(options.body), contentType: "text/plain" })(exchange);
    expect(reply.text).toBe("");
    expect(reply.head?.fields.length).toBe(0);
  }
});

test("rfc9110_8_6: a 304 announces no length, since nobody knows that of its 200", () => {
  const { exchange, reply } = fakeExchange();
  makeRespondHandler({ status: 304, body: template(""), contentType: "text/plain" })(exchange);
  expect(reply.head?.length).toBe(LENGTH_UNKNOWN);
});

test("variables are filled in for each request, as the bytes that came", () => {
  const handler = makeRespondHandler({ status: 200, body: template("ü $uri $$"), contentType: "text/plain" });
  for (const path of ["/a", "/\xc3\xa9/$host"]) {
    const { exchange, reply } = fakeExchange({ path });
    handler(exchange);
    const expected = `\xc3\xbc ${path} $`;
    expect([reply.content.toString("latin1"), reply.head?.length]).toEqual([expected, expected.length]);
  }
});
