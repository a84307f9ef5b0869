/** The schema of an app's pool: how many processes there are, and for how long each. How to read it: schema.ts. */
import { DRAIN_TIMEOUT_MS } from "../apps/endings.ts";
import { IDLE_MS } from "../apps/scale.ts";
import { durationKey, optional, required, type Schema, type Section, table } from "./keys.ts";
import { duration, either, integer, type Kind, size } from "./kinds.ts";

const SECOND = 1000;
const DAY = 86_400 * SECOND;
const YEAR = 365 * DAY;
const MIB = 1024 ** 2;
const TIB = 1024 ** 4;

const PROCESSES_MAX = 1024;
const REQUESTS_MAX = 1_000_000_000;
const TABLE = '{ min = 1, max = 4, idle = "60s" }';

export const PROCESSES_TABLE = {
  min: required(
    integer(0, PROCESSES_MAX),
    "As many are always there. 0: none while nobody asks; the first request waits until one is up. uWSGI: cheaper.",
  ),
  max: required(
    integer(1, PROCESSES_MAX),
    "As many at most: another starts when requests wait and no thread is idle. uWSGI: processes.",
  ),
  idle: durationKey(
    duration(SECOND, DAY),
    IDLE_MS,
    "How long a process more than needed stays. uWSGI: cheaper-overload, idle.",
  ),
} satisfies Schema;

export interface ProcessesEntry {
  readonly min: number;
  readonly max: number;
  readonly idleMs: number;
}

const count = integer(1, PROCESSES_MAX);
const fixed: Kind<ProcessesEntry> = {
  expected: count.expected,
  json: () => count.json(),
  read: (place) => {
    const value = count.read(place);
    return value === undefined ? undefined : { min: value, max: value, idleMs: IDLE_MS };
  },
};

const processesTable = table(PROCESSES_TABLE, TABLE);
const adaptive: Kind<ProcessesEntry> = {
  expected: TABLE,
  json: () => processesTable.json(),
  keys: PROCESSES_TABLE,
  read: (place) => {
    const section = processesTable.read(place);
    return section === undefined ? undefined : checked(section);
  },
};

function checked({ place, values }: Section<typeof PROCESSES_TABLE>): ProcessesEntry | undefined {
  const { min, max, idle } = values;
  if (min === undefined || max === undefined) return undefined;
  if (min <= max) return { min, max, idleMs: idle };
  return void place.into("min").wrong({ what: `is ${min}`, should: `should not be more than max, which is ${max}` });
}

const memory = size(MIB, TIB);

export const APP_POOL = {
  processes: optional(
    either(fixed, adaptive),
    "one for each core",
    "Python processes, each with its own copy of the project: a number, or a table for as many as are needed. " +
      "gunicorn advises 2 × cores + 1. uWSGI: processes, 1.",
  ),
  max_requests: optional(
    integer(1, REQUESTS_MAX),
    "no matter how many",
    "After so many requests, up to a tenth more, a process is replaced: first a new one becomes ready, then the old one " +
      "finishes what it has. So for all such limits, for a quarter of the processes at a time. uWSGI: max-requests.",
  ),
  max_lifetime: optional(
    duration(SECOND, YEAR),
    "for ever",
    "After so long, up to a tenth longer, a process is replaced. uWSGI: max-worker-lifetime.",
  ),
  max_rss: optional(
    memory,
    "no matter how much",
    "A process that holds more memory (resident) when a request has ended is replaced. uWSGI: reload-on-rss.",
  ),
  kill_rss: optional(
    memory,
    "no matter how much",
    "A process that holds more memory is killed at once, with the requests in it, which are answered 502. " +
      "uWSGI: evil-reload-on-rss.",
  ),
  drain_timeout: durationKey(
    duration(0, DAY),
    DRAIN_TIMEOUT_MS,
    "How long a process that is replaced, after a reload or by one of these limits, may take for the requests that it has. " +
      "uWSGI: worker-reload-mercy.",
  ),
} satisfies Schema;
