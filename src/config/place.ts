/**
 * A value of the configuration file together with where it stands, so that whoever reads or checks it can say what is
 * wrong with it there. Kinds, tables and checks are all written against places.
 */
import { nearest } from "./nearest.ts";
import type { Path } from "./positions.ts";
import type { Finding, Report, Severity } from "./problems.ts";

/** Stands for a string whose `$ENV{…}` could not be filled in: already reported, and read as nothing. */
export const UNRESOLVED = Symbol("unresolved");

export type Table = Readonly<Record<string, unknown>>;

export class Place {
  readonly report: Report;
  readonly path: Path;
  readonly value: unknown;

  constructor(report: Report, path: Path, value: unknown) {
    this.report = report;
    this.path = path;
    this.value = value;
  }

  /** The value below `key`; its `value` is undefined when there is none. */
  into(key: string | number): Place {
    const below = this.has(key) ? (this.value as Record<string | number, unknown>)[key] : undefined;
    return new Place(this.report, [...this.path, key], below);
  }

  has(key: string | number): boolean {
    return typeof this.value === "object" && this.value !== null && Object.hasOwn(this.value, key);
  }

  /** An error at the value. */
  wrong(finding: Finding): void {
    this.add("error", finding);
  }

  /** A warning at the value. */
  warn(finding: Finding): void {
    this.add("warning", finding);
  }

  /** The value is not what `expected` names. */
  unfit(expected: string, suggestion?: string): void {
    this.wrong({ what: `is ${show(this.value)}`, should: `should be ${expected}`, suggestion });
  }

  /** An error at the key, which is none of `known`. */
  unknown(known: Iterable<string>, what = "is not a known key"): void {
    const suggestion = nearest(String(this.path.at(-1)), known);
    const should = suggestion === undefined ? `known here: ${[...known].join(", ")}` : undefined;
    this.wrongKey({ what, should, suggestion });
  }

  wrongKey(finding: Finding): void {
    const position = this.report.positions?.ofKey(this.path) ?? { line: 0, column: 0 };
    this.report.add("error", this.path, position, finding);
  }

  /** `where`, for a message about another place: `line 7`. */
  get line(): string {
    return `line ${this.report.positions?.ofKey(this.path).line ?? 0}`;
  }

  private add(severity: Severity, finding: Finding): void {
    const position = this.report.positions?.ofValue(this.path) ?? { line: 0, column: 0 };
    this.report.add(severity, this.path, position, finding);
  }
}

export function isTable(value: unknown): value is Table {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

const SHOWN_MAX = 80;

/** A value as a message quotes it. */
export function show(value: unknown): string {
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : "a list";
  if (value instanceof Date) return `the date ${value.toISOString()}`;
  if (isTable(value)) return "a table";
  if (typeof value !== "string") return String(value);
  return JSON.stringify(value.length > SHOWN_MAX ? `${value.slice(0, SHOWN_MAX)}…` : value);
}
