/**
 * A command line of gunicorn → its options and the application, as argparse takes it apart: `--name value`, `--name=value`,
 * names cut short where that is unambiguous, `-w 4`, `-w4`, `-w=4`, `-DR`; the first other word is the application.
 */
import { nearest } from "../../config/nearest.ts";
import type { ImportReport } from "../report.ts";
import type { Level, Option, Word } from "./option.ts";
import { BY_FLAG, type Setting } from "./settings.ts";

export interface CommandLine {
  readonly options: readonly Option[];
  readonly app: Word | undefined;
}

/** `words` behind the program's name. */
export function readCommandLine(words: readonly Word[], level: Level, report: ImportReport): CommandLine {
  return new Reader(words, level, report).read();
}

class Reader {
  private readonly words: readonly Word[];
  private readonly level: Level;
  private readonly report: ImportReport;
  private readonly options: Option[] = [];
  private app: Word | undefined;
  private next = 0;

  constructor(words: readonly Word[], level: Level, report: ImportReport) {
    this.words = words;
    this.level = level;
    this.report = report;
  }

  read(): CommandLine {
    for (let word = this.words[this.next++]; word !== undefined; word = this.words[this.next++]) {
      if (word.text === "--")
        for (const each of this.words.slice(this.next, (this.next = this.words.length))) this.name(each);
      else if (word.text.startsWith("--")) this.readLong(word);
      else if (word.text.startsWith("-") && word.text.length > 1) this.readShort(word);
      else this.name(word);
    }
    return { options: this.options, app: this.app };
  }

  private name(word: Word): void {
    if (this.app === undefined) this.app = word;
    else this.complain(word, "is a second application, which gunicorn does not serve; take it out");
  }

  private readLong(word: Word): void {
    const [, flag = "", value] = /^([^=]*)(?:=(.*))?$/s.exec(word.text) ?? [];
    const setting = this.settingOf(flag, word);
    if (setting === undefined) return;
    const takes = takesValue(setting);
    if (value === undefined) this.push(setting, word, takes ? this.following(word) : this.optional(setting));
    else if (takes || setting.kind === "maybe") this.push(setting, word, { ...word, text: value }, word.text);
    else this.complain(word, "takes no value, and gunicorn does not start with one");
  }

  private settingOf(flag: string, word: Word): Setting | undefined {
    const exact = BY_FLAG.get(flag);
    if (exact !== undefined) return exact;
    const known = [...BY_FLAG.keys()].filter((each) => each.startsWith("--"));
    const begun = known.filter((each) => each.startsWith(flag));
    if (begun.length === 1) return BY_FLAG.get(begun[0] ?? "");
    const offer = begun.length > 1 ? undefined : nearest(flag, known);
    // What is meant takes the next word, which is no application then.
    const meant = BY_FLAG.get(offer ?? begun[0] ?? "");
    if (word.text === flag && takesValue(meant)) this.skipValue();
    const which = begun.length > 1 ? `could be ${begun.slice(0, 3).join(", ")}` : "is no option of gunicorn";
    return void this.complain(word, `${which}${offer === undefined ? "" : `; was ${offer} meant?`}`);
  }

  private skipValue(): void {
    if (/^[^-]/.test(this.words[this.next]?.text ?? "")) this.next++;
  }

  private readShort(word: Word): void {
    for (let index = 1; index < word.text.length; index++) {
      const flag = `-${word.text.charAt(index)}`;
      const setting = BY_FLAG.get(flag);
      if (setting === undefined) return this.complain(word, `${flag} is no option of gunicorn`);
      const rest = word.text.slice(index + 1).replace(/^=/, "");
      if (setting.kind === "flag") this.push(setting, word, undefined, flag);
      else if (rest === "") return this.push(setting, word, this.following(word));
      else return this.push(setting, word, { ...word, text: rest }, word.text);
    }
  }

  private following(word: Word): Word | undefined {
    const value = this.words[this.next];
    if (value !== undefined && !/^-./.test(value.text)) return this.words[this.next++];
    return void this.complain(word, "needs a value");
  }

  /** nargs="?" */
  private optional({ kind }: Setting): Word | undefined {
    const value = this.words[this.next];
    return kind === "maybe" && value !== undefined && /^(?:off|v1|v2|auto)$/.test(value.text)
      ? this.words[this.next++]
      : undefined;
  }

  private push(setting: Setting, { text, origin }: Word, value: Word | undefined, whole?: string): void {
    if (value === undefined && takesValue(setting)) return;
    const written = whole ?? (value === undefined ? text : `${text} ${value.text}`);
    const implied = setting.kind === "maybe" ? "auto" : setting.kind !== "off";
    this.options.push({ name: setting.name, value: value?.text ?? implied, level: this.level, origin, written });
  }

  private complain({ origin, text }: Word, sentence: string): void {
    this.report.error(origin, text, sentence);
  }
}

function takesValue(setting: Setting | undefined): boolean {
  return setting?.kind === "value" || setting?.kind === "list";
}
