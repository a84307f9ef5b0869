/** The kinds of value of services and timed commands: commands, schedules, time zones. */
import { parseSchedule, type Schedule } from "../services/schedule.ts";
import { zoneOffset } from "../services/zone.ts";
import { anyOf, TEXT } from "./json-schema.ts";
import { type Kind, Refusal, text } from "./kinds.ts";

const EXPECTED_COMMAND = 'a command such as ["celery", "-A", "mysite", "worker"] or "celery -A mysite worker"';

/** The words of it, at least one. */
export const COMMAND: Kind<readonly string[]> = {
  expected: EXPECTED_COMMAND,
  json: () => anyOf(TEXT, { type: "array", items: TEXT, minItems: 1 }),
  read: (place) => {
    const { value } = place;
    const words = typeof value === "string" ? splitWords(value) : Array.isArray(value) ? [...value] : undefined;
    const isCommand = words?.every((word) => typeof word === "string" && !word.includes("\0")) === true;
    if (isCommand && words[0] !== undefined && words[0] !== "") return words;
    const isUnclosed = typeof value === "string" && words === undefined;
    place.unfit(isUnclosed ? "a command whose quotes are closed" : EXPECTED_COMMAND);
    return undefined;
  },
};

/**
 * As a shell splits what it does not expand: blanks between words; '…' as it is; "…" and outside of quotes a backslash
 * takes the next character as it is (within "…" only before " and \). Undefined when a quote is not closed.
 */
export function splitWords(text: string): string[] | undefined {
  const PIECE = /'([^']*)'|"((?:[^"\\]|\\.)*)"|\\(.)|([^\s'"\\]+)|(\s+)/gsy;
  const words: string[] = [];
  let word: string | undefined;
  while (PIECE.lastIndex < text.length) {
    const piece = PIECE.exec(text);
    if (piece === null) return undefined;
    const [, single, double, escaped, plain, blank] = piece;
    if (blank === undefined)
      word = (word ?? "") + (single ?? double?.replace(/\\(["\\])/g, "$1") ?? escaped ?? plain ?? "");
    else if (word !== undefined) {
      words.push(word);
      word = undefined;
    }
  }
  return word === undefined ? words : [...words, word];
}

export const SCHEDULE: Kind<{ readonly text: string; readonly schedule: Schedule }> = text(
  'a schedule such as "*/5 * * * *", "30 4 * * mon-fri", "@daily" or "@every 30s"',
  (written) => {
    const schedule = parseSchedule(written);
    return typeof schedule === "string" ? new Refusal(schedule) : { text: written.trim(), schedule };
  },
);

export const TIME_ZONE: Kind<string> = text('a time zone such as "Europe/Berlin" or "UTC"', (written) =>
  zoneOffset(written) === undefined ? new Refusal() : written,
);
