/** An option of uWSGI as it was given: in a file, in an included one, on a command line, or by a variable. */
import type { Origin } from "../source.ts";

export interface Option {
  readonly key: string;
  /** Undefined: named without one on a command line, which is not the same as an empty one in a file. */
  readonly value: string | undefined;
  readonly origin: Origin;
}

/** As it is written, for messages: `processes = 4`. */
export function showOption({ key, value }: Option): string {
  return value === undefined || value === "" ? key : `${key} = ${value}`;
}

/** Told what cannot be read: where, what, and why with the remedy. */
export type Complain = (origin: Origin, directive: string, sentence: string) => void;
