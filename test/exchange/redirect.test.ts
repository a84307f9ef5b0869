import { describe, expect, test } from "bun:test";
import { makeRedirectHandler } from "../../src/exchange/redirect.ts";
import type { RequestHead } from "../../src/protocol/http/message.ts";
import type { Template } from "../../src/exchange/template.ts";
import { BUILT_IN } from "../../src/exchange/variables.ts";
import { captureScope } from "../../src/exchange/captures.ts";
import { nested } from "../../src/exchange/scope.ts";
import { fakeExchange, type FakeRequest } from "../support/exchange.ts";
import { template } from "../support/template.ts";

function locationOf(to: string, request: FakeRequest, head: Partial<RequestHead> = {}): string | undefined {
  return locationFrom(template(to), request, head);
}

function locationFrom(to: Template, request: FakeRequest, head: Partial<RequestHead> = {}): string | undefined {
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
    ["/costs$$5", "/costs$5"],
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

  test("without a place to go to it is 404", () => {
    const { exchange, reply } = fakeExchange();
    makeRedirectHandler({ to: template("$arg_nowhere"), status: 301 })(exchange);
    expect([reply.status, reply.header("location")]).toEqual([404, undefined]);
  });
});

describe("captures of a decoded path", () => {
  const cases: readonly (readonly [to: string, regex: RegExp, path: string, location: string])[] = [
    ["/new/$1", /^\/old\/(.*)$/, "/old/a b/c", "/new/a%20b/c"],
    ["/new/$1", /^\/old\/(.*)$/, "/old/a?b#c%d", "/new/a%3Fb%23c%25d"],
    ["/new/$1", /^\/old\/(.*)$/s, "/old/a\r\nSet-Cookie: x=y", "/new/a%0D%0ASet-Cookie:%20x=y"],
    ["/new/$name", /^\/old\/(?<name>.*)$/, "/old/\xc3\xa9", "/new/%C3%A9"],
    ["$1", /^(.*)$/, "//evil.test", "/evil.test"],
    ["/$1", /^\/(.*)$/, "//evil.test", "/evil.test"],
    ["$1", /^\/r\/(.*)$/, "/r/https://evil.test", "/https://evil.test"],
    ["$1", /^\/r\/(.*)$/, "/r/javascript:alert(1)", "/javascript:alert(1)"],
    ["/s?q=$1", /^\/(.*)$/, "/a&b=c+d", "/s?q=a%26b%3Dc%2Bd"],
    // What follows a host begins the path, and never adds to the host.
    ["https://example.org$1", /^\/go(.*)$/, "/go/x", "https://example.org/x"],
    ["https://example.org$1", /^\/go(.*)$/, "/go.evil.test/", "https://example.org/.evil.test/"],
    ["https://example.org$1", /^\/go(.*)$/, "/go@evil.test", "https://example.org/@evil.test"],
    ["https://example.org$1", /^\/go(.*)$/, "/go:80@evil.test", "https://example.org/:80@evil.test"],
    ["https://example.org$1", /^\/go(.*)$/, "/go", "https://example.org"],
    ["https://example.org:8443$1", /^\/go(.*)$/, "/go1", "https://example.org:8443/1"],
    // A label of the host: separators have no meaning in it.
    ["https://$1.example.org/", /^\/u\/(.*)$/, "/u/bob", "https://bob.example.org/"],
    ["https://$1.example.org/", /^\/u\/(.*)$/, "/u/evil.test/", "https://evil.test%2F.example.org/"],
    ["https://$1.example.org/", /^\/u\/(.*)$/, "/u/evil.test?", "https://evil.test%3F.example.org/"],
    ["https://$1.example.org/", /^\/u\/(.*)$/, "/u/a@evil.test#", "https://a%40evil.test%23.example.org/"],
    ["https://$1.example.org/", /^\/u\/(.*)$/, "/u/evil.test\\", "https://evil.test%5C.example.org/"],
  ];
  test.each(cases)("%s of %p for %j: %s", (to, regex, path, location) => {
    const { exchange, reply } = fakeExchange({ path });
    exchange.captures = regex.exec(path) ?? undefined;
    const scope = nested(captureScope(regex, []), BUILT_IN);
    makeRedirectHandler({ to: template(to, scope), status: 301 })(exchange);
    expect(reply.header("location")).toBe(location);
  });
});
