import { describe, expect, test } from "bun:test";
import { Charset } from "../../src/exchange/charset.ts";
import { finishedHead, type HeaderRule, joinRules, joinWithSecure } from "../../src/exchange/reply-headers.ts";
import { BUILT_IN } from "../../src/exchange/variables.ts";
import { Fields } from "../../src/protocol/http/fields.ts";
import { PreparedHead } from "../../src/protocol/http/message.ts";
import { fakeExchange, type FakeRequest } from "../support/exchange.ts";
import { template } from "../support/template.ts";

const rule = (kind: "set" | "default" | "add", name: string, value: string): HeaderRule => ({
  kind,
  name,
  value: template(value, BUILT_IN, "reply"),
});
const remove = (name: string): HeaderRule => ({ kind: "remove", name });

const SENT: readonly (readonly [string, string])[] = [
  ["Content-Type", "text/html"],
  ["X-A", "1"],
  ["x-a", "2"],
];

function applied(rules: readonly HeaderRule[], request: FakeRequest = {}, status = 200): string[] {
  const { exchange } = fakeExchange(request);
  exchange.headerRules = joinRules(rules);
  const head = { status, reason: "Fine", fields: Fields.of(SENT), length: 7 };
  const finished = finishedHead(exchange, head);
  expect(head.fields.pairs()).toEqual(SENT as [string, string][]);
  expect([finished.status, finished.reason, finished.length]).toEqual([status, "Fine", 7]);
  expect(exchange.replyHead).toBe(finished);
  return finished.fields.pairs().map(([name, value]) => `${name}: ${value}`);
}

describe("rules", () => {
  const cases: readonly (readonly [name: string, rules: readonly HeaderRule[], fields: readonly string[]])[] = [
    ["set replaces every one", [rule("set", "X-A", "n")], ["Content-Type: text/html", "X-A: n"]],
    ["set makes one", [rule("set", "X-B", "n")], ["Content-Type: text/html", "X-A: 1", "x-a: 2", "X-B: n"]],
    ["set to nothing removes", [rule("set", "X-A", "$arg_none")], ["Content-Type: text/html"]],
    ["default leaves what is there", [rule("default", "x-A", "n")], ["Content-Type: text/html", "X-A: 1", "x-a: 2"]],
    ["default makes one", [remove("X-A"), rule("default", "X-A", "n")], ["Content-Type: text/html", "X-A: n"]],
    ["add is one more", [rule("add", "X-A", "3")], ["Content-Type: text/html", "X-A: 1", "x-a: 2", "X-A: 3"]],
    ["add of nothing adds nothing", [remove("x-a"), rule("add", "X-A", " ")], ["Content-Type: text/html"]],
    ["remove takes every spelling", [remove("x-A"), remove("x-none")], ["Content-Type: text/html"]],
    [
      "the later has the last word",
      [rule("set", "X-A", "a"), rule("set", "x-a", "b")],
      ["Content-Type: text/html", "x-a: b"],
    ],
  ];
  test.each(cases)("%s", (_name, rules, fields) => expect(applied(rules)).toEqual([...fields]));

  test("variables, of the reply too", () => {
    const rules = [remove("x-a"), rule("add", "X-B", "$status $sent_http_content_type $host")];
    expect(applied(rules, { host: "h" }, 404)).toEqual(["Content-Type: text/html", "X-B: 404 text/html h"]);
  });

  test("no byte of a decoded path ends a field, and none makes a field go away", () => {
    const path = "/a\r\nSet-Cookie: x=y\0\x7f\t\xe9 ";
    const [, value] = applied([remove("x-a"), rule("set", "X-Path", "$uri")], { path });
    expect(value).toBe("X-Path: /a%0D%0ASet-Cookie: x=y%00%7F\t\xe9");
  });
});

test("without rules the head itself is sent, and remembered", () => {
  const { exchange } = fakeExchange();
  const head = { status: 200, reason: undefined, fields: new Fields(), length: 0 };
  expect(finishedHead(exchange, head)).toBe(head);
  expect(exchange.replyHead).toBe(head);
  expect(finishedHead(undefined, head)).toBe(head);
});

test("lists are joined in their order; none at all is none", () => {
  const [a, b] = [remove("A"), remove("B")];
  expect(joinRules([a], undefined, [b])?.rules.map(({ field }) => field.text)).toEqual(["A", "B"]);
  expect(joinRules(undefined, [], undefined)).toBeUndefined();
});

describe("a head that is sent again and again", () => {
  const prepared = () => ({
    status: 200,
    reason: undefined,
    fields: Fields.of(SENT),
    length: 7,
    prepared: new PreparedHead(),
  });

  test("is finished once by rules that depend on nothing", () => {
    const head = prepared();
    const [first, second] = [fakeExchange().exchange, fakeExchange().exchange];
    first.headerRules = second.headerRules = joinRules([rule("set", "X-B", "n")]);
    const finished = finishedHead(first, head);
    expect(finishedHead(second, head)).toBe(finished);
    expect(second.replyHead).toBe(finished);
    expect(finished.prepared).toBeDefined();
    expect(finished.prepared).not.toBe(head.prepared);
  });

  test("is finished anew by rules with variables, and what comes of it is not prepared", () => {
    const head = prepared();
    const rules = joinRules([rule("set", "X-B", "$host")]);
    const values = ["a", "b"].map((host) => {
      const { exchange } = fakeExchange({ host });
      exchange.headerRules = rules;
      const finished = finishedHead(exchange, head);
      expect(finished.prepared).toBeUndefined();
      return finished.fields.get("x-b");
    });
    expect(values).toEqual(["a", "b"]);
  });

  test("rules of two places do not mix", () => {
    const head = prepared();
    const sent = [joinRules([rule("set", "X-B", "1")]), joinRules([rule("set", "X-B", "2")])].map((rules) => {
      const { exchange } = fakeExchange();
      exchange.headerRules = rules;
      return finishedHead(exchange, head).fields.get("x-b");
    });
    expect(sent).toEqual(["1", "2"]);
  });
});

test("rules for secure connections may begin at a time, and end when the next do", () => {
  const now = Date.now();
  const timed = [
    { fromMs: 0, rule: undefined },
    { fromMs: now - 1000, rule: rule("default", "X-S", "now") },
    { fromMs: now + 60_000, rule: rule("default", "X-S", "later") },
  ];
  const rules = joinWithSecure(timed, [rule("set", "X-A", "a")]);
  const seen = (secure: boolean, of: typeof rules) => {
    const { exchange } = fakeExchange();
    Object.assign(exchange, { peer: { ...exchange.peer, secure } });
    exchange.headerRules = of;
    const head = { status: 200, reason: undefined, fields: Fields.of([]), length: 0 };
    return finishedHead(exchange, head)
      .fields.pairs()
      .map(([name, value]) => `${name}: ${value}`);
  };
  expect(seen(true, rules)).toEqual(["X-S: now", "X-A: a"]);
  expect(seen(false, rules)).toEqual(["X-A: a"]);
  expect(seen(true, joinWithSecure(timed.slice(0, 1)))).toEqual([]);
});

describe("a charset", () => {
  const charset = (name: string): HeaderRule => ({ kind: "charset", charset: new Charset(name) });

  test("comes before the rules, and that of the nearest counts", () => {
    const rules = [charset("gbk"), remove("x-a"), rule("add", "X-B", "$sent_http_content_type"), charset("utf-8")];
    expect(applied(rules)).toEqual(["Content-Type: text/html; charset=utf-8", "X-B: text/html"]);
    expect(applied([rule("set", "Content-Type", "text/plain"), charset("gbk")])[0]).toBe("Content-Type: text/plain");
  });

  test("leaves alone what it does not concern: a kept head stays one", () => {
    const { exchange } = fakeExchange();
    exchange.headerRules = joinRules([charset("gbk")]);
    const head = { status: 200, reason: undefined, fields: Fields.of([["Content-Type", "image/png"]]), length: 0 };
    expect(finishedHead(exchange, head)).toBe(head);
  });

  test("is worked out once for a head that is sent again and again", () => {
    const { exchange } = fakeExchange();
    exchange.headerRules = joinRules([charset("gbk")]);
    const fields = Fields.of([["Content-Type", "text/html"]]);
    const head = { status: 200, reason: undefined, fields, length: 0, prepared: new PreparedHead() };
    const finished = finishedHead(exchange, head);
    expect(finished.fields.get("content-type")).toBe("text/html; charset=gbk");
    expect(finishedHead(exchange, head)).toBe(finished);
  });
});
