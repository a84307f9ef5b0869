import { expect, test } from "bun:test";
import { Kind, Kinds } from "../../src/files/kinds.ts";

/** Counts how often each name is worked out. */
function counting() {
  const worked: string[] = [];
  const kinds = new Kinds((path) => {
    worked.push(path);
    return new Kind(path, false);
  });
  return { kinds, worked };
}

test("an extension is worked out once, whatever stands before it", () => {
  const { kinds, worked } = counting();
  const first = kinds.of("/a/site.css");
  expect(kinds.of("/b.css")).toBe(first);
  expect(kinds.of("/c.min.css")).toBe(first);
  expect(kinds.of("/a.CSS")).not.toBe(first);
  expect(kinds.of("/a.woff2").contentType).toBe("/a.woff2");
  expect(kinds.of("/b.woff2").contentType).toBe("/a.woff2");
  expect(worked).toEqual(["/a/site.css", "/a.CSS", "/a.woff2"]);
});

test("extensions of the same characters in another order, or fewer of them, are others", () => {
  const { kinds } = counting();
  const names = ["/x.ab", "/x.ba", "/x.a", "/x.b", "/x.", "/x.aab", "/x.abcdefg", "/x.bcdefga"];
  for (const name of names) expect(kinds.of(name).contentType).toBe(name);
  for (const name of names) expect(kinds.of(`/more${name}`).contentType).toBe(name);
});

test("a name without an extension, or with an unusual one, is worked out each time", () => {
  const { kinds, worked } = counting();
  const names = ["", "/", "/name", "/a.css/name", "/x.abcdefgh", "/x.\xe9", "/x.\0", "/long-name-without-any"];
  for (const name of [...names, ...names]) expect(kinds.of(name).contentType).toBe(name);
  expect(worked).toEqual([...names, ...names]);
});

test("the table does not grow without bound", () => {
  const { kinds, worked } = counting();
  const name = (i: number) => `/x.${i.toString(36).padStart(3, "0")}`;
  for (let i = 0; i < 1000; i++) kinds.of(name(i));
  worked.length = 0;
  for (let i = 0; i < 1000; i++) expect(kinds.of(name(i)).contentType).toBe(name(i));
  expect(worked.length).toBe(1000 - 256);
});

test("files of one kind share what is told of them, as far as it is the same", () => {
  const { kinds } = counting();
  const shared = kinds.of("/a.css");
  const first = shared.optionsOf("no-cache", true);
  const second = shared.optionsOf("immutable", true);
  expect(first).toMatchObject({ cacheControl: "no-cache", contentType: "/a.css", varies: false, ranges: true });
  expect(second).toMatchObject({ cacheControl: "immutable", contentType: "/a.css" });
  for (let i = 0; i < 2; i++) {
    expect(kinds.of("/b.css").optionsOf("no-cache", true)).toBe(first);
    expect(kinds.of("/b.css").optionsOf("immutable", true)).toBe(second);
  }
  expect(shared.optionsOf("no-cache", false)).not.toBe(first);
  for (let i = 0; i < 20; i++) expect(shared.optionsOf(`${i}`, true).cacheControl).toBe(`${i}`);
  expect(shared.optionsOf("no-cache", true)).toBe(first);
  // Of a name without an extension nothing is kept.
  expect(kinds.of("/none").optionsOf(undefined, true).templates).toBeUndefined();
});
