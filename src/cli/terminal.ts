/** The real terminal. Writes are synchronous, so that nothing is lost when the process exits after them. */
import { writeSync } from "node:fs";
import { isatty } from "node:tty";
import { journalLines } from "../base/log.ts";
import { isJournal } from "../os/journal.ts";
import { openScreen } from "./screen.ts";
import type { Terminal } from "./command.ts";

/** How long a full pipe (EAGAIN) is left alone before the next try. */
const RETRY_MS = 5;

export function processTerminal(): Terminal {
  const environment = process.env;
  let gone = false;
  return {
    stdout: (text) => (gone = !writeAll(1, text)),
    gone: () => gone,
    stderr: (text) => writeAll(2, isJournal(2) ? journalLines(text, "error") : text),
    ...(isatty(0) && isatty(1) && { confirm, screen: openScreen }),
    colour: { stdout: mayColour(isatty(1), environment), stderr: mayColour(isatty(2), environment) },
    environment,
    folder: process.cwd(),
  };
}

/** Only a yes is one. */
async function confirm(question: string): Promise<boolean> {
  const { createInterface } = await import("node:readline/promises");
  const lines = createInterface({ input: process.stdin, output: process.stdout });
  const closed = new Promise<string>((resolve) => lines.once("close", () => resolve("")));
  const answer = await Promise.race([lines.question(`${question} [y/N] `), closed]);
  lines.close();
  return /^y(es)?$/i.test(answer.trim());
}

/** no-color.org: any value but the empty one. A dumb terminal shows escape sequences as they are. */
export function mayColour(isTerminal: boolean, environment: Terminal["environment"]): boolean {
  return isTerminal && (environment["NO_COLOR"] ?? "") === "" && environment["TERM"] !== "dumb";
}

/** False: whoever read this has gone (`server help | head -1`), and there is nobody left to tell. */
function writeAll(fd: number, text: string): boolean {
  let rest: Uint8Array = Buffer.from(text);
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(fd, rest));
    } catch (error) {
      if ((error as { code?: string }).code !== "EAGAIN") return false;
      Bun.sleepSync(RETRY_MS);
    }
  }
  return true;
}

/** Of what reads stdout; undefined for a file, and for a terminal that does not say how wide it is. */
export function columnsOfStdout(): number | undefined {
  return isatty(1) ? process.stdout.columns || undefined : undefined;
}
