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
    expect(() => compileHosts([{ names: ["www.*"], value: 1 }])).toThrow("www.*");
  });
});
