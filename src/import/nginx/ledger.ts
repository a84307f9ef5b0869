/**
 * What was decided of each directive, once: one that is inherited by ten locations is told of once, and the weightiest
 * verdict counts. What nobody decided by the end is not supported, so that nothing is passed over in silence.
 */
import type { ImportReport, Verdict } from "../report.ts";
import { type Directive, textOf } from "./parser.ts";

interface Entry {
  readonly verdict: Verdict;
  readonly sentence: string;
  readonly changesMeaning: boolean;
}

const WEIGHTS: Readonly<Record<Verdict, number>> = {
  error: 6,
  "not-supported": 4,
  translated: 3,
  "default-here": 2,
  "no-effect-there": 1,
  "not-needed": 0,
};

/** What becomes of what stands inside: no more than of the directive itself. */
export type Misfortune = "noEffect" | "dropped";

export class Ledger {
  private readonly entries = new Map<Directive, Entry>();

  knows(directive: Directive): boolean {
    return this.entries.has(directive);
  }

  translated(directive: Directive, sentence: string): void {
    this.note(directive, { verdict: "translated", sentence, changesMeaning: false });
  }

  defaultHere(directive: Directive, sentence: string): void {
    this.note(directive, { verdict: "default-here", sentence, changesMeaning: false });
  }

  notNeeded(directive: Directive, sentence: string): void {
    this.note(directive, { verdict: "not-needed", sentence, changesMeaning: false });
  }

  noEffect(directive: Directive, sentence: string): void {
    this.note(directive, { verdict: "no-effect-there", sentence, changesMeaning: false });
  }

  /** What is served would be another. */
  lost(directive: Directive, sentence: string): void {
    this.note(directive, { verdict: "not-supported", sentence, changesMeaning: true });
  }

  /** Not carried over, and what is served stays the same. */
  dropped(directive: Directive, sentence: string): void {
    this.note(directive, { verdict: "not-supported", sentence, changesMeaning: false });
  }

  error(directive: Directive, sentence: string): void {
    this.note(directive, { verdict: "error", sentence, changesMeaning: true });
  }

  /** One more thing to say of what was decided. */
  remark(directive: Directive, sentence: string): void {
    const entry = this.entries.get(directive);
    if (entry === undefined || entry.sentence.endsWith(sentence)) return;
    this.entries.set(directive, { ...entry, sentence: `${entry.sentence}; ${sentence}` });
  }

  /** Undefined: it was understood. */
  misfortuneOf(directive: Directive): Misfortune | undefined {
    const verdict = this.entries.get(directive)?.verdict;
    if (verdict === "no-effect-there") return "noEffect";
    return verdict === "error" || verdict === "not-supported" ? "dropped" : undefined;
  }

  /** What was translated is not written after all. */
  withdrawn(directive: Directive, sentence: string): void {
    if (this.entries.get(directive)?.verdict !== "translated") return;
    this.entries.set(directive, { verdict: "not-needed", sentence, changesMeaning: false });
  }

  note(directive: Directive, entry: Entry): void {
    const before = this.entries.get(directive);
    if (before === undefined || weightOf(entry) > weightOf(before)) this.entries.set(directive, entry);
  }

  writeTo(report: ImportReport): void {
    for (const [directive, { verdict, sentence, changesMeaning }] of this.entries) {
      const { origin, implied } = directive;
      if (implied === true) continue;
      report.add({ origin, directive: textOf(directive), verdict, sentence, changesMeaning });
    }
  }
}

function weightOf({ verdict, changesMeaning }: Entry): number {
  return WEIGHTS[verdict] + (verdict === "not-supported" && changesMeaning ? 1 : 0);
}
