import { describe, expect, test } from "bun:test";
import { editDistance, nearest } from "../../src/config/nearest.ts";

describe("the distance of two words", () => {
  test.each([
    ["", "", 0],
    ["a", "", 1],
    ["listen", "listen", 0],
    ["lsiten", "listen", 1],
    ["liste", "listen", 1],
    ["kitten", "sitting", 3],
    ["ca", "abc", 3],
  ])("%p to %p is %d", (a, b, distance) => {
    expect(editDistance(a, b)).toBe(distance);
    expect(editDistance(b, a)).toBe(distance);
  });
});

describe("the nearest known word", () => {
  const known = ["listen", "names", "charset", "routes", "warn"];
  test.each([
    ["lsiten", "listen"],
    ["Names", "names"],
    ["name", "names"],
    ["route", "routes"],
    ["char_set", "charset"],
    ["warning", "warn"],
    ["xyz", undefined],
    ["a", undefined],
    ["", undefined],
  ])("of %p is %p", (word, expected) => expect(nearest(word, known)).toBe(expected));
});
