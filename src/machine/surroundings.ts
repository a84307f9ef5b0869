/**
 * What facts are made from: the files of a machine, its environment, the programs on it. The functions of this room and of
 * `project` see nothing else, so that tests can give them a machine that is a table (test/support/surroundings.ts); the
 * real one is here.ts.
 */

export type FileKind = "file" | "directory" | "other";

export interface Files {
  /** Its text; undefined when it cannot be read, or has more than TEXT_BYTES_MAX. */
  read(path: string): string | undefined;
  /** Names in a directory, sorted; none when it cannot be read. */
  list(path: string): readonly string[];
  /** Through symbolic links. */
  kind(path: string): FileKind | undefined;
  /** Where a symbolic link leads, as it is written; undefined for everything else. */
  link(path: string): string | undefined;
  /** A file that this user may execute. */
  isExecutable(path: string): boolean;
}

export interface RunAs {
  readonly uid: number;
  readonly gid: number;
  /** Undefined: a number without an entry in passwd(5). */
  readonly name: string | undefined;
  readonly home: string;
  /** Beside `gid`. Undefined: those that the user has. */
  readonly groups?: readonly number[];
}

export interface RunOptions {
  readonly folder: string;
  readonly timeoutMs: number;
  /** As whom, for root; undefined for ourselves. */
  readonly as?: RunAs | undefined;
  /** Beside that of this process. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Told of each line of both streams as it comes. */
  readonly line?: (text: string) => void;
  /** Ends the program, and what it has started. */
  readonly signal?: AbortSignal;
}

export interface Ran {
  /** Undefined when it was killed or could not be started. */
  readonly code: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
  /** What it wrote to RESULT_FD. */
  readonly result: string;
  /** Why there is no code: `ENOENT`, `timeout`, a signal. */
  readonly failure: string | undefined;
}

export interface Surroundings {
  readonly files: Files;
  readonly environment: Readonly<Record<string, string | undefined>>;
  run(words: readonly string[], options: RunOptions): Promise<Ran>;
}

/** The same, but its programs run as somebody else. */
export function runningAs(surroundings: Surroundings, as: RunAs | undefined): Surroundings {
  if (as === undefined) return surroundings;
  return { ...surroundings, run: (words, options) => surroundings.run(words, { as, ...options }) };
}

/** Where a program that was run puts what is meant for us, apart from all that it prints. */
export const RESULT_FD = 3;

/** What people write by hand is smaller; a database dump beside manage.py is not read. */
export const TEXT_BYTES_MAX = 1024 * 1024;
