import { expect, test } from "bun:test";
import {
  attemptConnected,
  attemptsLeft,
  beginAttempt,
  firstAttempt,
  headCame,
  replyEnded,
} from "../../src/exchange/upstream-attempt.ts";
import { Fields } from "../../src/protocol/http/fields.ts";

test("an attempt that nobody knows of any more is the next one, and is as a new one", () => {
  const list = firstAttempt("127.0.0.1:1", 5);
  const [attempt] = list;
  attemptConnected(attempt, 6);
  headCame(attempt, 200, new Fields(), 7);
  attempt.contentBytes = 3;
  replyEnded(attempt, 8);
  attemptsLeft(list);
  const next = firstAttempt("127.0.0.1:2", 9);
  expect(next).toBe(list);
  expect(next).toEqual([beginAttempt("127.0.0.1:2", 9)]);
  expect(firstAttempt("127.0.0.1:3", 10)).not.toBe(list);
});

test("neither lists of several, or of none, nor attempts that are something else are used again", () => {
  const others = [
    [beginAttempt("127.0.0.1:1", 1), beginAttempt("127.0.0.1:2", 2)],
    [],
    [{ ...beginAttempt("app:x", 1) }],
  ];
  for (const list of others) {
    attemptsLeft(list);
    expect(firstAttempt("127.0.0.1:4", 3)).not.toBe(list as never);
  }
});
