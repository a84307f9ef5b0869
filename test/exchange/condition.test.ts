import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { compileCondition, compileRegex } from "../../src/exchange/condition.ts";
import { TemplateProblem } from "../../src/exchange/template.ts";
import { BUILT_IN } from "../../src/exchange/variables.ts";
import { fakeExchange, type FakeRequest } from "../support/exchange.ts";

const HERE = import.meta.dir;
const THIS = join(HERE, "condition.test.ts");

function holds(written: string, request: FakeRequest = {}): boolean {
  const condition = compileCondition(written, BUILT_IN);
  if (condition instanceof TemplateProblem) throw new Error(condition.what);
  return condition.holds(fakeExchange(request).exchange);
}

describe("a condition holds as in nginx", () => {
  const request: FakeRequest = { host: "www.test", method: "POST", query: "a=0&b=1&c=&d=x%20y" };
  test.each([
    ["$arg_b", true],
    ["$arg_a", false],
    ["$arg_c", false],
    ["$arg_none", false],
    ["$host = www.test", true],
    ["$host = WWW.TEST", false],
    ["$host != www.test", false],
    ["$host$request_method = www.testPOST", true],
    ["$host = $host", true],
    ["$arg_none =", true],
    ["$host ~ ^www\\.", true],
    ["$host ~ ^WWW", false],
    ["$host ~* ^WWW", true],
    ["$host !~ ^www", false],
    ["$host !~* ^WEB", true],
    ["$request_method ~ ^(GET|HEAD)$", false],
    [`-f ${THIS}`, true],
    [`-f ${HERE}`, false],
    [`-d ${HERE}`, true],
    [`-e ${HERE}/nothing`, false],
    [`!-e ${HERE}/nothing`, true],
    [`-x ${THIS}`, false],
    [`-x ${HERE}`, true],
    [`-f ${THIS}/below/a/file`, false],
    [`-f ${HERE}/$arg_none`, false],
  ] as const)("%s: %p", (written, expected) => {
    expect(holds(written, request)).toBe(expected);
  });

  test("an expression that fits leaves its groups to what is done", () => {
    const condition = compileCondition("$host ~ ^(?<name>[a-z]+)\\.test$", BUILT_IN);
    if (condition instanceof TemplateProblem) throw new Error(condition.what);
    const { exchange } = fakeExchange({ host: "shop.test" });
    expect(condition.holds(exchange)).toBe(true);
    expect(exchange.ruleCaptures?.groups?.["name"]).toBe("shop");
  });
});

test.each(["", "a b", "$host =~ x", "$host ~ (", "$nothing", "$host ~"])("%p is no condition", (written) => {
  expect(compileCondition(written, BUILT_IN)).toBeInstanceOf(TemplateProblem);
});

test("an expression is compared with the bytes of a path", () => {
  const regex = compileRegex("^/bücher/.$", false);
  expect(regex instanceof RegExp && regex.test(Buffer.from("/bücher/\n", "utf8").toString("latin1"))).toBe(true);
});
