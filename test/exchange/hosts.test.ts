import { describe, expect, test } from "bun:test";
import { compileHosts } from "../../src/exchange/hosts.ts";

const SITES = [
  { names: ["*.example.org"], value: "wildcard" },
  { names: ["example.org", "www.example.org"], value: "exact" },
  { names: ["*.deep.example.org"], value: "deep wildcard" },
  { names: ["[::1]", "127.0.0.1"], value: "address" },
  { names: ["second.test", "*.second.test"], value: "both" },
];

describe("compileHosts", () => {
  const select = compileHosts([...SITES, { names: [], value: "default" }]);
  const strict = compileHosts(SITES);

  test.each([
    ["example.org", "exact"],
    ["www.example.org", "exact"],
    ["api.example.org", "wildcard"],
    ["a.b.example.org", "wildcard"],
    ["x.deep.example.org", "deep wildcard"],
    ["x.y.deep.example.org", "deep wildcard"],
    ["deep.example.org", "wildcard"],
    ["[::1]", "address"],
    ["127.0.0.1", "address"],
    ["second.test", "both"],
    ["a.second.test", "both"],
    ["example.org.", "exact"],
    ["api.example.org.", "wildcard"],
  ])("%s is %s", (host, site) => {
    expect(select(host)).toBe(site);
    expect(strict(host)).toBe(site);
  });

  test.each([
    "",
    ".",
    "org",
    "notexample.org",
    ".example.org",
    "example.org.evil.test",
    "example.com",
    "..example.com",
  ])("%j belongs to no name: the default, or nobody", (host) => {
    expect(select(host)).toBe("default");
    expect(strict(host)).toBeUndefined();
  });

  test("refuses a wildcard it does not know instead of ignoring it", () => {
    expect(() => compileHosts([{ names: ["www.*.org"], value: 1 }])).toThrow("www.*.org");
  });
});

describe("nginx's order: exact, longest *.x, longest x.*, the first expression, the default", () => {
  const select = compileHosts([
    { names: ["~^(?<sub>.+)\\.example\\.(org|net)$"], value: "expression" },
    { names: ["~example"], value: "later expression" },
    { names: ["www.*"], value: "www" },
    { names: ["www.example.*"], value: "www.example" },
    { names: ["*.org"], value: "org" },
    { names: [".example.com"], value: "with and without" },
    { names: ["fallback.test"], isDefault: true, value: "default with a name" },
    { names: ["www.example.org"], value: "exact" },
  ]);
  const cases = [
    ["www.example.org", "exact"],
    ["www.example.info", "www.example"],
    ["www.example.co.uk", "www.example"],
    ["www.other.info", "www"],
    ["api.example.org", "org"],
    ["www.deep.example.com", "with and without"],
    ["example.com", "with and without"],
    ["a.b.example.net", "expression"],
    ["A.example.net".toLowerCase(), "expression"],
    ["myexample", "later expression"],
    ["fallback.test", "default with a name"],
    ["other.test", "default with a name"],
    ["www.", "default with a name"],
    [".www.example", "later expression"],
    ["", "default with a name"],
  ] as const;
  test.each(cases)("%s is %s", (host, site) => expect(select(host)).toBe(site));

  test("what an expression found is kept, and nothing where none was asked", () => {
    const into = { hostCaptures: undefined as RegExpExecArray | undefined };
    select("www.example.org", into);
    expect(into.hostCaptures).toBeUndefined();
    select("a.b.example.net", into);
    expect(into.hostCaptures?.groups).toMatchObject({ sub: "a.b" });
  });
});
