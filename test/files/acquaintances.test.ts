import { expect, test } from "bun:test";
import { Acquaintances } from "../../src/files/acquaintances.ts";

test("a name is met for the first time once, for each of those who ask", () => {
  const known = new Acquaintances();
  expect(known.meet("/a.css", 1)).toBe(false);
  expect(known.meet("/a.css", 1)).toBe(true);
  expect(known.meet("/a.css", 2)).toBe(false);
  expect(known.meet("", 1)).toBe(false);
  expect(known.meet("", 1)).toBe(true);
});

test("of thousands of names most are remembered, and hardly one is taken for another", () => {
  const known = new Acquaintances();
  const names = Array.from({ length: 4000 }, (_, i) => `/static/js/chunk-${i}.js`);
  expect(names.filter((name) => known.meet(name, 1)).length).toBeLessThanOrEqual(2);
  expect(names.filter((name) => known.meet(name, 1)).length).toBeGreaterThan(3900);
});

test("names that are asked for in turn, again and again, are remembered", () => {
  const known = new Acquaintances();
  const names = Array.from({ length: 10_000 }, (_, i) => `/static/js/chunk-${i}.js`);
  for (const name of names) known.meet(name, 1);
  expect(names.filter((name) => known.meet(name, 1)).length).toBeGreaterThan(9_000);
});
