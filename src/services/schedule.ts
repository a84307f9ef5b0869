/**
 * When a timed command runs: five fields as in crontab(5), or `@daily` and the like, or `@every 30s`. Pure: text in, times
 * out; the time zone comes as a function from an instant to its offset (zone.ts).
 *
 *     minute 0-59   hour 0-23   day 1-31   month 1-12 or jan-dec   weekday 0-7 or sun-sat (0 and 7: Sunday)
 *     each `*`, a number, `a-b`, a step behind these two, or a list of them with commas
 *
 * As in Vixie's cron a day fits when day or weekday does, if neither begins with `*`. Where clocks change: a command whose
 * hour or minute begins with `*` follows the clock on the wall; any other runs once a day: in an hour that is left
 * out, later by as much as was left out, in one that comes twice, the first time. (Bun.cron.parse has the same
 * expressions and knows one zone only, that of the process; a test holds the two together.)
 */
import { parseDuration } from "../base/units.ts";

export type Schedule =
  | { readonly kind: "every"; readonly everyMs: number }
  | {
      readonly kind: "times";
      readonly minutes: ReadonlySet<number>;
      readonly hours: ReadonlySet<number>;
      readonly days: ReadonlySet<number>;
      readonly months: ReadonlySet<number>;
      /** 0 is Sunday. */
      readonly weekdays: ReadonlySet<number>;
      /** Day or weekday suffices. */
      readonly eitherDay: boolean;
      /** Follows the clock on the wall wherever that goes. */
      readonly isWild: boolean;
    };

type Times = Extract<Schedule, { kind: "times" }>;

/** Milliseconds to add to UTC at that instant. */
export type OffsetAt = (instantMs: number) => number;

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** No change of clocks is longer but those that leave out a whole day (Samoa 2011). */
const CHANGE_MAX = 3 * HOUR;
/** 29 February is missing for eight years around 2100. */
const HORIZON = 9 * 366 * DAY;
const EVERY_MIN = 1_000;

const MACROS: Readonly<Record<string, string>> = {
  "@yearly": "0 0 1 1 *",
  "@annually": "0 0 1 1 *",
  "@monthly": "0 0 1 * *",
  "@weekly": "0 0 * * 0",
  "@daily": "0 0 * * *",
  "@midnight": "0 0 * * *",
  "@hourly": "0 * * * *",
};

interface Field {
  readonly name: string;
  readonly min: number;
  readonly max: number;
  readonly names: readonly string[];
}

const MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

const FIELDS: readonly [Field, Field, Field, Field, Field] = [
  { name: "minute", min: 0, max: 59, names: [] },
  { name: "hour", min: 0, max: 23, names: [] },
  { name: "day", min: 1, max: 31, names: [] },
  { name: "month", min: 1, max: 12, names: MONTHS },
  { name: "weekday", min: 0, max: 7, names: WEEKDAYS },
];

/** A string says what it should be. */
export function parseSchedule(text: string): Schedule | string {
  const written = text.trim();
  if (/^@every\b/i.test(written)) return parseEvery(written.slice("@every".length).trim());
  if (written.startsWith("@")) {
    const macro = MACROS[written.toLowerCase()];
    return macro === undefined ? `one of ${Object.keys(MACROS).join(", ")}, "@every 30s"` : parseSchedule(macro);
  }
  const words = written.split(/\s+/);
  if (words.length !== FIELDS.length) return 'five fields (minute hour day month weekday), "@daily" or "@every 30s"';
  return parseTimes(words);
}

function parseEvery(text: string): Schedule | string {
  const everyMs = parseDuration(text);
  if (everyMs === undefined || everyMs < EVERY_MIN) return '"@every" with a duration from 1s, such as "@every 30s"';
  return { kind: "every", everyMs };
}

function parseTimes(words: readonly string[]): Schedule | string {
  const sets: Set<number>[] = [];
  for (const [i, field] of FIELDS.entries()) {
    const set = parseField(words[i] ?? "", field);
    if (typeof set === "string") return set;
    sets.push(set);
  }
  // As many as there are fields.
  const [minutes, hours, days, months, weekdays] = sets as [
    Set<number>,
    Set<number>,
    Set<number>,
    Set<number>,
    Set<number>,
  ];
  if (weekdays.delete(7)) weekdays.add(0);
  const begins = words.map((word) => word.startsWith("*"));
  const eitherDay = begins[2] === false && begins[4] === false;
  const isWild = begins[0] === true || begins[1] === true;
  const schedule: Times = { kind: "times", minutes, hours, days, months, weekdays, eitherDay, isWild };
  return nextWall(schedule, 0) === undefined ? "a day that exists" : schedule;
}

function parseField(word: string, field: Field): Set<number> | string {
  const values = new Set<number>();
  for (const part of word.split(",")) {
    const range = parseRange(part, field);
    if (range === undefined) return `a ${field.name} in the place of ${JSON.stringify(part)}: ${describe(field)}`;
    for (let value = range.first; value <= range.last; value += range.step) values.add(value);
  }
  return values;
}

function describe({ min, max, names }: Field): string {
  const named = names.length === 0 ? "" : ` or ${names[0]}-${names.at(-1)}`;
  return `${min}-${max}${named}, *, */5, or a list of them`;
}

function parseRange(part: string, field: Field): { first: number; last: number; step: number } | undefined {
  const found = /^(?:\*|(\w+)(?:-(\w+))?)(?:\/(\d{1,4}))?$/.exec(part);
  if (found === null) return undefined;
  const [, from, to, stepText] = found;
  const step = stepText === undefined ? 1 : Number(stepText);
  // `5/10` means different things to different crons.
  if (step === 0 || (stepText !== undefined && from !== undefined && to === undefined)) return undefined;
  const first = from === undefined ? field.min : parseValue(from, field);
  const lastOfAll = field.names === WEEKDAYS ? 6 : field.max;
  const last = from === undefined ? lastOfAll : to === undefined ? first : parseValue(to, field);
  return first === undefined || last === undefined || first > last ? undefined : { first, last, step };
}

function parseValue(text: string, { min, max, names }: Field): number | undefined {
  const named = names.indexOf(text.toLowerCase());
  if (named !== -1) return named + min;
  const value = /^\d{1,2}$/.test(text) ? Number(text) : NaN;
  return value >= min && value <= max ? value : undefined;
}

/** The first instant after `afterMs` (both since 1970, UTC); undefined when there is none in nine years. */
export function nextTime(schedule: Schedule, afterMs: number, offsetAt: OffsetAt): number | undefined {
  if (schedule.kind === "every") return afterMs + schedule.everyMs;
  const wall = afterMs + offsetAt(afterMs);
  const isCalm = offsetAt(afterMs - CHANGE_MAX) === offsetAt(afterMs + CHANGE_MAX);
  // Around a change of clocks a time on the wall may lie behind and its instant still ahead, or come a second time.
  const from = isCalm ? wall : wall - CHANGE_MAX;
  const until = isCalm ? wall : wall + CHANGE_MAX;
  let best: number | undefined;
  for (let at = nextWall(schedule, from); at !== undefined; at = nextWall(schedule, at + MINUTE)) {
    for (const instant of instantsOf(at, schedule.isWild, offsetAt)) {
      if (instant > afterMs && (best === undefined || instant < best)) best = instant;
    }
    if (best !== undefined && at >= until) break;
  }
  return best;
}

/** When a time on the wall is: usually one instant; in an hour that comes twice two, in one that is left out none. */
function instantsOf(wall: number, isWild: boolean, offsetAt: OffsetAt): number[] {
  const before = offsetAt(wall - DAY);
  const after = offsetAt(wall + DAY);
  const instants = [...new Set([wall - before, wall - after])].filter(
    (instant) => instant + offsetAt(instant) === wall,
  );
  instants.sort((a, b) => a - b);
  if (isWild) return instants;
  return instants.length === 0 ? [wall - before] : instants.slice(0, 1);
}

/** The first time on the wall, from `from` on, that fits; undefined when none does. As if the wall were in UTC. */
function nextWall(schedule: Times, from: number): number | undefined {
  const end = from + HORIZON;
  for (let at = Math.ceil(from / MINUTE) * MINUTE; at < end;) {
    const date = new Date(at);
    if (!schedule.months.has(date.getUTCMonth() + 1)) at = Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1);
    else if (!fitsDay(schedule, date)) at = Math.floor(at / DAY + 1) * DAY;
    else if (!schedule.hours.has(date.getUTCHours())) at = Math.floor(at / HOUR + 1) * HOUR;
    else if (!schedule.minutes.has(date.getUTCMinutes())) at += MINUTE;
    else return at;
  }
  return undefined;
}

function fitsDay({ days, weekdays, eitherDay }: Times, date: Date): boolean {
  const day = days.has(date.getUTCDate());
  const weekday = weekdays.has(date.getUTCDay());
  return eitherDay ? day || weekday : day && weekday;
}
