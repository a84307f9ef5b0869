/** `server completion`: what bash, zsh and fish themselves make of the scripts. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { COMMANDS } from "../../src/cli/cli.ts";
import { completionScript } from "../../src/cli/completion.ts";
import { everyKey } from "../../src/config/explain-key.ts";
import { makeFolder, removeFolder } from "../support/folder.ts";
import { testUnless } from "../support/skip.ts";

const missing = (name: string) => (Bun.which(name) === null ? `${name} is not installed` : undefined);

let folder = "";
beforeAll(() => {
  folder = makeFolder("completion");
  writeFileSync(join(folder, "my config.toml"), "");
  for (const shell of ["bash", "zsh", "fish"] as const)
    writeFileSync(join(folder, `script.${shell}`), completionScript(shell, COMMANDS, everyKey()));
});
afterAll(() => removeFolder(folder));

function shell(command: readonly string[]): string[] {
  const env = { PATH: process.env["PATH"] ?? "", HOME: folder, TERM: "dumb" };
  const { stdout, stderr, exitCode } = Bun.spawnSync([...command], { cwd: folder, env });
  expect({ stderr: stderr.toString(), exitCode }).toEqual({ stderr: "", exitCode: 0 });
  return stdout
    .toString()
    .split("\n")
    .filter((line) => line !== "");
}

/** Line → what is offered behind it. */
const LINES: readonly (readonly [line: string, offered: readonly string[]])[] = [
  ["server stat", ["status"]],
  ["server st", ["start", "status", "stop"]],
  ["server config ", ["explain", "schema", "show"]],
  ["server config explain app.proc", ["app.processes", "app.processes.idle", "app.processes.max", "app.processes.min"]],
  ["server config schema ", []],
  ["server completion ", ["bash", "fish", "zsh"]],
  ["server check --c", ["--config"]],
  ["server check -c my", ["my config.toml"]],
  ["server help ru", ["run"]],
  ["server setup --thr", ["--threads"]],
  ["server setup --https ", ["auto", "files", "internal", "off"]],
];

test("an option without a letter has none", () => {
  for (const shell of ["bash", "zsh", "fish"] as const)
    expect(completionScript(shell, COMMANDS, everyKey())).not.toContain("undefined");
});

const BASH = `
source script.bash
compopt() { :; }
while IFS= read -r line; do
  read -ra COMP_WORDS <<< "$line"
  case $line in *' ') COMP_WORDS+=('') ;; esac
  COMP_CWORD=$((\${#COMP_WORDS[@]} - 1))
  COMPREPLY=()
  _server
  printf '%s|' "\${COMPREPLY[@]}"
  echo
done
`;

test.each([0])("bash offers them", () => {
  const input = LINES.map(([line]) => `${line}\n`).join("");
  writeFileSync(join(folder, "lines"), input);
  const offered = shell(["bash", "--norc", "-c", `${BASH.replace("done\n", "done < lines\n")}`]);
  expect(offered.map(words)).toEqual(LINES.map(([, each]) => [...each]));
});

const words = (line: string) =>
  line
    .split("|")
    .filter((word) => word !== "")
    .toSorted();

testUnless(missing("fish"))("fish offers them", () => {
  for (const [line, expected] of LINES) {
    const got = shell(["fish", "--no-config", "-c", `source script.fish; complete -C ${JSON.stringify(line)}`]);
    // A name with a blank comes escaped.
    const offered = got.map((each) => (each.split("\t")[0] ?? "").replaceAll("\\ ", " ")).toSorted();
    expect({ line, offered }).toEqual({ line, offered: [...expected] });
  }
});

/** An interactive zsh on a terminal of its own; TAB completes, ^X writes down the line. */
const ZSH = `
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell 'PS1=; autoload -U compinit; compinit -u -D; source script.zsh; setopt no_auto_list no_beep
dump() { print -r -- "$BUFFER" >> lines.out; BUFFER= }; zle -N dump; bindkey "^X" dump; bindkey "^I" complete-word; print ready'
zpty -r shell seen '*ready*ready*'
while IFS= read -r line; do
  zpty -w -n shell "$line"$'\\t'$'\\x18'
  count=$(( count + 1 ))
  for attempt in {1..200}; do [[ -f lines.out && $(wc -l < lines.out) -ge $count ]] && break; sleep 0.05; zpty -r -t shell ignored; done
done < lines
zpty -d shell
cat lines.out
`;

/** TAB goes as far as it is unambiguous. */
const ZSH_LINES: readonly (readonly [typed: string, completed: string])[] = [
  ["server stat", "server status "],
  ["server sto", "server stop "],
  ["server config ex", "server config explain "],
  ["server config explain app.request_t", "server config explain app.request_timeout "],
  ["server completion z", "server completion zsh "],
  ["server check --co", "server check --config "],
  ["server check -c my", "server check -c my\\ config.toml "],
  ["server help ru", "server help run "],
  ["server setup --https int", "server setup --https internal "],
  ["server setup --thr", "server setup --threads "],
];

testUnless(missing("zsh"))("zsh completes them", () => {
  writeFileSync(join(folder, "lines"), ZSH_LINES.map(([typed]) => `${typed}\n`).join(""));
  const completed = shell(["zsh", "-f", "-c", ZSH]);
  expect(completed.map((line) => line.trimEnd())).toEqual(ZSH_LINES.map(([, line]) => line.trimEnd()));
});

test("every command and every option is in each script", () => {
  for (const name of ["bash", "zsh", "fish"] as const) {
    const script = completionScript(name, COMMANDS, []);
    for (const command of COMMANDS) {
      expect(script).toContain(command.name);
      for (const option of Object.keys(command.options)) expect(script).toContain(option);
    }
  }
});
