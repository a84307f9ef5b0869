/**
 * The settings of one gunicorn, to be taken up by those who translate them: each once. Of several the one counts that gunicorn
 * takes, which is told of the others. What nobody has taken up in the end is left over.
 */
import type { ImportReport } from "../report.ts";
import { showOrigin } from "../source.ts";
import { LEVELS, type Option } from "./option.ts";

export class Given {
  private readonly options: readonly Option[];
  private readonly taken = new Set<Option>();
  private readonly report: ImportReport;

  constructor(options: readonly Option[], report: ImportReport) {
    this.options = options.toSorted((a, b) => LEVELS.indexOf(a.level) - LEVELS.indexOf(b.level));
    this.report = report;
  }

  /** The one that counts. */
  last(name: string): Option | undefined {
    const found = this.take(name);
    const counts = found.at(-1);
    for (const option of found.slice(0, -1)) this.tellOutdone(option, counts ?? option);
    return counts;
  }

  /** Of a setting that is a list: a command line's takes the place of a file's. */
  all(name: string): readonly Option[] {
    const found = this.take(name);
    const counts = found.at(-1);
    const inPlace = found.filter(({ level }) => level === counts?.level);
    // In a file the last assignment counts; on a command line they add up.
    const kept = counts?.level === "file" ? [counts] : inPlace;
    for (const option of found) if (!kept.includes(option)) this.tellOutdone(option, counts ?? option);
    return kept;
  }

  /** Looks without taking it up. */
  look(name: string): Option | undefined {
    return this.options.findLast((option) => option.name === name);
  }

  get rest(): readonly Option[] {
    return this.options.filter((option) => !this.taken.has(option));
  }

  tell(
    verdict: "translated" | "defaultHere" | "notNeeded" | "noEffectThere" | "error",
    option: Option,
    sentence: string,
  ): void {
    this.report[verdict](option.origin, option.written, sentence);
  }

  notSupported(option: Option, sentence: string, weight: "harmless" | "changes-meaning"): void {
    this.report.notSupported(option.origin, option.written, sentence, weight);
  }

  /** Undefined after telling that it is none. */
  number(option: Option): number | undefined {
    const { value } = option;
    const number = typeof value === "string" && /^\s*(?:0x[\da-f]+|\d+)\s*$/i.test(value) ? Number(value) : value;
    if (typeof number === "number" && Number.isInteger(number) && number >= 0) return number;
    return void this.tell("error", option, "should be a number, and gunicorn does not start with this");
  }

  /** Undefined after telling that it is none, or where it is None. */
  text(option: Option): string | undefined {
    const { value } = option;
    if (typeof value === "string" || typeof value === "number") return String(value);
    if (value === null) return void this.tell("defaultHere", option, "None is as if it were not said");
    return void this.tell("error", option, "should be a text, and gunicorn does not start with this");
  }

  /** config.py validate_bool */
  isYes(option: Option | undefined): boolean {
    return option !== undefined && (option.value === true || /^true$/i.test(String(option.value).trim()));
  }

  private take(name: string): Option[] {
    const found = this.options.filter((option) => option.name === name && !this.taken.has(option));
    for (const option of found) this.taken.add(option);
    return found;
  }

  private tellOutdone(option: Option, counts: Option): void {
    this.tell("noEffectThere", option, `${counts.written} counts, ${showOrigin(counts.origin)}`);
  }
}
