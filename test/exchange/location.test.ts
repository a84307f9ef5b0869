import { expect, test } from "bun:test";
import { oneSlash, pathReference, safeTarget } from "../../src/exchange/location.ts";

test.each([
  ["/a/b", "/a/b"],
  ["//evil.test/a", "/evil.test/a"],
  ["/a b%?#\r\n", "/a%20b%25%3F%23%0D%0A"],
  ["/\xc3\xbc", "/%C3%BC"],
  ["/-._~!$&'()*+,;=:@", "/-._~!$&'()*+,;=:@"],
])("pathReference(%j) is %j", (path, reference) => {
  expect(pathReference(path)).toBe(reference);
});

test("no byte but printable ASCII gets out of either", () => {
  const every = Array.from({ length: 256 }, (_, i) => String.fromCharCode(i)).join("");
  for (const safe of [pathReference(`/${every}`), safeTarget(every)]) expect(safe).toMatch(/^[\x21-\x7e]+$/);
  expect(decodeURIComponent(pathReference("/%41"))).toBe("/%41");
  expect(safeTarget("/%41?a=b&c[]=d")).toBe("/%41?a=b&c[]=d");
});

test("oneSlash takes backslashes for slashes, as browsers do", () => {
  expect(oneSlash("/\\/evil")).toBe("/evil");
  expect(oneSlash("/a//b")).toBe("/a//b");
});
