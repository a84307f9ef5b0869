import { describe, expect, test } from "bun:test";
import { makeErrorHandler } from "../../src/exchange/error-target.ts";
import type { Exchange } from "../../src/exchange/exchange.ts";
import { INTERNAL_DEPTH_MAX } from "../../src/exchange/internal.ts";
import { ruleScope } from "../../src/exchange/rule-scope.ts";
import { type AfterRewrite, type Rule, withRules } from "../../src/exchange/rules.ts";
import { BUILT_IN } from "../../src/exchange/variables.ts";
import { fakeExchange, type FakeRequest } from "../support/exchange.ts";
import { template } from "../support/template.ts";

function rewriteTo(match: RegExp | undefined, to: string, taker: AfterRewrite = "site"): Rule {
  const scope = ruleScope(match, [], BUILT_IN);
  return { conditions: [], match, action: { kind: "rewrite", to: template(to, scope), taker } };
}

/** Where a request ends up: the path and query that the next handler sees, or the status. */
function outcome(rules: readonly Rule[], request: FakeRequest): string {
  const { exchange, reply } = fakeExchange(request);
  let seen = "";
  const next = (where: string) => (inner: Exchange) => {
    seen = `${where} ${inner.head.path}${inner.head.query === undefined ? "" : `?${inner.head.query}`}`;
  };
  withRules(rules, next("here"), { mergeSlashes: true, again: next("again") })(exchange);
  return seen === "" ? String(reply.status) : seen;
}

describe("the first rule that fits decides", () => {
  const old = /^\/old\/(.*)$/s;
  test.each([
    ["none fits", [rewriteTo(old, "/new/$1")], { path: "/x" }, "here /x"],
    ["a rewrite looks for a route anew", [rewriteTo(old, "/new/$1")], { path: "/old/a b" }, "again /new/a b"],
    ["or stays", [rewriteTo(old, "/new/$1", "route")], { path: "/old/x" }, "here /new/x"],
    ["the query goes on", [rewriteTo(old, "/new")], { path: "/old/x", query: "a=1" }, "again /new?a=1"],
    ["behind one of its own", [rewriteTo(old, "/new?b=2")], { path: "/old/x", query: "a=1" }, "again /new?b=2&a=1"],
    ["unless it ends with ?", [rewriteTo(old, "/new?")], { path: "/old/x", query: "a=1" }, "again /new"],
    [
      "or the rules behind it are asked",
      [rewriteTo(old, "/mid/$1", "rules"), rewriteTo(/^\/mid\/(.*)$/, "/new/$1", "route")],
      { path: "/old/x" },
      "here /new/x",
    ],
    [
      "and none of them may fit",
      [rewriteTo(old, "/mid/$1", "rules"), rewriteTo(old, "/no")],
      { path: "/old/x" },
      "again /mid/x",
    ],
    ["a capture that begins with a slash", [rewriteTo(/^\/old(\/.*)$/, "$1", "route")], { path: "/old/x" }, "here /x"],
    ["or lacks one", [rewriteTo(/^\/old\/(.*)$/, "$1", "route")], { path: "/old/x" }, "here /x"],
    [
      "what a client sent is no dot segment",
      [rewriteTo(old, "/new/$arg_p")],
      { path: "/old/", query: "p=../../etc" },
      "404",
    ],
    ["nor a query", [rewriteTo(old, "/new/$1")], { path: "/old/a?b" }, "again /new/a?b"],
    [
      "an error ends it",
      [{ conditions: [], match: undefined, action: { kind: "answer", handler: makeErrorHandler(410) } }],
      {},
      "410",
    ],
  ] as const)("%s", (_, rules, request, expected) => {
    expect(outcome(rules, request)).toBe(expected);
  });

  test("a path that leaves the prefix of the route has no prefix any more", () => {
    const mountOf = (to: string) => {
      const { exchange } = fakeExchange({ path: "/old/x" });
      exchange.mount = "/old";
      let mount: string | undefined;
      const rules = [rewriteTo(old, to, "route")];
      withRules(rules, (inner) => (mount = inner.mount), { mergeSlashes: true, again: () => {} })(exchange);
      return mount;
    };
    expect(["/old/v2/$1", "/old", "/older/$1", "/old../$1", "/new/$1"].map(mountOf)).toEqual([
      "/old",
      "/old",
      "",
      "",
      "",
    ]);
  });

  test("two rules that lead to each other end with 500", () => {
    const { exchange, reply } = fakeExchange({ path: "/a" });
    let turns = 0;
    const rules = [rewriteTo(/^\/a$/, "/b"), rewriteTo(/^\/b$/, "/a")];
    const handler = withRules(rules, () => {}, { mergeSlashes: true, again: (inner) => (turns++, handler(inner)) });
    handler(exchange);
    expect([turns, reply.status]).toEqual([INTERNAL_DEPTH_MAX, 500]);
  });

  test("444 closes the connection, or is 403 where that cannot be", () => {
    const { exchange, reply } = fakeExchange();
    makeErrorHandler(444)(exchange);
    expect(reply.status).toBe(403);
    const dropped = fakeExchange();
    let drops = 0;
    Object.assign(dropped.reply, { drop: () => drops++ });
    makeErrorHandler(444)(dropped.exchange);
    expect([drops, dropped.reply.status]).toEqual([1, 0]);
  });
});
