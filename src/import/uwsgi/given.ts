/**
 * The options of one uWSGI, to be taken up by those who translate them: each option once. Of an option with one value the
 * last counts, which is told of the others. What nobody has taken up in the end is left over.
 */
import type { ImportReport } from "../report.ts";
import { hasMark, showMarks, unmark } from "./marks.ts";
import { type Option, showOption } from "./option.ts";
import { leadingNumber } from "./placeholders.ts";

export class Given {
  private readonly options: readonly Option[];
  private readonly taken = new Set<Option>();
  private readonly report: ImportReport;

  constructor(options: readonly Option[], report: ImportReport) {
    this.options = options;
    this.report = report;
  }

  /** All of these names, in order. */
  all(...names: readonly string[]): readonly Option[] {
    const found = this.options.filter((option) => names.includes(option.key) && !this.taken.has(option));
    for (const option of found) this.taken.add(option);
    return found;
  }

  /** The one that counts of these names, which mean the same. */
  last(...names: readonly string[]): Option | undefined {
    const found = this.all(...names);
    const counts = found.at(-1);
    for (const option of found.slice(0, -1)) {
      const line = counts?.origin.file.positionOf(counts.origin.offset).line ?? 0;
      this.tell(
        "noEffectThere",
        option,
        `of several the last counts, which is ${showOption(counts ?? option)} in line ${line}`,
      );
    }
    return counts;
  }

  /** Looks without taking them up. */
  look(...names: readonly string[]): readonly Option[] {
    return this.options.filter(({ key }) => names.includes(key));
  }

  get rest(): readonly Option[] {
    return this.options.filter((option) => !this.taken.has(option));
  }

  tell(
    verdict: "translated" | "defaultHere" | "notNeeded" | "noEffectThere" | "error",
    option: Option,
    sentence: string,
  ): void {
    this.report[verdict](option.origin, written(option), sentence);
  }

  notSupported(option: Option, sentence: string, weight: "harmless" | "changes-meaning"): void {
    this.report.notSupported(option.origin, written(option), sentence, weight);
  }

  /** A number as uWSGI reads one (what follows the digits does not count), or a reference to a variable. Undefined after
   *  telling that it is none. */
  number(option: Option): number | string | undefined {
    const value = option.value ?? "1";
    if (hasMark(value)) return this.reference(option, value);
    const rest = value.replace(/^\s*[-+]?\d+/, "");
    if (rest === value) return void this.tell("error", option, "should be a number; uWSGI takes this for 0");
    if (rest.trim() !== "" && !/^\s+[;#]/.test(rest))
      this.tell("noEffectThere", option, `uWSGI reads the number ${leadingNumber(value)} and not what follows it`);
    return leadingNumber(value);
  }

  private reference(option: Option, value: string): string | undefined {
    const text = unmark(value);
    if (/^\$ENV\{\w+(?::-\d+)?\}$/.test(text)) return text;
    return void this.tell("error", option, "is a number with a variable in it, which server.toml cannot have");
  }
}

function written(option: Option): string {
  return showMarks(showOption(option));
}

/** core/uwsgi.c uwsgi_opt_true: what does not say no says yes. */
export function isYes(option: Option | undefined): boolean {
  if (option === undefined) return false;
  return !["false", "off", "no", "0"].includes((option.value ?? "").toLowerCase());
}
