/**
 * `server help [COMMAND]`: made from the table of commands, so that it cannot fall behind it. `server help config` shows
 * every key of server.toml, from the schema that reads it.
 */
import { nearest } from "../config/nearest.ts";
import { HELP_OPTION } from "./arguments.ts";
import { type Command, EXIT_OK, EXIT_USAGE } from "./command.ts";

/** The command whose help goes on with every key. */
const CONFIG_TOPIC = "config";

export const HELP: Command = {
  name: "help",
  summary: "Show how a command is used",
  usage: "[COMMAND | config]",
  doc: "help config shows every key of server.toml. Also: server --help, server COMMAND --help.",
  options: {},
  positionalsMax: 1,
  words: "commands",
  async run({ positionals, commands }, terminal) {
    const [wanted] = positionals;
    const command = commands.find((each) => each.name === wanted);
    if (wanted !== undefined && command === undefined) {
      terminal.stderr(unknownCommand(wanted, commands));
      return EXIT_USAGE;
    }
    terminal.stdout(command === undefined ? overview(commands) : commandHelp(command));
    if (wanted === CONFIG_TOPIC) {
      const { referenceMarkdown } = await import("../config/reference.ts");
      terminal.stdout(`\n${referenceMarkdown()}`);
    }
    return EXIT_OK;
  },
};

export function unknownCommand(word: string, commands: readonly Command[]): string {
  const names = commands.map((command) => command.name);
  const near = nearest(word, names);
  const offer = near === undefined ? `known: ${names.join(", ")}` : `did you mean ${near}?`;
  return `server: unknown command ${JSON.stringify(word)}; ${offer}\n`;
}

export function overview(commands: readonly Command[]): string {
  const lines = commands.map(({ name, summary }) => [name, summary] as const);
  return `Usage: server COMMAND

A reverse proxy, static file server and WSGI application server in one executable.

${columns(lines)}
  server help COMMAND says more, server help config shows every key of server.toml.
  Exit codes: 0 done, 1 failed, 2 usage or configuration.
`;
}

export function commandHelp(command: Command): string {
  const options = Object.entries({ ...command.options, help: HELP_OPTION });
  const lines = options.map(
    ([name, { short, value, doc }]) =>
      [`${short === undefined ? "    " : `-${short}, `}--${name} ${value}`, doc] as const,
  );
  const usage = `server ${command.name} ${command.usage}`.trimEnd();
  const doc = wrapped(`${command.summary}. ${command.doc}`, COLUMNS);
  return `${wrapped(`Usage: ${usage}`, COLUMNS).join("\n         ")}\n\n${doc.join("\n")}\n\n${columns(lines)}`;
}

/** What every terminal has. */
const COLUMNS = 80;

function columns(lines: readonly (readonly [string, string])[]): string {
  const width = Math.max(...lines.map(([left]) => left.length)) + 2;
  const indent = " ".repeat(width + 2);
  return lines
    .map(([left, right]) => `  ${left.padEnd(width)}${wrapped(right, COLUMNS - indent.length).join(`\n${indent}`)}\n`)
    .join("");
}

/** Broken between words. */
function wrapped(text: string, columnsMax: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > columnsMax) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line];
}
