import { describe, expect, test } from "bun:test";
import { parseForwarded } from "../../src/exchange/forwarded.ts";
import { Fields } from "../../src/protocol/http/fields.ts";

const parse = (...lines: readonly string[]) => {
  const elements = parseForwarded(Fields.of(lines.map((line) => ["Forwarded", line])));
  return elements?.map((said) => [said.for, said.proto, said.host]);
};
const NONE = undefined;

describe("rfc7239_4: Forwarded", () => {
  test.each([
    ["an obfuscated name", 'for="_gazonk"', [["_gazonk", NONE, NONE]]],
    ["names in any case", 'For="[2001:db8:cafe::17]:4711"', [["[2001:db8:cafe::17]:4711", NONE, NONE]]],
    ["several pairs", "for=192.0.2.60;proto=http;by=203.0.113.43", [["192.0.2.60", "http", NONE]]],
    ["blanks around pairs", " for=1.2.3.4 ; host=a.example\t", [["1.2.3.4", NONE, "a.example"]]],
    ["pairs that are missing", ";;for=1.2.3.4;", [["1.2.3.4", NONE, NONE]]],
    ["a port without quotes, as some send it", "for=1.2.3.4:80", [["1.2.3.4:80", NONE, NONE]]],
    ["escapes in quotes", 'host="a\\".\\example"', [[NONE, NONE, 'a".example']]],
    ["a comma and a semicolon in quotes", 'for="a,b;c"', [["a,b;c", NONE, NONE]]],
    ["what it does not know", "for=1.2.3.4;secret=x", [["1.2.3.4", NONE, NONE]]],
  ])("%s", (_, line, expected) => {
    expect(parse(line)).toEqual(expected as ReturnType<typeof parse>);
  });

  test("several lines are one list, and empty elements do not count", () => {
    expect(parse("for=a, ,for=b,", "for=c")).toEqual(["a", "b", "c"].map((name) => [name, NONE, NONE]));
  });

  test.each([
    ["no value", "for="],
    ["no pair", "for"],
    ["a quote that is not closed", 'for="1.2.3.4'],
    ["a pair twice", "for=a;For=b"],
    ["no separator", "for=a proto=https"],
    ["one element of several", "for=1.2.3.4, for=a b"],
    ["blanks around =", "for = a"],
    ["nothing", ""],
    ["nothing but commas", ", ,"],
  ])("of which no part is believed: %s", (_, line) => {
    expect(parse(line)).toBeUndefined();
  });

  test("a field that is not there says nothing, and a long one costs one pass", () => {
    expect(parse()).toBeUndefined();
    expect(parse(`${"for=10.0.0.1,".repeat(5000)}for="${"\\a".repeat(5000)}`)).toBeUndefined();
  });
});
