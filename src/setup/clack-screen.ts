/**
 * The screen that is drawn, by @clack/prompts. It knows no way back: Esc and Ctrl-C both cancel a prompt there, so the last
 * key tells which it was.
 */
import { styleText } from "node:util";
import { intro, isCancel, outro, S_BAR, select, text as askText } from "@clack/prompts";
import type { ChoiceQuestion, Question, TextQuestion } from "./question.ts";
import { type Line, PROMISE, type Screen, type Tone, type Work } from "./screen.ts";
import { clipText, wrapText } from "./wrap.ts";

/** `│  ` in front of everything. */
const GUIDE_COLUMNS = 3;
/** Beyond, lines are hard to read. */
const COLUMNS_MAX = 100;
const FRAME_MS = 90;
const FRAMES = ["◒", "◐", "◓", "◑"];
/** For terminals that keep Esc to themselves. */
const BACK_WORD = "<";
const HINT = `Enter takes what is offered, Esc (or < in a field) goes back, Ctrl-C leaves. ${PROMISE}`;

type Style = Parameters<typeof styleText>[0];

const TONES: Readonly<Record<Tone, readonly [mark: string, style: Style]>> = {
  good: ["◆", "green"],
  bad: ["■", "red"],
  warn: ["▲", "yellow"],
  info: ["●", "blue"],
};

const LINES: Readonly<Record<Line["tone"], readonly [sign: string, style: Style]>> = {
  plain: ["", "reset"],
  add: ["+ ", "green"],
  remove: ["- ", "red"],
  dim: ["", "dim"],
  comment: ["", "dim"],
};

const out = process.stdout;

function width(): number {
  return Math.min(out.columns || 80, COLUMNS_MAX) - GUIDE_COLUMNS - 1;
}

function guide(): string {
  return styleText("gray", S_BAR);
}

function write(lines: readonly string[]): void {
  out.write(lines.map((line) => `${line}\n`).join(""));
}

export function clackScreen(): Screen {
  let lastKey: string | undefined;
  // However it ends.
  process.once("exit", () => out.write("\x1b[?25h"));
  process.stdin.prependListener("keypress", (_: unknown, key: { name?: string } | undefined) => (lastKey = key?.name));
  return {
    intro: (title, asks) => {
      intro(styleText("bold", title));
      if (asks) write(wrapText(HINT, width()).map((line) => `${guide()}  ${styleText("dim", line)}`));
    },
    rows: showRows,
    block: showBlock,
    say,
    ask: async (question) => {
      lastKey = undefined;
      const answer = question.kind === "choice" ? await choose(question) : await type(question);
      if (answer !== undefined) return answer === BACK_WORD ? "back" : { answer };
      return lastKey === "escape" ? "back" : "leave";
    },
    work: startWork,
    outro: (tone, text) => {
      const [first = "", ...rest] = wrapText(text, width());
      outro([styleText(tone === "good" ? "green" : "red", first), ...rest.map((line) => `   ${line}`)].join("\n"));
    },
  };
}

/** Undefined: cancelled. */
async function choose(question: ChoiceQuestion): Promise<string | undefined> {
  const options = question.choices.map(({ value, label, hint }) => ({
    value,
    label,
    ...(hint !== undefined && { hint }),
  }));
  const message = [question.message, ...whyOf(question)].join("\n");
  const answer = await select({ message, options, initialValue: question.initial, showInstructions: false });
  return isCancel(answer) ? undefined : answer;
}

async function type(question: TextQuestion): Promise<string | undefined> {
  const why = whyOf(question).map((line) => `\n${guide()}  ${line}`);
  const answer = await askText({
    message: question.message + why.join(""),
    initialValue: question.initial,
    ...(question.placeholder !== undefined && { placeholder: question.placeholder }),
    validate: (value) => {
      const wrong = value === BACK_WORD ? undefined : question.refuse((value ?? "").trim());
      return wrong && wrapText(wrong, width()).join("\n   ");
    },
  });
  return isCancel(answer) ? undefined : (answer ?? "").trim();
}

function whyOf({ why }: Question): string[] {
  return why.flatMap((text) => wrapText(text, width())).map((line) => styleText("dim", line));
}

function titled(title: string): string[] {
  return wrapText(title, width()).map((line, i) => `${i === 0 ? styleText("green", "◇") : guide()}  ${line}`);
}

function showRows(title: string, rows: readonly (readonly [string, string])[]): void {
  const names = Math.max(...rows.map(([name]) => name.length)) + 2;
  const lines = rows.flatMap(([name, text]) =>
    wrapText(text, width() - names).map((line, i) => styleText("dim", (i === 0 ? name : "").padEnd(names)) + line),
  );
  write([guide(), ...titled(title), ...lines.map((line) => `${guide()}  ${line}`)]);
}

function showBlock(title: string, lines: readonly Line[]): void {
  const drawn = lines.flatMap(({ text, tone }) => {
    const [sign, style] = LINES[tone];
    return wrapText(sign + text, width()).map((line) => styleText(style, line));
  });
  write([guide(), ...titled(title), guide(), ...drawn.map((line) => `${guide()}  ${line}`)]);
}

function say(tone: Tone, text: string): void {
  const [mark, style] = TONES[tone];
  const [first = "", ...rest] = wrapText(text, width());
  write([guide(), `${styleText(style, mark)}  ${first}`, ...rest.map((line) => `${guide()}  ${line}`)]);
}

const CTRL_C = 0x03;

/** What is typed while nothing is asked answers no question, and is not echoed into the drawing. Returns the way back. */
function swallowKeys(): () => void {
  const { stdin } = process;
  const take = (bytes: Buffer | string) => {
    if (Buffer.from(bytes).includes(CTRL_C)) process.kill(process.pid, "SIGINT");
  };
  stdin.setRawMode(true);
  stdin.on("data", take);
  stdin.resume();
  return () => {
    stdin.off("data", take);
    stdin.pause();
    stdin.setRawMode(false);
  };
}

function startWork(started: string): Work {
  let text = started;
  let frame = 0;
  const draw = () => {
    const sign = styleText("magenta", FRAMES[frame++ % FRAMES.length] ?? "");
    out.write(`\r\x1b[K${sign}  ${clipText(text, width())}`);
  };
  write([guide()]);
  out.write("\x1b[?25l");
  draw();
  const timer = setInterval(draw, FRAME_MS);
  const listen = swallowKeys();
  return {
    update: (now) => (text = now),
    end: (tone, result) => {
      clearInterval(timer);
      listen();
      out.write("\r\x1b[K\x1b[?25h\x1b[1A");
      if (result !== "") say(tone, result);
    },
  };
}
