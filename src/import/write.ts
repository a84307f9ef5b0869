/**
 * A plan as the text of a server.toml that a person would have written: the tables in the order in which they are read
 * best, keys aligned, a route on a line where it fits, and behind every value the line that it came from.
 */
import { NAMED_TABLES, type Plan, type Route, Settings, type Site, type Value } from "./plan.ts";
import { showOrigin } from "./source.ts";
import { isInline, isList, tomlKey, tomlLongList, tomlValue } from "./toml.ts";

/** Longer rows are divided: into a table of their own, or a list over several lines. */
const COLUMNS_MAX = 110;

/** Behind longer rows comments are not aligned. */
const ALIGNED_COLUMNS_MAX = 72;

interface Row {
  /** Lines above it, without `#`. */
  readonly comment: string | undefined;
  readonly text: string;
  /** `nginx.conf:12` */
  readonly origin: string | undefined;
}

export function writePlan(plan: Plan): string {
  const tables = [
    ...(plan.server.isEmpty ? [] : [writeTable("[server]", plan.server)]),
    ...Object.entries(NAMED_TABLES).flatMap(([word, key]) =>
      [...plan[key]].map(([name, settings]) => writeTable(`[${word}.${tomlKey(name)}]`, settings as Settings)),
    ),
    ...plan.sites.map(writeSite),
  ];
  return [...(plan.head.length === 0 ? [] : [comment(plan.head.join("\n"))]), ...tables].join("\n");
}

function writeSite(site: Site): string {
  return writeTable("[[site]]", site.settings) + (site.routes.length === 0 ? "" : `\n${writeRoutes(site.routes)}`);
}

/** `header` in brackets. Tables inside that are too long for a row follow as tables of their own. */
function writeTable(header: string, settings: Settings): string {
  const path = header.replace(/^\[+|\]+$/g, "");
  const long = settings.all.filter(({ key, value }) => isInline(value) && rowText(key, value).length > COLUMNS_MAX);
  const short = settings.all.filter((setting) => !long.includes(setting));
  const width = Math.max(0, ...short.map(({ key }) => tomlKey(key).length));
  const rows = short.map(({ key, value, comment, origin }): Row => {
    const row = `${tomlKey(key).padEnd(width)} = `;
    const text = row + (isLongList(value, row.length) ? tomlLongList(value) : tomlValue(value));
    return { comment, text, origin: origin && showOrigin(origin) };
  });
  const below = long.map(({ key, value, comment, origin }) => {
    const table = new Settings();
    if (comment !== undefined) table.comment = comment;
    for (const [name, each] of Object.entries(value)) table.set(name, each, origin);
    return `\n${writeTable(`[${path}.${tomlKey(key)}]`, table)}`;
  });
  const above = settings.comment === undefined ? "" : comment(settings.comment);
  // A table that holds nothing but tables needs no header of its own.
  if (rows.length === 0 && below.length > 0 && above === "" && !header.startsWith("[[")) return below.join("").slice(1);
  return `${above}${header}\n${writeRows(rows)}${below.join("")}`;
}

function isLongList(value: Value, before: number): value is readonly Value[] {
  return isList(value) && value.length > 1 && before + tomlValue(value).length > COLUMNS_MAX;
}

/** Routes on a line each; those too long for one follow as tables. From the first expression that is too long on all
 *  expressions are tables, since they are tried in the order in which they stand. */
function writeRoutes(routes: readonly Route[]): string {
  const isExpression = ({ pattern }: Route) => pattern.startsWith("~");
  const isLong = (route: Route) => rowText(route.pattern, inlineOf(route)).length > COLUMNS_MAX;
  const firstLong = routes.findIndex((route) => isExpression(route) && isLong(route));
  const isTable = (route: Route, index: number) =>
    isLong(route) || (firstLong !== -1 && index > firstLong && isExpression(route));
  const short = routes.filter((route, index) => !isTable(route, index));
  const width = Math.max(0, ...short.map(({ pattern }) => tomlKey(pattern).length));
  const rows = short.map((route): Row => {
    const text = `${tomlKey(route.pattern).padEnd(width)} = ${tomlValue(inlineOf(route))}`;
    return { comment: commentsOf(route), text, origin: route.origin && showOrigin(route.origin) };
  });
  const tables = routes
    .filter(isTable)
    .map(({ pattern, settings }) => writeTable(`[site.routes.${tomlKey(pattern)}]`, settings));
  const head = rows.length === 0 && tables.length > 0 ? [] : [`[site.routes]\n${writeRows(rows)}`];
  return [...head, ...tables].join("\n");
}

function rowText(key: string, value: Value): string {
  return `${tomlKey(key)} = ${tomlValue(value)}`;
}

function inlineOf({ settings }: Route): Value {
  return Object.fromEntries(settings.all.map(({ key, value }) => [key, value]));
}

function commentsOf({ settings }: Route): string | undefined {
  const comments = [settings.comment, ...settings.all.map((setting) => setting.comment)];
  const told = comments.filter((each) => each !== undefined);
  return told.length === 0 ? undefined : told.join("\n");
}

function writeRows(rows: readonly Row[]): string {
  const widths = rows.map(({ text }) => lastLineWidth(text)).filter((width) => width <= ALIGNED_COLUMNS_MAX);
  const column = Math.max(0, ...widths);
  return rows
    .map((row) => {
      const above = row.comment === undefined ? "" : comment(row.comment);
      if (row.origin === undefined) return `${above}${row.text}\n`;
      const gap = " ".repeat(Math.max(0, column - lastLineWidth(row.text)) + 2);
      return `${above}${row.text}${gap}# ${row.origin}\n`;
    })
    .join("");
}

function lastLineWidth(text: string): number {
  return text.length - text.lastIndexOf("\n") - 1;
}

function comment(text: string): string {
  return text.replace(/^.*$/gm, (line) => `# ${line}`.trimEnd()) + "\n";
}
