import { expect, test } from "bun:test";
import { Round } from "../../src/master/round.ts";

test("is over when every front has answered; what several find wrong is told once", async () => {
  const round = new Round(3, 60_000);
  round.heard(0);
  round.heard(0, "said twice: not counted");
  round.heard(2, "no memory");
  round.heard(1, "no memory");
  expect(await round.over).toEqual(["no memory"]);
});

test("a front that is silent is a problem, and does not hold up the others for ever", async () => {
  const round = new Round(2, 20);
  round.heard(1);
  expect(await round.over).toEqual(["front-0 does not answer within 0.02 s"]);
  round.heard(0, "too late");
  expect(await round.over).toHaveLength(1);
});
