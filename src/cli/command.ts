/** What a command of the command line is, and what it is given. Exit codes: 0 done, 1 it failed, 2 usage or configuration. */
import type { Key, Screen } from "./screen.ts";

export const EXIT_OK = 0;
export const EXIT_FAILED = 1;
export const EXIT_USAGE = 2;

export interface Terminal {
  stdout(text: string): void;
  /** Nobody reads stdout any more: for commands that would go on. */
  gone?(): boolean;
  stderr(text: string): void;
  /** Asks who sits there; undefined when nobody does. */
  confirm?(question: string): Promise<boolean>;
  /** Takes the terminal for pages that change; undefined where there is none. */
  screen?(key: (key: Key) => void, resized: () => void): Screen;
  /** Whether text on that stream may be coloured. */
  readonly colour: { readonly stdout: boolean; readonly stderr: boolean };
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly folder: string;
}

export interface Option {
  readonly type: "string" | "boolean";
  /** One letter; commands with more options than letters leave it out for those that are seldom typed. */
  readonly short?: string;
  /** How its value is called in the help; "" for a boolean. */
  readonly value: string;
  readonly doc: string;
  /** May be given several times. */
  readonly multiple?: true;
}

/** `-c`, `--config`, as they are typed. */
export function flagsOf(long: string, { short }: Pick<Option, "short">): string[] {
  return [...(short === undefined ? [] : [`-${short}`]), `--${long}`];
}

export interface Command {
  readonly name: string;
  /** One line. */
  readonly summary: string;
  /** What follows the name: `[-c FILE]`. */
  readonly usage: string;
  readonly doc: string;
  readonly options: Readonly<Record<string, Option>>;
  /** How many words may follow. */
  readonly positionalsMax: number;
  /** What the first of them may be, where it is one of a few. */
  readonly words?: readonly string[] | "commands";
  /** Its words are another program's, and are handed over as they are. */
  readonly raw?: true;
  run(given: Given, terminal: Terminal): number | Promise<number>;
}

export interface Given {
  readonly options: Readonly<Record<string, string | true>>;
  /** The values of options that may be given several times, in order. */
  readonly lists: Readonly<Record<string, readonly string[]>>;
  readonly positionals: readonly string[];
  /** As they were typed, behind the command. */
  readonly words: readonly string[];
  /** All commands, for help. */
  readonly commands: readonly Command[];
}

export const CONFIG_OPTION: Option = {
  type: "string",
  short: "c",
  value: "FILE",
  doc: "The configuration; server.toml in this directory unless given.",
};
