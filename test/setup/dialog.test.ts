import { expect, test } from "bun:test";
import {
  answerQuestion,
  beginDialog,
  type Dialog,
  nextQuestion,
  stepBack,
  unusedFlags,
} from "../../src/setup/dialog.ts";
import { type Answers, type Question, refuseAnswer, type TextQuestion } from "../../src/setup/question.ts";

const text = (id: Question["id"], initial = ""): TextQuestion => {
  return {
    id,
    kind: "text",
    message: "?",
    why: [],
    initial,
    refuse: (typed) => (typed === "bad" ? "is bad" : undefined),
  };
};

/** `listen` arises only for a domain, `https` always. */
function askFor(id: string, _: unknown, answers: Answers): Question | undefined {
  if (id === "domain" || id === "https") return text(id, "offer");
  return id === "listen" && answers.domain !== "none" ? text(id) : undefined;
}

const next = (dialog: Dialog) => nextQuestion(dialog, undefined, askFor);
const ids = (dialog: Dialog) => next(dialog)?.question.id;

test("questions come in their order, those that do not arise are left out", () => {
  let dialog = beginDialog({});
  expect(ids(dialog)).toBe("domain");
  dialog = answerQuestion(dialog, "domain", "none");
  expect(ids(dialog)).toBe("https");
  expect(next(answerQuestion(dialog, "https", "x"))).toBeUndefined();
});

test("what a flag answers is not asked, and one that cannot be used is told", () => {
  expect(ids(beginDialog({ domain: "a" }))).toBe("listen");
  expect(next(beginDialog({ domain: "bad" }))).toMatchObject({ question: { id: "domain" }, wrong: "is bad" });
});

test("back takes the last answer of a person, never a flag's, and offers it again", () => {
  let dialog = answerQuestion(beginDialog({ listen: "80" }), "domain", "mine");
  expect(ids(dialog)).toBe("https");
  dialog = stepBack(dialog) as Dialog;
  expect(next(dialog)?.question).toMatchObject({ id: "domain", initial: "mine" });
  expect(stepBack(dialog)).toBeUndefined();
});

test("after a step back the later answers are given anew", () => {
  let dialog = answerQuestion(beginDialog({}), "domain", "a");
  dialog = answerQuestion(dialog, "listen", "8000");
  dialog = stepBack(stepBack(dialog) as Dialog) as Dialog;
  dialog = answerQuestion(dialog, "domain", "none");
  expect(ids(dialog)).toBe("https");
  dialog = answerQuestion(stepBack(dialog) as Dialog, "domain", "b");
  expect(next(dialog)?.question).toMatchObject({ id: "listen", initial: "8000" });
});

test("a choice that is gone is asked for again, and once on the way back", () => {
  const ask = (id: string, value: string): Question | undefined =>
    id === "domain"
      ? { id, kind: "choice", message: "?", why: [], choices: [{ value, label: value }], initial: value }
      : undefined;
  let dialog = answerQuestion(beginDialog({}), "domain", "a");
  expect(nextQuestion(dialog, "a", ask)).toBeUndefined();
  expect(nextQuestion(dialog, "b", ask)).toMatchObject({ question: { id: "domain" }, wrong: undefined });
  dialog = answerQuestion(dialog, "domain", "b");
  expect(nextQuestion(dialog, "b", ask)).toBeUndefined();
  expect(stepBack(dialog)?.asked).toEqual([]);
});

test("a flag whose question does not arise is told", () => {
  const dialog = answerQuestion(beginDialog({ listen: "80", https: "x" }), "domain", "none");
  expect(unusedFlags(dialog, undefined, askFor)).toEqual(["listen"]);
});

test("an answer to a choice is one of its values, or what it is open to", () => {
  const choice: Question = {
    id: "https",
    kind: "choice",
    message: "?",
    why: [],
    choices: [{ value: "a", label: "A" }],
    initial: "a",
  };
  expect(refuseAnswer(choice, "a")).toBeUndefined();
  expect(refuseAnswer(choice, "b")).toBe('is "b"; should be one of a');
  expect(refuseAnswer({ ...choice, open: (typed) => (typed === "c" ? undefined : "no") }, "c")).toBeUndefined();
});
