/** What an upstream is asked for: with the prefix of the route or without, or by a template; and the fields of requests. */
import { describe, expect, test } from "bun:test";
import { Exchange } from "../../src/exchange/exchange.ts";
import { joinRules } from "../../src/exchange/reply-headers.ts";
import { strippedTarget, uriTarget } from "../../src/proxy/target.ts";
import { fakeExchange, type FakeRequest } from "../support/exchange.ts";
import { against, OK, once, type Setup } from "../support/scripted-upstream.ts";
import { template } from "../support/template.ts";

describe("strip_prefix", () => {
  const cases: readonly (readonly [raw: string, path: string, query: string | undefined, wanted: string])[] = [
    ["/api/x", "/api/x", undefined, "/x"],
    ["/api/x%2Fy", "/api/x/y", "a=%zz&b", "/x%2Fy?a=%zz&b"],
    ["/api", "/api", undefined, "/"],
    ["/api/", "/api/", "", "/?"],
    ["/%61pi/x%20y", "/api/x y", undefined, "/x%20y"],
    ["/other/../api/x", "/api/x", undefined, "/x"],
    ["//api/x", "/api/x", undefined, "/x"],
    ["/api//evil.example", "/api/evil.example", undefined, "/evil.example"],
    ["/api/y/../x%2Fz", "/api/x/z", undefined, "/y/../x%2Fz"],
    ["/api/y/../../api/x", "/api/x", undefined, "/x"],
    ["/api/y/%2e%2e/%2E%2e/api/a%20b", "/api/a b", "q=..", "/a%20b?q=.."],
    ["/api/y%2f..%2f..%2fapi/x", "/api/x", undefined, "/x"],
    ["/api/y/..", "/api/", undefined, "/y/.."],
    ["/api/y/../../api", "/api", undefined, "/"],
    // Without merge_slashes:
    ["/api/a//b%20c", "/api/a//b c", undefined, "/a//b%20c"],
    ["/api/a//../b", "/api/a/b", undefined, "/a/b"],
    ["/api/a//../..//b", "/api//b", undefined, "//b"],
  ];
  test.each(cases)("%s", (rawPath, path, query, wanted) => {
    const { exchange } = fakeExchange();
    const made = new Exchange({ ...exchange, head: { ...exchange.head, rawPath, path, query } });
    made.mount = "/api";
    expect(strippedTarget(made)).toBe(wanted);
  });
});

describe("uri", () => {
  const cases: readonly (readonly [uri: string, request: FakeRequest, wanted: string])[] = [
    ["/v2$uri", { path: "/a b", query: "x=1" }, "/v2/a%20b?x=1"],
    ["/v2$uri?y=2", { path: "/a", query: "x=1" }, "/v2/a?y=2"],
    ["$request_uri", { path: "/a", query: "x=1" }, "/a?x=1"],
    ["/find?q=$arg_q", { path: "/a", query: "q=%0d%0aX:y" }, "/find?q=%0d%0aX:y"],
    ["/x$uri", { path: "/a\r\nX: y" }, "/x/a%0D%0AX:%20y"],
  ];
  test.each(cases)("%s", (uri, request, wanted) => {
    expect(uriTarget(fakeExchange(request).exchange, template(uri))).toBe(wanted);
  });
});

/** The request as the upstream got it. */
async function seenBy(request: FakeRequest, change: Partial<Setup>): Promise<string> {
  let seen = "";
  const script = once((visit) => {
    seen = visit.text;
    visit.send(OK);
  });
  await against(script, request, change);
  return seen;
}

test("host, headers_up and via say what the upstream sees; nothing in a value can end a field", async () => {
  const headersUp = joinRules([
    { kind: "remove", name: "Cookie" },
    { kind: "set", name: "X-Uri", value: template("$uri") },
    { kind: "default", name: "Accept", value: template("text/plain") },
    { kind: "add", name: "X-Forwarded-Host", value: template("second") },
  ]);
  const request: FakeRequest = {
    path: "/a\r\nEvil: 1",
    target: "/a%0d%0aEvil:%201",
    fields: [
      ["Host", "www.example"],
      ["Cookie", "a=1"],
      ["Accept", "image/png"],
    ],
  };
  const options = { headersUp, host: template("backend.internal"), via: false };
  const lines = (await seenBy(request, { options })).split("\r\n");
  expect(lines[1]).toBe("Host: backend.internal");
  expect(lines).toContain("X-Uri: /a%0D%0AEvil: 1");
  expect(lines).toContain("Accept: image/png");
  expect(lines.filter((line) => line.startsWith("X-Forwarded-Host"))).toEqual([
    "X-Forwarded-Host: www.example",
    "X-Forwarded-Host: second",
  ]);
  for (const gone of ["Cookie", "Via", "Evil"]) expect(lines.some((line) => line.startsWith(gone))).toBe(false);
});

test("a head that is larger than the writer's buffer is sent whole", async () => {
  const large = "x".repeat(100_000);
  const seen = await seenBy(
    {
      fields: [
        ["Host", "a"],
        ["X-Large", large],
      ],
    },
    {},
  );
  expect(seen).toContain(`X-Large: ${large}\r\n`);
  expect(seen).toEndWith("\r\n\r\n");
});
