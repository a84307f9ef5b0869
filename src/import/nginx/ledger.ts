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

  note(directive: Directive, entry: Entry): void {
    const before = this.entries.get(directive);
    if (before === undefined || weightOf(entry) > weightOf(before)) this.entries.set(directive, entry);
  }

  writeTo(report: ImportReport): void {
    for (const [directive, { verdict, sentence, changesMeaning }] of this.entries) {
      const { origin } = directive;
      report.add({ origin, directive: textOf(directive), verdict, sentence, changesMeaning });
    }
  }
}

function weightOf({ verdict, changesMeaning }: Entry): number {
  return WEIGHTS[verdict] + (verdict === "not-supported" && changesMeaning ? 1 : 0);
}
