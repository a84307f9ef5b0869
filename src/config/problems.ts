/**
 * What is wrong with a configuration: every mistake with its place, the key, what it is and what it should be.
 * All are collected before anything is said; the order is that of the file. Not here: who finds them.
 */
import type { Path, Position, Positions } from "./positions.ts";

/** A warning is printed and does not keep the server from starting. */
export type Severity = "error" | "warning";

export interface Problem {
  readonly severity: Severity;
  /** As the caller named it. */
  readonly file: string;
  /** From 1; 0 when the problem is the file itself. */
  readonly line: number;
  readonly column: number;
  /** As written in the file: `app.mysite.root`; empty when there is none. */
  readonly key: string;
  /** `is "many"` */
  readonly what: string;
  /** `should be an integer from 1 to 256` */
  readonly should: string | undefined;
  /** The nearest known word. */
  readonly suggestion: string | undefined;
  /** The lines around a syntax error. */
  readonly frame: string | undefined;
}

/** What a finder of a mistake has to say; the place is added by the report. */
export interface Finding {
  readonly what: string;
  readonly should?: string | undefined;
  readonly suggestion?: string | undefined;
}

export class Report {
  private readonly found: Problem[] = [];
  readonly file: string;
  positions: Positions | undefined;

  constructor(file: string) {
    this.file = file;
  }

  get failed(): boolean {
    return this.found.some((problem) => problem.severity === "error");
  }

  /** By place; of one place, in the order found. */
  sorted(): Problem[] {
    return this.found.toSorted((a, b) => a.line - b.line || a.column - b.column);
  }

  add(severity: Severity, path: Path, position: Position, finding: Finding, frame?: string): void {
    const { what, should, suggestion } = finding;
    const key = showPath(path);
    this.found.push({ severity, file: this.file, ...position, key, what, should, suggestion, frame });
  }

  /** About the file as a whole. */
  addWhole(finding: Finding): void {
    this.add("error", [], { line: 0, column: 0 }, finding);
  }
}

/** As it is written in the file; an index says nothing that the line does not say better. */
export function showPath(path: Path): string {
  const names = path.filter((part) => typeof part === "string");
  return names.map((name) => (/^[\w-]+$/.test(name) ? name : JSON.stringify(name))).join(".");
}

/** One line each (syntax errors: with the lines around them), ending in a newline; "" for none. */
export function formatProblems(problems: readonly Problem[], { colour }: { colour: boolean }): string {
  const paint = (code: number, text: string) => (colour ? `\x1b[${code}m${text}\x1b[0m` : text);
  return problems.map((problem) => formatProblem(problem, paint)).join("");
}

function formatProblem(problem: Problem, paint: (code: number, text: string) => string): string {
  const place = problem.line === 0 ? problem.file : `${problem.file}:${problem.line}:${problem.column}`;
  const label = problem.severity === "warning" ? `${paint(33, "warning")}: ` : "";
  const key = problem.key === "" ? "" : `${paint(problem.severity === "warning" ? 33 : 31, problem.key)}: `;
  const should = problem.should === undefined ? "" : `; ${problem.should}`;
  const offer = problem.suggestion === undefined ? "" : `; did you mean ${JSON.stringify(problem.suggestion)}?`;
  const frame = problem.frame === undefined ? "" : problem.frame.replace(/^(?=.)/gm, "    ");
  return `${paint(1, `${place}:`)} ${label}${key}${problem.what}${should}${offer}\n${frame}`;
}
