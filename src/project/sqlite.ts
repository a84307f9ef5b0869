/**
 * A database that is a file. SQLite makes a journal beside it, so who serves must be able to write the folder, too; and
 * whoever writes in a folder may replace what is in it. So the project's own is not given away for that.
 * https://sqlite.org/tempfiles.html
 */
import { basename, dirname, join } from "node:path";
import { shellWord } from "../base/words.ts";
import type { Files } from "../machine/surroundings.ts";
import { pathInSettings } from "./base-dir.ts";
import type { Settings } from "./settings.ts";

/** Absolute; undefined when there is none, or it is in memory. */
export function sqliteFile({ databases }: Settings): string | undefined {
  return databases.find(({ engine, name }) => engine.endsWith("sqlite3") && name?.startsWith("/") === true)?.name;
}

export interface SqliteAdvice {
  /** What is needed, after which a colon may stand. */
  readonly needs: string;
  /** Further lines are commands, indented, and what to change. */
  readonly remedy: string;
}

export function adviseSqlite(
  files: Files,
  root: string,
  settings: Settings,
  database: string,
  user: string,
): SqliteAdvice {
  const folder = dirname(database);
  const needs = `the database is a file, and SQLite writes a journal beside it, so ${user} must be able to write ${basename(database)} and its folder`;
  const there = files.kind(database) === undefined ? [] : [database];
  // Whoever makes it owns it.
  const made = there.length > 0 ? "" : `then manage.py migrate as ${user}`;
  if (!holdsCode(files, folder, root))
    return { needs, remedy: [chown(user, [folder, ...there]), made].filter((text) => text !== "").join("; ") };
  const moves = moving(files, root, settings, database, user);
  return { needs, remedy: [`${warning(folder)}:`, ...moves, ...(made === "" ? [] : [made])].join("\n") };
}

function warning(folder: string): string {
  return `give it a folder of its own, since whoever may write in ${folder} may replace the code there as well`;
}

function holdsCode(files: Files, folder: string, root: string): boolean {
  return `${root}/`.startsWith(join(folder, "/")) || files.list(folder).some((name) => name.endsWith(".py"));
}

const OWN_FOLDERS = ["database", "sqlite", "data"];

function moving(files: Files, root: string, settings: Settings, database: string, user: string): string[] {
  const name = OWN_FOLDERS.find((each) => files.kind(join(root, each)) === undefined) ?? "database-folder";
  const own = join(root, name);
  const moved = join(own, basename(database));
  const commands = [
    `install -d -m 750 -o ${user} ${shellWord(own)}`,
    ...(files.kind(database) === undefined
      ? []
      : [`mv ${shellWord(database)} ${shellWord(moved)}`, chown(user, [moved])]),
  ];
  const { file } = settings;
  const text = (file === undefined ? undefined : files.read(file)) ?? "";
  const written = pathInSettings(root, file ?? "", text, `${name}/${basename(database)}`);
  return [
    ...commands.map((command) => `    ${command}`),
    `and in DATABASES of ${file ?? "the settings"}:`,
    `    "NAME": ${written},`,
  ];
}

function chown(user: string, paths: readonly string[]): string {
  return `chown ${user}: ${paths.map(shellWord).join(" ")}`;
}
