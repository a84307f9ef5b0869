/** Which address may ask: the first rule that matches, in the order written. */
import { describe, expect, test } from "bun:test";
import { compileAccess, deniesNobody, isAccessRule, withAccess, withAccessOr } from "../../src/exchange/access.ts";
import { fakeExchange } from "../support/exchange.ts";

describe("rules", () => {
  const office = ["deny 192.168.1.1", "allow 192.168.1.0/24", "allow 10.1.1.0/16", "allow 2001:db8::/32", "deny all"];
  const cases: readonly (readonly [readonly string[], string, boolean])[] = [
    [office, "192.168.1.1", false],
    [office, "192.168.1.2", true],
    [office, "::ffff:192.168.1.2", true],
    [office, "10.1.200.1", true],
    [office, "2001:db8::7", true],
    [office, "2001:db9::7", false],
    [office, "unix:", false],
    [["allow unix:", "deny all"], "unix:", true],
    [["allow all", "deny 10.0.0.1"], "10.0.0.1", true],
    [["deny 10.0.0.1"], "10.0.0.2", true],
    [["deny all"], "no address", false],
    [[], "10.0.0.1", true],
  ];
  test.each(cases)("%p: %s %p", (rules, address, allowed) => {
    expect(rules.every(isAccessRule)).toBe(true);
    expect(compileAccess(rules)(address)).toBe(allowed);
  });

  test.each(["", "allow", "allow  all", "permit all", "allow 10.0.0.0/33", "allow example.org", "deny all all"])(
    "%p is none",
    (text) => expect(isAccessRule(text)).toBe(false),
  );

  test("a list that denies nobody is noticed", () => {
    expect([deniesNobody(["allow 10.0.0.1"]), deniesNobody(["deny 10.0.0.1"]), deniesNobody([])]).toEqual([
      true,
      false,
      false,
    ]);
  });
});

test("with a second way in, only an address that a rule allows takes the first", () => {
  const way = (rules: readonly string[]) => {
    let taken = "";
    const [first, second] = [() => void (taken = "address"), () => void (taken = "password")];
    withAccessOr(rules, first, second)(fakeExchange().exchange);
    return taken;
  };
  expect(way(["allow 127.0.0.1", "deny all"])).toBe("address");
  expect(way(["deny 127.0.0.1", "allow all"])).toBe("password");
  expect(way(["allow 10.0.0.1"])).toBe("password");
  expect(way([])).toBe("password");
});

test("who may not ask is answered 403, and nothing is asked", () => {
  const { exchange, reply } = fakeExchange();
  withAccess(["deny all"], () => expect.unreachable())(exchange);
  expect(reply.status).toBe(403);
});
