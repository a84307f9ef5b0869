/**
 * A terminal as a page that is drawn again and again (ECMA-48): the other screen, no cursor, keys as they are struck. However
 * the process ends, the terminal is as it was.
 */
import { writeSync } from "node:fs";

const ENTER = "\x1b[?1049h\x1b[?25l";
const LEAVE = "\x1b[?25h\x1b[?1049l";
const HOME = "\x1b[H";
const REST_OF_LINE = "\x1b[K";
const REST_OF_PAGE = "\x1b[J";

/** What a terminal of unknown size is taken for. */
const COLUMNS = 80;
const ROWS = 24;

export type Key = "up" | "down" | "enter" | "escape" | "interrupt" | (string & {});

export interface Screen {
  readonly columns: number;
  readonly rows: number;
  /** As many lines as there is room for; each is at most `columns` wide but for sequences that colour it. */
  draw(lines: readonly string[]): void;
  close(): void;
}

const SEQUENCES: Readonly<Record<string, Key>> = {
  "\x1b[A": "up",
  "\x1bOA": "up",
  "\x1b[B": "down",
  "\x1bOB": "down",
  "\x1b": "escape",
  "\r": "enter",
  "\n": "enter",
  "\x03": "interrupt",
  "\x04": "interrupt",
};

/** What was struck; several keys may come at once, and sequences that mean nothing here are none. */
export function keysOf(typed: string): Key[] {
  // eslint-disable-next-line no-control-regex
  const parts = typed.match(/\x1b[[O][0-9;]*[A-Za-z~]|[\s\S]/g) ?? [];
  return parts.flatMap((part) => SEQUENCES[part] ?? (part.length === 1 && part >= " " ? [part] : []));
}

/** Takes the terminal of this process. */
export function openScreen(key: (key: Key) => void, resized: () => void): Screen {
  const { stdin, stdout } = process;
  const take = (bytes: Buffer) => keysOf(bytes.toString("latin1")).forEach(key);
  const end = () => {
    leave();
    process.exit(1);
  };
  let isOpen = true;
  const leave = () => {
    if (!isOpen) return;
    isOpen = false;
    stdin.setRawMode(false);
    stdin.off("data", take).pause();
    stdout.off("resize", resized);
    for (const signal of ["SIGTERM", "SIGHUP"] as const) process.off(signal, end);
    process.off("exit", leave);
    put(LEAVE);
  };
  stdin.setRawMode(true);
  stdin.on("data", take).resume();
  stdout.on("resize", resized);
  for (const signal of ["SIGTERM", "SIGHUP"] as const) process.on(signal, end);
  process.on("exit", leave);
  put(ENTER);
  return {
    get columns() {
      return stdout.columns || COLUMNS;
    },
    get rows() {
      return stdout.rows || ROWS;
    },
    draw: (lines) => {
      const shown = lines.slice(0, stdout.rows || ROWS).map((line) => `${line}${REST_OF_LINE}`);
      put(`${HOME}${shown.join("\r\n")}${REST_OF_PAGE}`);
    },
    close: leave,
  };
}

function put(text: string): void {
  try {
    writeSync(1, text);
  } catch {
    // a terminal that is busy or gone shows the next page, or none
  }
}
