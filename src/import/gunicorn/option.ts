/** A setting of gunicorn as it was given: on a command line, by a variable, or in its configuration file. */
import type { Origin } from "../source.ts";

/** What a configuration file may hold without being run. */
export type Literal = string | number | boolean | null | readonly (string | number)[];

/** Who says it; later ones count before earlier ones (gunicorn/app/base.py load_config). */
export const LEVELS = ["variable", "file", "GUNICORN_CMD_ARGS", "command line"] as const;
export type Level = (typeof LEVELS)[number];

export interface Option {
  /** As gunicorn's settings are named in a file: `worker_class`. */
  readonly name: string;
  readonly value: Literal;
  readonly level: Level;
  readonly origin: Origin;
  /** As it stands there: `--worker-class gthread`, `workers = 3`. */
  readonly written: string;
}

/** A word of a command line. */
export interface Word {
  readonly text: string;
  readonly origin: Origin;
}
