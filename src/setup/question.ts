/** What may be asked, and what an answer is. Every answer is a text, so that a flag gives it as well as a person. */

/** In the order in which they are asked; each is also the name of the flag that answers it. */
export const QUESTION_IDS = [
  "project",
  "kind",
  "root",
  "upstream",
  "callable",
  "factory",
  "python",
  "settings",
  "broken",
  "import",
  "domain",
  "listen",
  "https",
  "cert",
  "key",
  "processes",
  "threads",
  "uploads",
  "lines",
  "collectstatic",
  "unit",
  "user",
  "start",
] as const;

export type QuestionId = (typeof QUESTION_IDS)[number];

export type Answers = Readonly<Partial<Record<QuestionId, string>>>;

export interface Choice {
  readonly value: string;
  readonly label: string;
  readonly hint?: string;
}

interface Asked {
  /** `write` is the last one, which --yes answers. */
  readonly id: QuestionId | "write";
  readonly message: string;
  /** Lines below it: where the default comes from, what follows from an answer. */
  readonly why: readonly string[];
  /** The answer that is offered. */
  readonly initial: string;
  /** What --yes takes in its place, where the offer needs a person's consent. */
  readonly unasked?: string;
}

export interface ChoiceQuestion extends Asked {
  readonly kind: "choice";
  readonly choices: readonly Choice[];
  /** Answers beside the choices that a flag may give: what is wrong with them, or undefined. */
  readonly open?: (text: string) => string | undefined;
}

export interface TextQuestion extends Asked {
  readonly kind: "text";
  /** Shown in an empty field. */
  readonly placeholder?: string;
  /** What is wrong with it; undefined when it can be used. */
  readonly refuse: (text: string) => string | undefined;
}

export type Question = ChoiceQuestion | TextQuestion;

export function yesOrNo(question: Omit<ChoiceQuestion, "kind" | "choices">, yes: string, no: string): ChoiceQuestion {
  const choices = [
    { value: "yes", label: yes },
    { value: "no", label: no },
  ];
  return { ...question, kind: "choice", choices };
}

/** What is wrong with an answer; undefined when it can be used. */
export function refuseAnswer(question: Question, text: string): string | undefined {
  if (question.kind === "text") return question.refuse(text);
  if (question.choices.some(({ value }) => value === text)) return undefined;
  const known = question.choices.map(({ value }) => value).join(", ");
  return question.open === undefined ? `is ${JSON.stringify(text)}; should be one of ${known}` : question.open(text);
}
