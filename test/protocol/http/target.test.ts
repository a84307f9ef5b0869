import { describe, expect, test } from "bun:test";
import { parseHost, parseTarget } from "../../../src/protocol/http/target.ts";

const path = (raw: string, mergeSlashes = true) => {
  const target = parseTarget("GET", raw, mergeSlashes);
  return typeof target === "string" ? target : target.path;
};

describe("the path is decoded once, then dot segments and double slashes go", () => {
  test.each([
    ["/", "/"],
    ["/a", "/a"],
    ["/a/", "/a/"],
    ["/a.b/.c/..d/e..", "/a.b/.c/..d/e.."],
    ["/...", "/..."],
    ["/.", "/"],
    ["/./a", "/a"],
    ["/a/.", "/a/"],
    ["/a/..", "/"],
    ["/a/b/..", "/a/"],
    ["/a/b/../", "/a/"],
    ["/a/b/../c", "/a/c"],
    ["/a/./b/./c", "/a/b/c"],
    ["//", "/"],
    ["//a//b//", "/a/b/"],
    ["/a//../b", "/b"],
    ["/%41%2d%7e", "/A-~"],
    ["/%e2%82%ac", "/\xe2\x82\xac"],
    ["/\xe2\x82\xac", "/\xe2\x82\xac"],
    ["/a%2Fb", "/a/b"],
    ["/a%2f%2fb", "/a/b"],
    ["/a/%2e%2e/b", "/b"],
    ["/a/%2E/b", "/a/b"],
    ["/a%2f..%2fb", "/b"],
    ["/%252e%252e/a", "/%2e%2e/a"],
    ["/%2500", "/%00"],
    ["/a%3Fb%23c", "/a?b#c"],
    ["/%0d%0a", "/\r\n"],
    ["/a\\..\\b", "/a\\..\\b"],
    ["/..", "target_above_root"],
    ["/../a", "target_above_root"],
    ["/a/../..", "target_above_root"],
    ["/a/../../a", "target_above_root"],
    ["/%2e%2e/", "target_above_root"],
    ["//..", "target_above_root"],
    ["/%", "target_bad_escape"],
    ["/%4", "target_bad_escape"],
    ["/%4g", "target_bad_escape"],
    ["/%%41", "target_bad_escape"],
    ["/%+1", "target_bad_escape"],
    ["/% 1", "target_bad_escape"],
    ["/a%00b", "target_has_nul"],
    ["/a#b", "target_has_fragment"],
  ])("%s becomes %s", (raw, wanted) => {
    expect(path(raw)).toBe(wanted);
  });

  test.each([
    ["//a//b", "//a//b"],
    ["/a//../b", "/a/b"],
    ["/a/b//..//c", "/a/b//c"],
    ["//../..", "target_above_root"],
  ])("without merging, %s becomes %s", (raw, wanted) => {
    expect(path(raw, false)).toBe(wanted);
  });
});

test("the raw path and the query are kept as sent", () => {
  expect(parseTarget("GET", "/a%20b/../c?d=%00&e=/../#".slice(0, -1), true)).toEqual({
    form: "origin",
    rawPath: "/a%20b/../c",
    path: "/c",
    query: "d=%00&e=/../",
    authority: undefined,
  });
});

describe("hosts follow RFC 3986 section 3.2.2", () => {
  test.each([
    ["a", "a", undefined],
    ["Example.ORG:8080", "example.org", 8080],
    ["example.org.", "example.org", undefined],
    ["example.org.:80", "example.org", 80],
    ["a:", "a", undefined],
    ["a:0", "a", 0],
    ["a:65535", "a", 65535],
    ["127.0.0.1:1", "127.0.0.1", 1],
    ["under_score-~!$&'()*+,;=", "under_score-~!$&'()*+,;=", undefined],
    ["a%C3%A9", "a%c3%a9", undefined],
    ["[::]", "[::]", undefined],
    ["[::1]:80", "[::1]", 80],
    ["[2001:DB8::1]", "[2001:db8::1]", undefined],
    ["[1:2:3:4:5:6:7:8]", "[1:2:3:4:5:6:7:8]", undefined],
    ["[1:2:3:4:5:6:7::]", "[1:2:3:4:5:6:7::]", undefined],
    ["[::ffff:192.0.2.1]", "[::ffff:192.0.2.1]", undefined],
    ["[1:2:3:4:5:6:192.0.2.1]", "[1:2:3:4:5:6:192.0.2.1]", undefined],
  ])("%s is %s and %s", (value, host, port) => {
    expect(parseHost(value)).toEqual({ host, port });
  });

  test.each([
    "",
    ".",
    "..",
    "a..b",
    "a..",
    ":",
    ":80",
    "a:b",
    "a:80:80",
    "a:-1",
    "a:+80",
    "a:65536",
    "a:000080",
    "a: 80",
    "a/b",
    "a?b",
    "a#b",
    "a@b",
    "a b",
    "a\\b",
    "a\tb",
    "a\xe9",
    "a%",
    "a%4",
    "a%zz",
    "a<b",
    'a"b',
    "a[b]",
    "[",
    "[]",
    "[::1",
    "::1",
    "[::1]x",
    "[::1]80",
    "[::1]:x",
    "[1::2::3]",
    "[1:2:3:4:5:6:7]",
    "[1:2:3:4:5:6:7:8:9]",
    "[1:2:3:4:5:6:7:8::]",
    "[12345::]",
    "[g::]",
    "[:1]",
    "[1:]",
    "[:::]",
    "[::256.0.0.1]",
    "[::1.2.3]",
    "[::1.2.3.4.]",
    "[1.2.3.4::]",
    "[fe80::1%25eth0]",
    "[v1.a]",
    "[::1]]",
  ])("%s is refused", (value) => {
    expect(parseHost(value)).toBeUndefined();
  });
});
