/** How many passwords are verified at a time, and what is remembered of them. */
import { expect, test } from "bun:test";
import { type Verdict, Verifier } from "../../src/exchange/verifier.ts";

/** A verifier whose hashes take until they are told. */
function stage() {
  const pending: ((right: boolean) => void)[] = [];
  const verifier = new Verifier(() => new Promise((resolve) => pending.push(resolve)));
  const verdicts: Verdict[] = [];
  const ask = (password: string, hashed = "hash") =>
    verifier.ask("user", Buffer.from(password), hashed, (verdict) => verdicts.push(verdict));
  const settle = async (right: boolean) => {
    pending.shift()?.(right);
    await Bun.sleep(0);
  };
  return { pending, verdicts, ask, settle };
}

test("a right password is remembered with its hash, a wrong one is not", async () => {
  const { pending, verdicts, ask, settle } = stage();
  expect(ask("a")).toBeUndefined();
  await settle(true);
  expect(verdicts).toEqual(["right"]);
  expect(ask("a")).toBe("right");
  expect(ask("a", "changed")).toBeUndefined();
  await settle(false);
  expect(ask("a", "changed")).toBeUndefined();
  expect(pending).toHaveLength(1);
});

test("the same question at the same time is one computation", async () => {
  const { pending, verdicts, ask, settle } = stage();
  for (let i = 0; i < 6; i++) expect(ask("a")).toBeUndefined();
  expect(pending).toHaveLength(1);
  await settle(true);
  expect(verdicts).toEqual(["right", "right", "right", "right", "right", "right"]);
});

test("two are computed at a time, 64 wait, more are told to come back", async () => {
  const { pending, verdicts, ask, settle } = stage();
  for (let i = 0; i < 66; i++) expect(ask(`password ${i}`)).toBeUndefined();
  expect(ask("one too many")).toBe("busy");
  expect(pending).toHaveLength(2);
  for (let i = 0; i < 66; i++) await settle(false);
  expect(verdicts).toHaveLength(66);
  expect(ask("again")).toBeUndefined();
});
