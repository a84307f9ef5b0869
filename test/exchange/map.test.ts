import { describe, expect, test } from "bun:test";
import { compileMaps, type MapSpec } from "../../src/exchange/map.ts";
import { compileTemplate, evaluate, TemplateProblem } from "../../src/exchange/template.ts";
import { BUILT_IN } from "../../src/exchange/variables.ts";
import { fakeExchange, type FakeRequest } from "../support/exchange.ts";
import { template } from "../support/template.ts";

type Entries = Readonly<Record<string, string>>;

function map(name: string, source: string, entries: Entries, more: Partial<MapSpec> = {}): MapSpec {
  const list = Object.entries(entries).map(([key, value]) => ({ key, value }));
  return { name, source, hostnames: false, fallback: "", entries: list, ...more };
}

function compile(...specs: MapSpec[]) {
  const problems: string[] = [];
  const scope = compileMaps(specs, BUILT_IN, (name, part, problem) => {
    problems.push(`${name} ${part.kind === "entry" ? part.key : part.kind}: ${problem.what}`);
  });
  return { scope, problems };
}

function valueOf(name: string, specs: MapSpec[], request: FakeRequest): string {
  const { scope, problems } = compile(...specs);
  expect(problems).toEqual([]);
  return evaluate(template(`$${name}`, scope, "log"), fakeExchange(request).exchange);
}

describe("text, whatever its case, then the first expression, then the default", () => {
  const entries = { One: "exact", "~^/one": "first", "~* /ONE/": "second", "~ ^/(?<a>.)(.*)$": "$2-$a", "": "empty" };
  const spec = map("m", "$arg_x", entries, { fallback: "default of $host" });
  test.each([
    ["one", "exact"],
    ["ONE", "exact"],
    ["/one/", "first"],
    ["/x/one/", "second"],
    ["/Xyz", "yz-X"],
    ["", "empty"],
    ["other", "default of h"],
    ["constructor", "default of h"],
  ])("%j: %s", (x, value) => expect(valueOf("m", [spec], { query: `x=${x}`, host: "h" })).toBe(value));
});

describe("host names", () => {
  const entries = {
    "*.example.org": "suffix",
    ".both.org": "both",
    "www.example.*": "prefix",
    "a.org": "a",
    "~^x": "x",
  };
  const spec = map("m", "$host", entries, { hostnames: true, fallback: "none" });
  test.each([
    ["a.org", "a"],
    ["w.example.org", "suffix"],
    ["example.org", "none"],
    ["both.org", "both"],
    ["w.both.org", "both"],
    ["www.example.net", "prefix"],
    ["xyz", "x"],
  ])("%s: %s", (host, value) => expect(valueOf("m", [spec], { host })).toBe(value));
});

describe("maps of maps", () => {
  const inner = map("inner", "$arg_x", { "~(.)$": "<$1>" });
  const outer = map("outer", "$inner", { "<a>": "was a", "~(.)>": "$1 of $inner" });

  test("in whatever order they are written", () => {
    for (const specs of [
      [inner, outer],
      [outer, inner],
    ]) {
      expect(valueOf("outer", specs, { query: "x=a" })).toBe("was a");
      expect(valueOf("outer", specs, { query: "x=bc" })).toBe("c of <c>");
    }
  });

  test("a circle is a mistake, told once, where it closes", () => {
    const circle = [map("a", "$b", {}), map("b", "x", { k: "$c" }), map("c", "x", {}, { fallback: "$a" })];
    expect(compile(...circle).problems).toEqual(["c fallback: leads back to itself: $a → $b → $c → $a"]);
    expect(compile(map("a", "$a", {})).problems).toEqual(["a source: leads back to itself: $a → $a"]);
  });

  test("unknown names are told with their place", () => {
    const bad = map("m", "$nothing", { k: "$1", "~(x)": "$1 $2" }, { fallback: "${" });
    expect(compile(bad).problems).toEqual([
      "m source: has $nothing, which is no variable",
      "m k: has $1, but there is no such capture here",
      "m ~(x): has $2, but there is no such capture here",
      "m fallback: has ${ without a }",
    ]);
  });
});

test("it is looked up once in a request, and only when it is asked for", () => {
  const { scope } = compile(map("m", "$request_id", { "~(.*)": "$1" }));
  const { exchange } = fakeExchange();
  expect(exchange.mapResults).toBeUndefined();
  const shown = template("$m $m", scope);
  const [first, second] = evaluate(shown, exchange).split(" ");
  expect(first).toBe(second as string);
  expect(first).toBe(exchange.requestId);
  const results = exchange.mapResults?.[0];
  evaluate(shown, exchange);
  expect(exchange.mapResults?.[0]).toBe(results as NonNullable<typeof results>);
});

test("one that needs the reply is refused where there is none yet", () => {
  const { scope } = compile(map("late", "$status", { "404": "lost" }), map("later", "x", { x: "$late" }));
  for (const name of ["late", "later"]) {
    expect(compileTemplate(`$${name}`, scope, "request")).toBeInstanceOf(TemplateProblem);
    expect(compileTemplate(`$${name}`, scope, "reply")).not.toBeInstanceOf(TemplateProblem);
  }
});
