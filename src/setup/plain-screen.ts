/**
 * The screen for screen readers, dumb terminals and logs: lines one after another, nothing drawn, nothing taken back. Also
 * for programs, which are never asked.
 */
import { type ChoiceQuestion, type Question, refuseAnswer } from "./question.ts";
import { wrapText } from "./wrap.ts";
import { type Line, PROMISE, type Reply, type Screen, type Tone } from "./screen.ts";

export interface PlainTerminal {
  /** Of a terminal, which would break words; what goes into a file stays as it is. */
  readonly columns?: number | undefined;
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
  const line = (text: string) => terminal.write(`${broken(text, terminal)}\n`);
  return {
    intro: (title, asks) => line(asks ? `${title}\n${HINT}\n` : `${title}\n`),
    rows: (title, rows) => {
      line(`${title}:`);
      for (const [name, text] of rows) line(name === "" ? `    ${text}` : `  ${name}: ${text}`);
      line("");
    },
    block: (title, lines) => {
      line(`${title}:`);
      // Whole, as it stands in a file.
      for (const { text, tone } of lines) terminal.write(`${`${SIGNS[tone]}${text}`.trimEnd()}\n`);
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

function broken(text: string, { columns }: PlainTerminal): string {
  return columns === undefined ? text : wrapText(text, columns).join("\n");
}

async function ask(question: Question, terminal: PlainTerminal): Promise<Reply> {
  const choices = question.kind === "choice" ? choiceLines(question) : [];
  const lines = ["", question.message, ...question.why.map((text) => `  ${text}`), ...choices];
  terminal.write(lines.map((text) => `${broken(text, terminal)}\n`).join(""));
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

function choiceLines({ choices }: ChoiceQuestion): string[] {
  return choices.map(({ label, hint }, i) => `  ${i + 1}. ${label}${hint === undefined ? "" : ` (${hint})`}`);
}

function prompt(question: Question): string {
  if (question.kind === "text") {
    const none = question.refuse("") === undefined ? `, ${NONE_WORD} for none` : "";
    const offer = question.initial === "" && none === "" ? "" : ` [${question.initial || "none"}]`;
    return `Answer, ${BACK_WORD} for back${none}${offer}: `;
  }
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
