/** What `server config` shows: the configuration in force as TOML with the origin of each line, and keys explained. */
import { firstSentence } from "../base/words.ts";
import type { Group, Row } from "../config/effective.ts";
import type { KeyExplanation } from "../config/explain-key.ts";
import type { Path } from "../config/positions.ts";
import { showPath } from "../config/problems.ts";
import { tomlKey, tomlValue } from "../import/toml.ts";
import type { Value } from "../import/plan.ts";

/** Comments begin here, unless a line is longer. */
const COMMENT_COLUMN = 48;
const TEXT_COLUMNS = 100;

/** The groups and rows below `key`: `app.mysite`, `site.routes`, `server.fronts`. */
export function selected(groups: readonly Group[], key: string): Group[] {
  const isBelow = (path: string) => path === key || path.startsWith(`${key}.`);
  return groups.flatMap((group) => {
    const path = showPath(group.path);
    if (isBelow(path)) return [group];
    const rows = group.rows.filter(({ name }) => isBelow(`${path}.${tomlKey(name)}`));
    return rows.length === 0 ? [] : [{ ...group, rows }];
  });
}

export function effectiveJson(groups: readonly Group[]): object[] {
  return groups.flatMap(({ path, rows }) =>
    rows.map(({ name, value, words, from, line, environment }) => ({
      key: showPath([...path, name]),
      value: value ?? null,
      from,
      line: line === 0 ? null : line,
      environment,
      default: words ?? null,
    })),
  );
}

/** TOML that says the same as the file: what the file leaves out is a comment. */
export function effectiveText(groups: readonly Group[], file: string, colour: boolean): string {
  const dim = (text: string) => (colour ? `\x1b[2m${text}\x1b[0m` : text);
  return groups.map((group) => groupText(group, file, dim)).join("\n");
}

function groupText({ path, line, rows }: Group, file: string, dim: (text: string) => string): string {
  const place = line === 0 ? "not in the file" : `${file}:${line}`;
  const lines = rows.map((row) => {
    const text = rowText(row);
    const padded = `${text.padEnd(COMMENT_COLUMN)}  # ${originOf(row, file)}`;
    return row.from === "file" ? `${text}${dim(padded.slice(text.length))}` : dim(padded);
  });
  return [`${header(path).padEnd(COMMENT_COLUMN)}  ${dim(`# ${place}`)}`, ...lines].map((each) => `${each}\n`).join("");
}

/** `[[site]]`, `[site.routes."/"]`, `[app.mysite]`. */
function header(path: Path): string {
  const names = path.filter((part) => typeof part === "string").map(tomlKey);
  return typeof path.at(-1) === "number" ? `[[${names.join(".")}]]` : `[${names.join(".")}]`;
}

function rowText({ name, value, words, from, unfilled }: Row): string {
  if (value === undefined) return `# ${tomlKey(name)}: ${words ?? ""}`;
  const written = tomlValue(value as Value);
  // What was filled in is not filled in again.
  const text = `${tomlKey(name)} = ${unfilled ? written : written.replaceAll("$ENV{", "$$$$ENV{")}`;
  return from === "file" ? text : `# ${text}`;
}

function originOf({ value, words, from, line, environment }: Row, file: string): string {
  if (from === "file") return `${file}:${line}${environment ? ", from the environment" : ""}`;
  return from === "derived" && value !== undefined ? `derived: ${words ?? ""}` : "default";
}

export function explanationText(explanation: KeyExplanation, colour: boolean): string {
  const { key, alsoIn, doc, expected, fallback, only, nginx, uwsgi } = explanation;
  const bold = (text: string) => (colour ? `\x1b[1m${text}\x1b[0m` : text);
  const name = key.slice(key.lastIndexOf(".") + 1);
  const rows: readonly (readonly [string, string | undefined])[] = [
    ["should be", expected],
    ["default", fallback === "–" ? undefined : (/^`([^`]+)`$/.exec(fallback ?? "")?.[1] ?? fallback ?? "required")],
    ["beside", only],
    ["also in", alsoIn.length === 0 ? undefined : alsoIn.map((table) => `${table}.${name}`).join(", ")],
    ["nginx", nginx ?? "has nothing of the kind"],
    ["uWSGI", uwsgi ?? "has nothing of the kind"],
  ];
  const lines = rows.flatMap(([label, text]) => (text === undefined ? [] : [indented(label.padEnd(11), text)]));
  return `${bold(key)}\n${indented("", doc)}${lines.join("")}`;
}

/** A table's keys, a line or two each. */
export function tableText(keys: readonly KeyExplanation[], colour: boolean): string {
  const bold = (text: string) => (colour ? `\x1b[1m${text}\x1b[0m` : text);
  const names = keys.map(({ key }) => key.slice(key.lastIndexOf(".") + 1));
  const columns = Math.max(...names.map(({ length }) => length)) + 2;
  const rows = keys.map(({ doc }, i) => {
    const [line = "", ...rest] = indented(" ".repeat(columns), firstSentence(doc)).split("\n");
    const name = names[i] ?? "";
    return [`  ${bold(name)}${line.slice(2 + name.length)}`, ...rest].join("\n");
  });
  return `${rows.join("")}\nserver config explain ${keys[0]?.key ?? ""} tells more of one.\n`;
}

/** Broken between words, behind a label. */
function indented(label: string, text: string): string {
  const before = `  ${label}`;
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(/\s+/)) {
    if (line !== "" && before.length + line.length + 1 + word.length > TEXT_COLUMNS) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  lines.push(line);
  return lines.map((each, index) => `${index === 0 ? before : " ".repeat(before.length)}${each}\n`).join("");
}
