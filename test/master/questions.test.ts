import { expect, test } from "bun:test";
import { Questions } from "../../src/master/questions.ts";

const answer = (forgotten: number) => ({
  front: 0,
  since: 0,
  caches: [],
  upstreams: [],
  routes: [],
  connections: { idle: 0, active: 0 },
  lostLogLines: 0,
  forgotten,
});

test("a question is over when all fronts have answered, each once, whatever comes between", async () => {
  const questions = new Questions();
  const posted: [number, number][] = [];
  const asked = questions.ask(2, (front, question) => void posted.push([front, question]));
  const [[, question]] = posted as [[number, number]];
  expect(posted).toEqual([
    [0, question],
    [1, question],
  ]);
  questions.answered(0, question, answer(1));
  questions.answered(0, question, answer(10));
  questions.answered(1, question + 1, answer(100));
  questions.answered(1, question, answer(2));
  expect((await asked).map(({ forgotten }) => forgotten)).toEqual([1, 2]);
});

test("a front that says nothing is missing in the end", async () => {
  const questions = new Questions();
  const asked = questions.ask(2, (front, question) => front === 1 && questions.answered(front, question, answer(3)));
  expect((await asked).map(({ forgotten }) => forgotten)).toEqual([3]);
});
