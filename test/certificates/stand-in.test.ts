import { expect, test } from "bun:test";
import { pairOf } from "../../src/certificates/local.ts";
import { makeCertificate, newKey } from "../../src/certificates/make.ts";
import { keyText } from "../../src/certificates/pem.ts";
import { standInFor } from "../../src/certificates/stand-in.ts";

const DAY_MS = 86_400_000;
const NOW_MS = Date.UTC(2030, 0, 1);

function made(subject: string, names: readonly string[], fromDay: number, toDay: number) {
  const key = newKey();
  const dates = { from: new Date(NOW_MS + fromDay * DAY_MS), to: new Date(NOW_MS + toDay * DAY_MS) };
  return pairOf(makeCertificate({ subject, names, key, ...dates }), keyText(key));
}

const one = made("one", ["a.test"], -9, 9);
const two = made("two", ["a.test", "*.b.test"], -8, 9);
const later = made("later", ["a.test"], -1, 9);
const over = made("over", ["a.test", "x.b.test", "c.test"], -9, -1);
const other = made("other", ["other.test"], -1, 9);
const kept = [one, two, later, over, other];

test("the one that covers most names is taken, of equals the latest, none that is over", () => {
  expect(standInFor(["a.test", "x.b.test", "c.test"], kept, NOW_MS)).toEqual({
    pair: two,
    why: "one of before, signed by CN=two, is shown until there is a new one; it does not name c.test",
  });
  expect(standInFor(["a.test", "c.test"], kept, NOW_MS)?.pair).toBe(later);
  expect(standInFor(["other.test"], kept, NOW_MS)?.why).toBe(
    "one of before, signed by CN=other, is shown until there is a new one",
  );
});

test("one that covers no name at all is no help", () => {
  expect(standInFor(["c.test"], kept, NOW_MS)).toBeUndefined();
  expect(standInFor(["a.test"], [], NOW_MS)).toBeUndefined();
});
