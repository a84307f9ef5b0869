/**
 * A command line of uwsgi → its options and configuration files, as getopt_long takes it apart: `--name value`,
 * `--name=value`, names cut short where that is unambiguous, `-p 4`, `-p4`, `-Mp4`; everything else names a file.
 */
import type { Origin } from "../source.ts";
import { nearest } from "../../config/nearest.ts";
import type { Complain, Option } from "./option.ts";
import { optionNames, SHORT_NAMES, valueRule } from "./option-names.ts";

export interface Word {
  readonly text: string;
  readonly origin: Origin;
}

export interface CommandLine {
  readonly options: readonly Option[];
  /** Configuration files, read after the options. */
  readonly files: readonly Word[];
}

/** `words` without the program's name. */
export function readCommandLine(words: readonly Word[], complain: Complain): CommandLine {
  return new Reader(words, complain).read();
}

class Reader {
  private readonly words: readonly Word[];
  private readonly complain: Complain;
  private readonly options: Option[] = [];
  private readonly files: Word[] = [];
  private next = 0;

  constructor(words: readonly Word[], complain: Complain) {
    this.words = words;
    this.complain = complain;
  }

  read(): CommandLine {
    for (let word = this.words[this.next++]; word !== undefined; word = this.words[this.next++]) {
      if (word.text === "--") {
        this.files.push(...this.words.slice(this.next));
        break;
      }
      if (word.text.startsWith("--")) this.readLong(word);
      else if (word.text.startsWith("-") && word.text.length > 1) this.readShort(word);
      // `[uwsgi]` is what an Emperor adds for ps to show.
      else if (!word.text.startsWith("[")) this.files.push(word);
    }
    return { options: this.options, files: this.files };
  }

  private readLong(word: Word): void {
    const [, written = "", value] = /^--([^=]*)(?:=(.*))?$/s.exec(word.text) ?? [];
    const key = this.fullName(written, word);
    if (key === undefined) return;
    if (valueRule(key) === "none" && value !== undefined)
      return this.complain(word.origin, word.text, `takes no value on a command line; uWSGI refuses it`);
    this.push(key, value ?? (valueRule(key) === "required" ? this.following(word) : undefined), word);
  }

  private fullName(written: string, word: Word): string | undefined {
    if (valueRule(written) !== undefined) return written;
    const known = optionNames();
    const begun = written === "" ? [] : known.filter((name) => name.startsWith(written));
    if (begun.length === 1) return begun[0];
    const offer = nearest(written, known);
    // What follows may be its value, or not: uWSGI stops here as well.
    this.next = this.words.length;
    const which = begun.length > 1 ? `could be --${begun.slice(0, 3).join(", --")}…` : "is no option of uWSGI";
    return void this.complain(
      word.origin,
      word.text,
      which + (offer === undefined ? "" : `; did you mean --${offer}?`),
    );
  }

  private readShort(word: Word): void {
    for (let index = 1; index < word.text.length; index++) {
      const letter = word.text.charAt(index);
      const key = Object.hasOwn(SHORT_NAMES, letter) ? SHORT_NAMES[letter] : undefined;
      if (key === undefined) return this.complain(word.origin, word.text, `-${letter} is no option of uWSGI`);
      const rest = word.text.slice(index + 1);
      const rule = valueRule(key);
      if (rule === "none") this.push(key, undefined, word);
      else return this.push(key, rest === "" && rule === "required" ? this.following(word) : rest || undefined, word);
    }
  }

  private following(word: Word): string | undefined {
    const value = this.words[this.next++];
    if (value === undefined) this.complain(word.origin, word.text, "needs a value");
    return value?.text;
  }

  private push(key: string, value: string | undefined, { origin }: Word): void {
    this.options.push({ key, value, origin });
  }
}
