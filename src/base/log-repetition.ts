/**
 * A log that does not say the same thing again and again: of lines of one kind so many are written at once, the rest of a
 * period is counted, and the next line of that kind, or the end of the period, tells how many there were. Lines are of
 * one kind when they differ in numbers, addresses and quoted texts alone: what a client sends does not make a new kind.
 *
 * For what this server says itself. What an application prints is its own business, and a traceback printed line by line
 * would look like repetition.
 */
import { isBelow, type Log, type LogLevel } from "./log.ts";

/** Enough to see what is wrong and with whom; a thousand such lines a second say no more. */
export const REPEATS_MAX = 10;
export const REPEAT_PERIOD_MS = 10_000;
/** Kinds that are watched; there are some dozens in this source. The oldest goes. */
const KINDS_MAX = 256;

interface Kind {
  readonly sinceMs: number;
  readonly level: LogLevel;
  said: number;
  /** Of those that were not written. */
  silent: number;
  last: string;
}

type Later = (ms: number, action: () => void) => void;

const later: Later = (ms, action) => void setTimeout(action, ms).unref();

/** `now`: base/clock monotonicMs. `crit` is never held back. Levels below `log.level` cost a comparison. */
export function sparing(log: Log, now: () => number, after: Later = later): Log {
  const kinds = new Map<string, Kind>();
  const begin = (key: string, level: LogLevel, text: string): void => {
    const [oldest] = kinds;
    if (kinds.size >= KINDS_MAX && oldest !== undefined) end(...oldest);
    kinds.set(key, { sinceMs: now(), level, said: 1, silent: 0, last: text });
    log[level](text);
  };
  /** Unless that was done and another period has begun. */
  const end = (key: string, kind: Kind): void => {
    if (kinds.get(key) !== kind) return;
    kinds.delete(key);
    if (kind.silent === 0) return;
    log[kind.level](kind.silent === 1 ? kind.last : `${kind.last} (and ${kind.silent - 1} more like this before)`);
  };
  const say = (level: LogLevel, text: string): void => {
    const key = `${level} ${kindOf(text)}`;
    const known = kinds.get(key);
    if (known === undefined) return begin(key, level, text);
    if (now() - known.sinceMs >= REPEAT_PERIOD_MS) {
      end(key, known);
      return begin(key, level, text);
    }
    known.last = text;
    if (known.said++ < REPEATS_MAX) return log[level](text);
    if (known.silent++ === 0) after(REPEAT_PERIOD_MS, () => end(key, known));
  };
  const at = (level: LogLevel) => (text: string) => {
    if (!isBelow(level, log.level)) say(level, text);
  };
  return {
    get level() {
      return log.level;
    },
    debug: at("debug"),
    info: at("info"),
    notice: at("notice"),
    warn: at("warn"),
    error: at("error"),
    crit: (text) => log.crit(text),
  };
}

/** Of a long text the beginning says what it is. */
const KIND_CHARACTERS = 200;

function kindOf(text: string): string {
  return text.slice(0, KIND_CHARACTERS).replace(/"[^"]*"?|[0-9a-f.:]*[0-9][0-9a-f.:]*/g, "#");
}
