/**
 * The conversation as a state machine without a screen: what was answered, what is asked next, and the way back. Which
 * questions there are follows from what is seen and from the answers before; so after a step back the later ones are asked
 * again, with what was answered before as their offer.
 */
import { type Answers, type Question, QUESTION_IDS, type QuestionId, refuseAnswer } from "./question.ts";

export interface Dialog {
  readonly answers: Answers;
  /** By a flag: never asked. */
  readonly given: Answers;
  /** Those a person answered, in order: the way back. */
  readonly asked: readonly QuestionId[];
  /** Answers that were taken back. */
  readonly earlier: Answers;
}

export type AskFor<S> = (id: QuestionId, seen: S, answers: Answers) => Question | undefined;

export function beginDialog(given: Answers): Dialog {
  return { answers: given, given, asked: [], earlier: {} };
}

/** The next thing that is needed. `wrong`: a flag's answer that cannot be used. Undefined: everything is answered. */
export function nextQuestion<S>(
  dialog: Dialog,
  seen: S,
  askFor: AskFor<S>,
): { readonly question: Question; readonly wrong: string | undefined } | undefined {
  for (const id of QUESTION_IDS) {
    const question = askFor(id, seen, dialog.answers);
    if (question === undefined) continue;
    const answer = dialog.answers[id];
    if (answer === undefined) return { question: offerEarlier(question, dialog.earlier[id]), wrong: undefined };
    const wrong = refuseAnswer(question, answer);
    if (wrong === undefined) continue;
    if (dialog.given[id] !== undefined) return { question, wrong };
    // What is seen may have changed since a person chose.
    if (question.kind === "choice") return { question, wrong: undefined };
  }
  return undefined;
}

function offerEarlier(question: Question, earlier: string | undefined): Question {
  if (earlier === undefined || refuseAnswer(question, earlier) !== undefined) return question;
  return { ...question, initial: earlier };
}

export function answerQuestion(dialog: Dialog, id: QuestionId, answer: string): Dialog {
  return {
    ...dialog,
    answers: { ...dialog.answers, [id]: answer },
    asked: [...dialog.asked.filter((each) => each !== id), id],
  };
}

/** Takes the last answer of a person back; undefined at the first question. */
export function stepBack(dialog: Dialog): Dialog | undefined {
  const last = dialog.asked.at(-1);
  if (last === undefined) return undefined;
  const { [last]: taken, ...answers } = dialog.answers;
  const earlier = { ...dialog.earlier, ...(taken !== undefined && { [last]: taken }) };
  return { ...dialog, answers, asked: dialog.asked.slice(0, -1), earlier };
}

/** Flags that answered a question which was never a question here. */
export function unusedFlags<S>({ given, answers }: Dialog, seen: S, askFor: AskFor<S>): QuestionId[] {
  return QUESTION_IDS.filter((id) => given[id] !== undefined && askFor(id, seen, answers) === undefined);
}
