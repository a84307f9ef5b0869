/** Words of the command line → options and positionals of one command, or what is wrong with them. node:util splits them. */
import { parseArgs } from "node:util";
import { nearest } from "../config/nearest.ts";
import type { Command, Given, Option } from "./command.ts";

export type Arguments = Pick<Given, "options" | "lists" | "positionals">;

export const HELP_OPTION: Option = { type: "boolean", short: "h", value: "", doc: "Shows this." };

/** A string is what to say on stderr. */
export function parseArguments(words: readonly string[], command: Command): Arguments | string {
  const known: Readonly<Record<string, Option>> = { ...command.options, help: HELP_OPTION };
  const { tokens } = parseArgs({ args: [...words], options: splitting(known), strict: false, tokens: true });
  const options: Record<string, string | true> = {};
  const lists: Record<string, string[]> = {};
  const positionals: string[] = [];
  for (const token of tokens) {
    if (token.kind === "positional") positionals.push(token.value);
    if (token.kind !== "option") continue;
    const refusal = refuseOption(token, known, options);
    if (refusal !== undefined) return refusal;
    if (known[token.name]?.multiple === true) (lists[token.name] ??= []).push(token.value ?? "");
    else options[token.name] = token.value ?? true;
  }
  const extra = positionals[command.positionalsMax];
  return extra === undefined ? { options, lists, positionals } : `unexpected ${JSON.stringify(extra)}`;
}

function splitting(known: Readonly<Record<string, Option>>) {
  return Object.fromEntries(
    Object.entries(known).map(([name, { type, short }]) => [name, { type, ...(short && { short }) }]),
  );
}

interface Written {
  readonly name: string;
  readonly rawName: string;
  readonly value?: string | undefined;
  readonly inlineValue?: boolean | undefined;
}

function refuseOption(written: Written, known: Readonly<Record<string, Option>>, before: object): string | undefined {
  const { name, rawName, value } = written;
  const option = Object.hasOwn(known, name) ? known[name] : undefined;
  if (option === undefined) return unknownOption(rawName, Object.keys(known));
  if (Object.hasOwn(before, name)) return `option ${rawName} is given twice`;
  if (option.type === "boolean") return value === undefined ? undefined : `option ${rawName} takes no value`;
  // `-c --help`: a name is hardly meant for a file. `-c=--help` says that it is.
  const isMissing = value === undefined || value === "" || (value.startsWith("-") && written.inlineValue !== true);
  return isMissing ? `option ${rawName} needs a ${option.value}` : undefined;
}

function unknownOption(rawName: string, known: readonly string[]): string {
  const near = rawName.startsWith("--") ? nearest(rawName.slice(2), known) : undefined;
  return `unknown option ${rawName}${near === undefined ? "" : `; did you mean --${near}?`}`;
}
