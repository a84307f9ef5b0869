/** What `server doctor` shows: a line for each finding, its remedy below, what was mended, and a sum. Pure. */
import type { Found } from "../doctor/doctor.ts";
import type { Verdict } from "../doctor/finding.ts";
import { wrapText } from "../setup/wrap.ts";

const COLOURS: Readonly<Record<Verdict, number>> = { ok: 32, notice: 33, problem: 31, unknown: 36 };
const INDENT = " ".repeat(9);

/** `columns`: of the terminal, which would break words; undefined: lines as they are. */
export function findingText({ verdict, subject, says, remedy, lines, fix }: Found, { colour, columns }: Shown): string {
  const word = verdict.padEnd(INDENT.length - 1);
  const painted = colour ? `\x1b[${COLOURS[verdict]}m${word}\x1b[0m` : word;
  const below = [
    ...(remedy === undefined ? [] : [`${INDENT}-> ${remedy.replaceAll("\n", `\n${INDENT}   `)}`]),
    ...(fix === undefined ? [] : [`${INDENT}   --fix ${fix.does}`]),
  ];
  // Code is not broken.
  const quoted = lines.filter((line) => line !== "").map((line) => `${INDENT}| ${line}`);
  const [first = "", ...more] = wrapped(`${INDENT}${subject}: ${says}`, columns);
  const rest = [...more, ...quoted, ...below.flatMap((line) => wrapped(line, columns))];
  return `${[`${painted} ${first.slice(INDENT.length)}`, ...rest].map(printable).join("\n")}\n`;
}

export interface Shown {
  readonly colour: boolean;
  readonly columns: number | undefined;
}

function wrapped(line: string, columns: number | undefined): string[] {
  return columns === undefined ? line.split("\n") : wrapText(line, columns);
}

/** Other programs' words: nothing in them moves the cursor, but for our own colours at the start. */
function printable(line: string): string {
  // eslint-disable-next-line no-control-regex
  return line.replace(/(?!\x1b\[\d+m)[\x00-\x08\x0b-\x1f\x7f]/g, "?");
}

export function mendedText(mended: readonly { finding: Found; failure: string | undefined }[]): string {
  if (mended.length === 0) return "";
  const lines = mended.map(({ finding: { subject, fix }, failure }) =>
    failure === undefined
      ? `mended   ${subject}: ${fix?.does ?? ""}\n`
      : `failed   ${subject}: ${fix?.does ?? ""}: ${printable(failure)}\n`,
  );
  return `\n${lines.join("")}`;
}

/** `isAgain`: these are after mending, and have not been shown: what is left of problems is. */
export function summaryText(found: readonly Found[], isAgain: boolean, shown: Shown): string {
  const count = (verdict: Verdict) => found.filter((each) => each.verdict === verdict).length;
  const left = isAgain
    ? found.filter(({ verdict }) => verdict === "problem").map((each) => findingText(each, shown))
    : [];
  const fixable = isAgain ? 0 : found.filter(({ fix }) => fix !== undefined).length;
  const offer =
    fixable === 0 ? "" : `; server doctor --fix mends ${fixable === 1 ? "one of them" : `${fixable} of them`}`;
  const parts = [plural(count("problem"), "problem"), plural(count("notice"), "notice"), `${count("ok")} ok`];
  return `${left.join("")}\n${parts.join(", ")}${offer}\n`;
}

function plural(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? "" : "s"}`;
}
