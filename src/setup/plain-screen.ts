/**
 * The screen for screen readers, dumb terminals and logs: lines one after another, nothing drawn, nothing taken back. Also
 * for programs, which are never asked.
 */
import { type ChoiceQuestion, type Question, refuseAnswer } from "./question.ts";
import { type Line, PROMISE, type Reply, type Screen, type Tone } from "./screen.ts";

export interface PlainTerminal {
  write(text: string): void;
  /** A line without its end; undefined when there is none any more, or somebody wants to leave. */
  readLine(): Promise<string | undefined>;
}

const MARKS: Readonly<Record<Tone, string>> = { good: "ok: ", bad: "problem: ", warn: "note: ", info: "" };
const SIGNS: Readonly<Record<Line["tone"], string>> = {
  plain: "  ",
  add: "+ ",
  remove: "- ",
  dim: "  ",
  comment: "  ",
};

const HINT = `An empty line takes what is in brackets, < goes back, Ctrl-C leaves. ${PROMISE}`;

export const BACK_WORD = "<";
/** Stands for an empty answer where an empty line means the offer. */
export const NONE_WORD = "-";

export function plainScreen(terminal: PlainTerminal): Screen {
  const line = (text: string) => terminal.write(`${text}\n`);
  return {
    intro: (title, asks) => line(asks ? `${title}\n${HINT}\n` : `${title}\n`),
    rows: (title, rows) => {
      line(`${title}:`);
      for (const [name, text] of rows) line(name === "" ? `    ${text}` : `  ${name}: ${text}`);
      line("");
    },
    block: (title, lines) => {
      line(`${title}:`);
      for (const { text, tone } of lines) line(`${SIGNS[tone]}${text}`.trimEnd());
      line("");
    },
    say: (tone, text) => line(`${MARKS[tone]}${text}`),
    ask: (question) => ask(question, terminal),
    work: (text) => {
      line(`${text} …`);
      return { update: () => {}, end: (tone, result) => (result === "" ? undefined : line(`${MARKS[tone]}${result}`)) };
    },
    outro: (_, text) => line(`\n${text}`),
  };
}

async function ask(question: Question, terminal: PlainTerminal): Promise<Reply> {
  terminal.write(`\n${question.message}\n${question.why.map((text) => `  ${text}\n`).join("")}`);
  if (question.kind === "choice") terminal.write(choicesText(question));
  for (;;) {
    terminal.write(prompt(question));
    const typed = (await terminal.readLine())?.trim();
    if (typed === undefined) return "leave";
    if (typed === BACK_WORD) return "back";
    const answer = readAnswer(question, typed);
    const wrong = refuseAnswer(question, answer);
    if (wrong === undefined) return { answer };
    const isNumber = question.kind === "choice" && /^\d+$/.test(typed);
    terminal.write(isNumber ? `should be a number from 1 to ${question.choices.length}\n` : `${wrong}\n`);
  }
}

function choicesText({ choices }: ChoiceQuestion): string {
  return choices
    .map(({ label, hint }, i) => `  ${i + 1}. ${label}${hint === undefined ? "" : ` (${hint})`}\n`)
    .join("");
}

function prompt(question: Question): string {
  if (question.kind === "text")
    return `Answer, ${BACK_WORD} for back, ${NONE_WORD} for none [${question.initial === "" ? "none" : question.initial}]: `;
  const number = question.choices.findIndex(({ value }) => value === question.initial) + 1;
  return `Number, ${BACK_WORD} for back [${number}]: `;
}

/** A number, or the answer itself as a flag would have it. */
function readAnswer(question: Question, typed: string): string {
  if (typed === "") return question.initial;
  if (question.kind === "text") return typed === NONE_WORD ? "" : typed;
  const chosen = /^\d+$/.test(typed) ? question.choices[Number(typed) - 1] : undefined;
  return chosen?.value ?? typed;
}
