import { describe, expect, test } from "bun:test";
import { caaRefusal, relevantCaa } from "../../src/certificates/caa.ts";
import type { CaaRecord } from "../../src/certificates/resolver.ts";

const parse = (lines: readonly string[]): CaaRecord[] =>
  lines.map((line) => {
    const [tag = "", ...value] = line.split(" ");
    return { tag, value: value.join(" ") };
  });

test("the records that count are those of the nearest name that has any (RFC 8659 section 3)", async () => {
  const asked: string[] = [];
  const zone: Readonly<Record<string, CaaRecord[]>> = { "b.test": parse(["issue ca.test"]), test: parse(["issue ;"]) };
  const source = {
    caa: async (host: string) => {
      asked.push(host);
      return zone[host] ?? [];
    },
  };
  expect((await relevantCaa(source, "www.a.b.test"))?.at).toBe("b.test");
  expect(asked).toEqual(["www.a.b.test", "a.b.test", "b.test"]);
  expect((await relevantCaa(source, "*.c.test"))?.at).toBe("test");
  expect(await relevantCaa(source, "a.example")).toBeUndefined();
});

describe("an authority", () => {
  const refusal = (lines: readonly string[], name = "a.test", kinds = ["http-01"]) =>
    caaRefusal({ at: "a.test", records: parse(lines) }, name, ["ca.test"], kinds);

  test("may sign when it is named, or nobody is", () => {
    expect(refusal(["issue other.test", "issue ca.test"])).toBeUndefined();
    expect(refusal(["issue CA.test; accounturi=https://x"])).toBeUndefined();
    expect(refusal(["iodef mailto:x@a.test"])).toBeUndefined();
    expect(refusal(["issuewild ;"])).toBeUndefined();
  });

  test("may not when others are, or an empty one", () => {
    expect(refusal(["issue other.test"])).toBe(
      "the CAA records of a.test let other.test sign (issue), and not ca.test",
    );
    expect(refusal(["issue ;"])).toBe("the CAA records of a.test let nobody sign (issue), and not ca.test");
  });

  test("is bound to issuewild for wildcards, and to issue where there is none", () => {
    expect(refusal(["issue ca.test", "issuewild other.test"], "*.a.test")).toContain("let other.test sign (issuewild)");
    expect(refusal(["issue other.test", "issuewild ca.test"], "*.a.test")).toBeUndefined();
    expect(refusal(["issue ca.test"], "*.a.test")).toBeUndefined();
  });

  test("is bound to the methods of proof that are named (RFC 8657)", () => {
    const only = ["issue ca.test; validationmethods=dns-01"];
    expect(refusal(only)).toBe("the CAA records of a.test allow proof by dns-01 only, and not by http-01");
    expect(refusal(only, "a.test", ["http-01", "dns-01"])).toBeUndefined();
  });
});
