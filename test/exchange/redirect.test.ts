import { describe, expect, test } from "bun:test";
import { makeRedirectHandler } from "../../src/exchange/redirect.ts";
import type { RequestHead } from "../../src/protocol/http/message.ts";
import { fakeExchange, type FakeRequest } from "../support/exchange.ts";

function locationOf(to: string, request: FakeRequest, head: Partial<RequestHead> = {}): string | undefined {
  const { exchange, reply } = fakeExchange(request);
  Object.assign(exchange.head, head);
  makeRedirectHandler({ to, status: 301 })(exchange);
  expect(reply.status).toBe(301);
  return reply.header("location");
}

describe("makeRedirectHandler", () => {
  test.each([
    ["https://example.org/", "https://example.org/"],
    ["https://example.org$request_uri", "https://example.org/a/b?q=1&r"],
    ["https://$host$request_uri", "https://www.test/a/b?q=1&r"],
    ["/new", "/new"],
    ["/new?from=$request_uri", "/new?from=/a/b?q=1&r"],
    ["$request_uri", "/a/b?q=1&r"],
    ["https://$host:8443/x", "https://www.test:8443/x"],
    ["//other.test/", "//other.test/"],
    ["/straße x", "/stra%C3%9Fe%20x"],
    ["/costs$5", "/costs$5"],
  ])("%s sends to %s", (to, location) => {
    expect(locationOf(to, { path: "/a/b", query: "q=1&r", host: "www.test" })).toBe(location);
  });

  test.each([
    ["$request_uri", "//evil.test/x", "/evil.test/x"],
    ["$request_uri", "/\\evil.test", "/%5Cevil.test"],
    ["/$request_uri", "/evil.test", "/evil.test"],
    ["https://example.org$request_uri", "//x", "https://example.org//x"],
  ])("%s for the path %j stays where it was meant: %s", (to, rawPath, location) => {
    expect(locationOf(to, {}, { rawPath })).toBe(location);
  });

  test("nothing from the client ends the field or starts another", () => {
    const location = locationOf("https://$host$request_uri", {
      host: "a\r\nSet-Cookie: a=b",
      path: "/\r\nX: y\0\x7f",
      query: "a b\n\xff$host",
    });
    expect(location).toMatch(/^[\x21-\x7e]+$/);
    expect(location).toEndWith("?a%20b%0A%FF$host");
  });

  test("of an absolute-form target only the path and query are put behind the new host", () => {
    const head = { form: "absolute", target: "http://old.test/a?b", rawPath: "/a", query: "b" } as const;
    expect(locationOf("https://new.test$request_uri", {}, head)).toBe("https://new.test/a?b");
    expect(locationOf("https://new.test$request_uri", {}, { rawPath: "*" })).toBe("https://new.test/");
  });

  test("a client that names no host is sent to the address it reached", () => {
    expect(locationOf("https://$host/", { host: "" })).toBe("https://127.0.0.1/");
  });

  test("does not take a variable that it does not know for text", () => {
    expect(() => makeRedirectHandler({ to: "https://x/$scheme", status: 301 })).toThrow("$scheme");
  });
});
