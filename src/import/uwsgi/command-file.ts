/**
 * Command lines of uwsgi where they are kept: `command=` of supervisor, `ExecStart=` of systemd, CMD and ENTRYPOINT of a
 * Dockerfile, `web:` of a Procfile, `command:` of Compose, lines of shell scripts. Not here: what the words mean (command-line.ts).
 */
import { basename } from "node:path";
import type { SourceFile } from "../source.ts";
import type { Word } from "./command-line.ts";

export interface Command {
  /** Behind the program's name. */
  readonly words: readonly Word[];
  /** Where it is started, if the file says so. */
  readonly cwd: string | undefined;
}

/** What stands before the program of a shell's line. */
const PREFIXES: ReadonlySet<string> = new Set(["exec", "sudo", "nohup", "env", "time", "&&", ";"]);

/** A line that a command may be on: what introduces it is no part of it. */
const INTRODUCED =
  /^[ \t]*(?:command[ \t]*=|ExecStart[ \t]*=[ \t]*[-@:+!]*|(?:CMD|ENTRYPOINT)[ \t]+|[\w-]+:[ \t]+)?[ \t]*(?=\S)/;

const DIRECTORY = /^[ \t]*(?:directory|WorkingDirectory|WORKDIR)[ \t]*[= ][ \t]*(\S+)[ \t]*$/m;

/** Empty: there is none. */
export function findCommands(file: SourceFile): readonly Command[] {
  const cwd = DIRECTORY.exec(file.text)?.[1];
  return [...file.text.matchAll(/^(?:[^\n]*\\\r?\n)*[^\n]*$/gm)].flatMap(({ 0: line, index }) => {
    if (/^\s*[#;]/.test(line) || !/\buwsgi\b/.test(line)) return [];
    const start = INTRODUCED.exec(line)?.[0].length ?? 0;
    const rest = line.slice(start);
    const words = rest.startsWith("[") ? listWords(file, rest, index + start) : shellWords(file, rest, index + start);
    const program = programOf(words);
    return program === undefined ? [] : [{ words: words.slice(program + 1), cwd }];
  });
}

/** The index of `uwsgi` among the words, if it is what the line runs. */
function programOf(words: readonly Word[]): number | undefined {
  for (const [index, { text }] of words.entries()) {
    if (basename(text) === "uwsgi") return index;
    if (!PREFIXES.has(text) && !/^\w+=/.test(text) && !text.startsWith("-")) return undefined;
  }
  return undefined;
}

/** `["uwsgi", "--ini", "uwsgi.ini"]` */
function listWords(file: SourceFile, text: string, offset: number): Word[] {
  return [...text.matchAll(/"((?:\\.|[^"\\])*)"/g)].map(({ 0: whole, 1: inside = "", index }) => ({
    text: inside.replace(/\\(.)/g, "$1"),
    origin: file.at(offset + index, whole.length),
  }));
}

/** As a shell splits: quotes hold together, `\` takes the next as it is, a comment or another command ends it. */
function shellWords(file: SourceFile, text: string, offset: number): Word[] {
  const words: Word[] = [];
  const pattern = /(?:\\\r?\n|\s)+|((?:"(?:\\.|[^"\\])*"|'[^']*'|\\[^\n]|[^\s"'\\;|&#<>]|(?<=\S)#)+)|([;|&#<>])/g;
  for (const { 0: whole, 1: word, 2: end, index } of text.matchAll(pattern)) {
    if (end !== undefined) break;
    if (word !== undefined) words.push({ text: unquote(word), origin: file.at(offset + index, whole.length) });
  }
  return words;
}

/** `$VAR` and `${VAR:-default}` are uWSGI's `$(VAR)`. */
function unquote(word: string): string {
  return word.replace(
    /"((?:\\.|[^"\\])*)"|'([^']*)'|\\(.)|\$\{(\w+(?::-[^{}]*)?)\}|\$(\w+)/g,
    (_, double?: string, single?: string, escaped?: string, braced?: string, plain?: string) => {
      if (double !== undefined)
        return double.replace(
          /\\(["\\$`])|\$\{?(\w+(?::-[^{}]*(?=\}))?)\}?/g,
          (__, kept?: string, name?: string) => kept ?? `$(${name})`,
        );
      return single ?? escaped ?? `$(${braced ?? plain})`;
    },
  );
}
