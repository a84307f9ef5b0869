/** `server completion bash | zsh | fish`: made from the table of commands, so that it cannot fall behind it. */
import { firstSentence, shellWord } from "../base/words.ts";
import { HELP_OPTION } from "./arguments.ts";
import { type Command, EXIT_OK, EXIT_USAGE, flagsOf, type Option } from "./command.ts";

const HOW_TO = {
  bash: "server completion bash > /etc/bash_completion.d/server, or in ~/.bashrc: source <(server completion bash)",
  zsh: 'server completion zsh > "${fpath[1]}/_server", or in ~/.zshrc behind compinit: source <(server completion zsh)',
  fish: "server completion fish > ~/.config/fish/completions/server.fish",
} as const;

type Shell = keyof typeof HOW_TO;

export const COMPLETION: Command = {
  name: "completion",
  summary: "Print what a shell needs to complete commands, options and keys",
  usage: "bash | zsh | fish",
  doc: `${Object.values(HOW_TO).join(". ")}.`,
  options: {},
  positionalsMax: 1,
  words: ["bash", "zsh", "fish"],
  async run({ positionals: [shell], commands }, terminal) {
    if (shell === undefined || !Object.hasOwn(HOW_TO, shell)) {
      terminal.stderr("server completion: say for which shell: bash, zsh or fish\n");
      return EXIT_USAGE;
    }
    const { everyKey } = await import("../config/explain-key.ts");
    terminal.stdout(completionScript(shell as Shell, commands, [...new Set(everyKey())]));
    return EXIT_OK;
  },
};

/** `keys`: what `server config explain` may be asked. */
export function completionScript(shell: Shell, commands: readonly Command[], keys: readonly string[]): string {
  const parts = commands.map((command) => describe(command, commands, keys));
  const head = `# Completion of server's commands: ${HOW_TO[shell]}\n`;
  if (shell === "bash") return head + bashScript(parts);
  return shell === "zsh" ? `#compdef server\n${head}${zshScript(parts)}` : head + fishScript(parts);
}

interface Part {
  readonly name: string;
  readonly summary: string;
  readonly options: readonly Flag[];
  /** What the first word may be; empty: anything, so files. */
  readonly words: readonly string[];
  /** What the second may be, by the first. */
  readonly second: Readonly<Record<string, readonly string[]>>;
  readonly takesFiles: boolean;
}

interface Flag extends Option {
  readonly long: string;
  /** A list: one of these words. */
  readonly takes: "nothing" | "file" | "folder" | "text" | readonly string[];
}

function describe(command: Command, commands: readonly Command[], keys: readonly string[]): Part {
  const { name, summary, words = [], usage, raw } = command;
  const options = Object.entries({ ...command.options, help: HELP_OPTION });
  return {
    name,
    summary,
    options: options.map(([long, option]) => ({
      ...option,
      long,
      takes: taken(option),
      doc: firstSentence(option.doc),
    })),
    words: words === "commands" ? commands.map((each) => each.name) : words,
    second: name === "config" ? { explain: keys, show: keys } : {},
    takesFiles: raw === true || /\bFILE\b|\bDIR\b/.test(usage.replace(/-\w (?:FILE|[a-z.]+)|--\w+ \S+/g, "")),
  };
}

function taken({ type, value }: Option): Flag["takes"] {
  if (type === "boolean") return "nothing";
  if (value === "FILE") return "file";
  if (/^\w+(\|\w+)+$/.test(value)) return value.split("|");
  return value === "DIRECTORY" || value === "FOLDER" ? "folder" : "text";
}

function bashScript(parts: readonly Part[]): string {
  const cases = parts.map((part) => {
    const flags = part.options.flatMap((option) => flagsOf(option.long, option));
    const values = part.options.filter(({ takes }) => takes !== "nothing").map(bashValue);
    const second = Object.entries(part.second).map(
      ([word, known]) => `      ${word}) known=${shellWord(known.join(" "))} ;;\n`,
    );
    const asked =
      second.length === 0
        ? ""
        : `    [ "$COMP_CWORD" -ge 3 ] && case \${COMP_WORDS[2]} in\n${second.join("")}      -*) ;;\n      *) known= ;;\n    esac\n`;
    return `  ${part.name})
    case $previous in
${values.join("")}    esac
    flags=${shellWord(flags.join(" "))} known=${shellWord(part.words.join(" "))} files=${part.takesFiles ? "yes" : ""}
${asked}    ;;
`;
  });
  const names = shellWord(parts.map(({ name }) => name).join(" "));
  return `_server() {
  local word=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD - 1]} flags= known= files=
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    mapfile -t COMPREPLY < <(compgen -W ${names} -- "$word")
    return
  fi
  case \${COMP_WORDS[1]} in
${cases.join("")}  esac
  case $word in
  -*) mapfile -t COMPREPLY < <(compgen -W "$flags" -- "$word") ;;
  *)
    [ -n "$known" ] && mapfile -t COMPREPLY < <(compgen -W "$known" -- "$word")
    [ -n "$files" ] && compopt -o filenames && mapfile -t COMPREPLY < <(compgen -f -- "$word")
    ;;
  esac
}
complete -F _server server
`;
}

/** A line of the case of the word before: what its value may be. */
function bashValue({ long, takes, ...option }: Flag): string {
  const compgen = (action: string) => `mapfile -t COMPREPLY < <(compgen ${action} -- "$word"); return`;
  const words = typeof takes === "string" ? undefined : compgen(`-W ${shellWord(takes.join(" "))}`);
  const files = `compopt -o filenames; ${compgen(takes === "folder" ? "-d" : "-f")}`;
  return `    ${flagsOf(long, option).join(" | ")}) ${words ?? (takes === "text" ? "return" : files)} ;;\n`;
}

function zshScript(parts: readonly Part[]): string {
  const names = parts.map(({ name, summary }) => `    ${shellWord(`${name}:${summary}`)}\n`).join("");
  const cases = parts.map((part) => {
    const flags = part.options.map(zshFlag);
    const second = Object.entries(part.second).map(([word, known]) => `${word}) compadd -- ${known.join(" ")} ;;`);
    const first =
      part.words.length > 0 ? `':word:(${part.words.join(" ")})'` : part.takesFiles ? "'*:file:_files'" : "";
    const more = second.length === 0 ? "" : ` '*:key:_server_second'`;
    const helper = second.length === 0 ? "" : `    _server_second() { case $line[1] in ${second.join(" ")} esac }\n`;
    return `  ${part.name})\n${helper}    _arguments -s ${[...flags, first].filter((each) => each !== "").join(" \\\n      ")}${more} ;;\n`;
  });
  return `_server() {
  local -a commands line
  commands=(
${names}  )
  if (( CURRENT == 2 )); then
    _describe -t commands 'command' commands
    return
  fi
  local command=$words[2]
  shift words
  (( CURRENT-- ))
  case $command in
${cases.join("")}  esac
}
if [ "$funcstack[1]" = _server ]; then _server "$@"; else compdef _server server; fi
`;
}

function zshFlag({ long, takes, doc, value, multiple, ...option }: Flag): string {
  const text = doc.replace(/[[\]:\\]/g, String.raw`\$&`);
  // A colon would end the word that is shown.
  const shown = value.replaceAll(":", String.raw`\:`);
  const action =
    typeof takes === "string"
      ? { nothing: "", file: `:${shown}:_files`, folder: `:${shown}:_files -/`, text: `:${shown}:` }[takes]
      : `:value:(${takes.join(" ")})`;
  const flags = flagsOf(long, option);
  const once = multiple === true ? "'*'" : `'(${flags.join(" ")})'`;
  return `${once}${flags.length === 1 ? flags[0] : `{${flags.join(",")}}`}${shellWord(`[${text}]${action}`)}`;
}

function fishScript(parts: readonly Part[]): string {
  const lines = parts.flatMap((part) => {
    const here = `-n ${shellWord(`__server_is ${part.name}`)}`;
    const flags = part.options.map(({ short, long, takes, doc }) => {
      const value =
        typeof takes === "string"
          ? { nothing: "", file: " -r -F", folder: " -x -a '(__fish_complete_directories)'", text: " -x" }[takes]
          : ` -x -a ${fishQuote(takes.join(" "))}`;
      const letter = short === undefined ? "" : ` -s ${short}`;
      return `complete -c server ${here}${letter} -l ${long}${value} -d ${fishQuote(doc)}`;
    });
    const first = `-n ${shellWord(`__server_is ${part.name} 2`)}`;
    const words = part.words.length > 0 ? [`complete -c server ${first} -a ${fishQuote(part.words.join(" "))}`] : [];
    const files = part.takesFiles ? [`complete -c server ${here} -F`] : [];
    const second = Object.entries(part.second).map(
      ([word, keys]) =>
        `complete -c server -n ${shellWord(`__server_is ${part.name} 3 ${word}`)} -a ${fishQuote(keys.join(" "))}`,
    );
    return [...flags, ...words, ...files, ...second];
  });
  const commands = parts.map(
    ({ name, summary }) => `complete -c server -n '__server_is' -a ${name} -d ${fishQuote(summary)}`,
  );
  return `# __server_is: no command yet; __server_is NAME [COUNT [WORD]]: this command, with so many words before, and this one.
function __server_is
    set -l words (commandline -opc)
    set -l plain (string match -v -- '-*' $words)
    if test (count $argv) -eq 0
        test (count $words) -eq 1
        return
    end
    test (count $words) -ge 2; and test "$words[2]" = "$argv[1]"; or return 1
    test (count $argv) -lt 2; or test (count $plain) -eq $argv[2]; or return 1
    test (count $argv) -lt 3; or test "$plain[3]" = "$argv[3]"
end
complete -c server -f
${[...commands, ...lines].join("\n")}
`;
}

/** In fish's single quotes only \\ and ' are escaped. */
function fishQuote(text: string): string {
  return `'${text.replace(/[\\']/g, String.raw`\$&`)}'`;
}
