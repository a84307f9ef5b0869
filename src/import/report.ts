/**
 * What became of every directive and option that was read: a finding each, with a verdict, the reason and the remedy.
 * Not here: who decides it.
 *
 *   error            cannot be read, and the program it was written for would not have started with it either
 *   not-supported    has a meaning there that is not carried over
 *   no-effect-there  never did anything there, which is seldom what was meant
 *   not-needed       has no counterpart here because nothing here needs it
 *   default-here     is what happens here without being said
 *   translated       stands in server.toml
 */
import { caretFrame, type Origin } from "./source.ts";

export type Verdict = "translated" | "default-here" | "not-needed" | "no-effect-there" | "not-supported" | "error";

export interface Finding {
  readonly origin: Origin;
  /** The directive as it is written, on one line: `client_max_body_size 50m`. */
  readonly directive: string;
  readonly verdict: Verdict;
  /** The reason and the remedy; of what was translated, into what. */
  readonly sentence: string;
  /** Without it the result would behave otherwise: the import fails unless it is to be partial. */
  readonly changesMeaning: boolean;
}

export class ImportReport {
  private readonly found: Finding[] = [];

  translated(origin: Origin, directive: string, sentence: string): void {
    this.add({ origin, directive, verdict: "translated", sentence, changesMeaning: false });
  }

  defaultHere(origin: Origin, directive: string, sentence: string): void {
    this.add({ origin, directive, verdict: "default-here", sentence, changesMeaning: false });
  }

  notNeeded(origin: Origin, directive: string, sentence: string): void {
    this.add({ origin, directive, verdict: "not-needed", sentence, changesMeaning: false });
  }

  noEffectThere(origin: Origin, directive: string, sentence: string): void {
    this.add({ origin, directive, verdict: "no-effect-there", sentence, changesMeaning: false });
  }

  /** `harmless`: what is served stays the same without it. */
  notSupported(origin: Origin, directive: string, sentence: string, weight: "harmless" | "changes-meaning"): void {
    this.add({ origin, directive, verdict: "not-supported", sentence, changesMeaning: weight === "changes-meaning" });
  }

  error(origin: Origin, directive: string, sentence: string): void {
    this.add({ origin, directive, verdict: "error", sentence, changesMeaning: true });
  }

  add(finding: Finding): void {
    this.found.push(finding);
  }

  /** What was found of these lines is no longer so; undefined leaves a finding as it is. */
  amend(change: (finding: Finding) => Finding | undefined): void {
    for (const [index, finding] of this.found.entries()) this.found[index] = change(finding) ?? finding;
  }

  /** In the order of the files and of the places in them. Of a file that is included several times what is the same is
   *  told once. */
  get findings(): readonly Finding[] {
    const paths = [...new Set(this.found.map(({ origin }) => origin.file.path))];
    const placeOf = ({ origin }: Finding) => paths.indexOf(origin.file.path);
    const told = new Map(
      this.found.map((finding) => {
        const { origin, verdict, directive, sentence } = finding;
        return [JSON.stringify([origin.file.path, origin.offset, verdict, directive, sentence]), finding];
      }),
    );
    return [...told.values()].toSorted((a, b) => placeOf(a) - placeOf(b) || a.origin.offset - b.origin.offset);
  }

  get changesMeaning(): boolean {
    return this.found.some((finding) => finding.changesMeaning);
  }
}

const COLOURS: Readonly<Record<Verdict, number>> = {
  translated: 32,
  "default-here": 32,
  "not-needed": 32,
  "no-effect-there": 33,
  "not-supported": 31,
  error: 31,
};

const VERDICT_WIDTH = 15;
const DIRECTIVE_SHOWN_MAX = 100;

/** A line for each finding; those that want to be looked at in the source with their line and a caret. */
export function formatFindings(findings: readonly Finding[], { colour }: { readonly colour: boolean }): string {
  const paint = (code: number, text: string) => (colour ? `\x1b[${code}m${text}\x1b[0m` : text);
  return findings.map((finding) => formatFinding(finding, paint)).join("");
}

function formatFinding(finding: Finding, paint: (code: number, text: string) => string): string {
  const { origin, verdict, sentence } = finding;
  const { line, column } = origin.file.positionOf(origin.offset);
  const place = `${origin.file.name}:${line}:${column}:`;
  const directive = shorten(finding.directive);
  const head = `${place} ${paint(COLOURS[verdict], verdict.padEnd(VERDICT_WIDTH))} ${directive}: ${sentence}\n`;
  return verdict === "error" ? head + caretFrame(origin).replace(/^(?=.)/gm, "    ") : head;
}

function shorten(directive: string): string {
  const line = directive.replace(/\s+/g, " ");
  return line.length > DIRECTIVE_SHOWN_MAX ? `${line.slice(0, DIRECTIVE_SHOWN_MAX)}…` : line;
}

/** `12 translated, 3 not-needed, 1 not-supported`; "" for nothing. */
export function countFindings(findings: readonly Finding[]): string {
  const counts = (Object.keys(COLOURS) as Verdict[]).map((verdict) => {
    const count = findings.filter((finding) => finding.verdict === verdict).length;
    return count === 0 ? [] : [`${count} ${verdict}`];
  });
  return counts.flat().join(", ");
}
