import { describe, expect, test } from "bun:test";
import { captureScope } from "../../src/exchange/captures.ts";
import { nested } from "../../src/exchange/scope.ts";
import { compileTemplate, evaluate, TemplateProblem } from "../../src/exchange/template.ts";
import { BUILT_IN } from "../../src/exchange/variables.ts";
import { fakeExchange } from "../support/exchange.ts";
import { template } from "../support/template.ts";

describe("a template is filled in once", () => {
  const { exchange } = fakeExchange({ path: "/a", query: "x=$host&y", host: "www.test" });
  test.each([
    ["plain", "plain"],
    ["", ""],
    ["$host", "www.test"],
    ["${host}name", "www.testname"],
    ["$host:$uri", "www.test:/a"],
    ["$uri$is_args$args", "/a?x=$host&y"],
    ["$arg_x", "$host"],
    ["$$host $$ $$$host", "$host $ $www.test"],
    ["5 $ a$", "5 $ a$"],
    ["$-$/", "$-$/"],
    ["grüße $host", "gr\xc3\xbc\xc3\x9fe www.test"],
  ])("%s", (text, value) => expect(evaluate(template(text), exchange)).toBe(value));

  test("without variables it is constant, with its dollars", () => {
    expect(template("a $$ b").constant).toBe("a $ b");
    expect(template("$host").constant).toBeUndefined();
  });
});

describe("what is no template is refused", () => {
  test.each([
    ["$nothing", "nothing"],
    ["${}", ""],
    ["${ host}", " host"],
    ["$http_", "http_"],
    ["${host-name}", "host-name"],
  ])("%s: an unknown name", (text, unknown) => {
    const problem = compileTemplate(text, BUILT_IN, "request");
    expect(problem).toBeInstanceOf(TemplateProblem);
    expect((problem as TemplateProblem).unknown).toBe(unknown);
  });

  test("a brace that is not closed", () => {
    expect(compileTemplate("a${host", BUILT_IN, "request")).toMatchObject({ what: "has ${ without a }" });
  });

  test.each([
    ["$status", "request"],
    ["$sent_http_etag", "request"],
    ["$upstream_status", "request"],
    ["$body_bytes_sent", "reply"],
  ] as const)("%s is not known when a %s needs it", (text, phase) => {
    expect(compileTemplate(text, BUILT_IN, phase)).toBeInstanceOf(TemplateProblem);
    expect(compileTemplate(text, BUILT_IN, "log")).not.toBeInstanceOf(TemplateProblem);
  });
});

describe("captures", () => {
  const route = /^\/(\w+)\/(?<rest>.*)$/;
  const host = /^(?<sub>.+)\.example\.(org|net)$/i;
  const scope = nested(captureScope(route, [host]), BUILT_IN);
  const { exchange } = fakeExchange();
  exchange.captures = route.exec("/a/b") ?? undefined;
  exchange.hostCaptures = host.exec("x.example.org") ?? undefined;

  test("the route's by number and name, the site's by name", () => {
    expect(evaluate(template("$1 $2 $rest $sub", scope), exchange)).toBe("a b b x");
  });

  test("in a route that is no expression the site's count", () => {
    expect(evaluate(template("$1 $2", captureScope(undefined, [host])), exchange)).toBe("x org");
  });

  test("a number that the expression does not have is a mistake, never another's capture", () => {
    const problem = compileTemplate("$3", scope, "request");
    expect(problem).toMatchObject({ what: "has $3, but there is no such capture here", should: "$$3 is a plain $3" });
    expect(compileTemplate("$1", captureScope(/^\/a$/, [host]), "request")).toBeInstanceOf(TemplateProblem);
  });

  test("an expression that did not take part, or a group that did not, gives nothing", () => {
    expect(evaluate(template("[$1$rest$sub]", scope), fakeExchange().exchange)).toBe("[]");
    const optional = /^\/(a)?(b)?/;
    const { exchange: other } = fakeExchange();
    other.captures = optional.exec("/b") ?? undefined;
    expect(evaluate(template("[$1][$2]", captureScope(optional, [])), other)).toBe("[][b]");
  });
});
