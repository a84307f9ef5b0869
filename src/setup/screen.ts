/** What the wizard needs of whoever sits before it. Two of them: clack-screen.ts draws, plain-screen.ts writes lines. */
import type { Question } from "./question.ts";

export type Reply = { readonly answer: string } | "back" | "leave";

export type Tone = "good" | "bad" | "warn" | "info";

/** A line of a block: `add` and `remove` of a difference, `dim` for what only surrounds it. */
export interface Line {
  readonly text: string;
  readonly tone: "plain" | "add" | "remove" | "dim" | "comment";
}

export interface Work {
  /** What it is at. */
  update(text: string): void;
  /** An empty text: it leaves no trace. */
  end(tone: Tone, text: string): void;
}

export interface Screen {
  /** With how to answer, when something will be asked. */
  intro(title: string, asks: boolean): void;
  /** Rows of a name and a text. */
  rows(title: string, rows: readonly (readonly [name: string, text: string])[]): void;
  block(title: string, lines: readonly Line[]): void;
  say(tone: Tone, text: string): void;
  ask(question: Question): Promise<Reply>;
  work(text: string): Work;
  outro(tone: "good" | "bad", text: string): void;
}

/** What a person wants to know before all. */
export const PROMISE = "Nothing is written before the end.";

export function plain(text: string): Line {
  return { text, tone: "plain" };
}

export function dim(text: string): Line {
  return { text, tone: "dim" };
}
