/**
 * uWSGI's magic variables: `%d` and its like, which are replaced in the text of a file before it is read (core/utils.c
 * magic_sub, core/uwsgi.c config_magic_table_fill). A `%` before any other character vanishes together with it, `%%` is a
 * `%`, and `%(` is left for the placeholders (placeholders.ts). On a command line there are none.
 */
import { lstatSync, readlinkSync, realpathSync } from "node:fs";
import { resolve } from "node:path";
import type { SourceFile } from "../source.ts";
import type { Surroundings } from "./surroundings.ts";

export type MagicTable = ReadonlyMap<string, string>;

/** What they stand for in a file, of which `section` was asked for. `first`: the table of the first file that was read,
 *  whose names are the capital letters. */
export function magicTable(
  { name: typed, path }: Pick<SourceFile, "name" | "path">,
  section: string,
  around: Surroundings,
  first?: MagicTable,
): MagicTable {
  const full = isLink(path) ? path : realPath(path);
  const name = full.slice(full.lastIndexOf("/") + 1);
  const folder = full.slice(0, full.length - name.length);
  const parts = folder.split("/").filter((part) => part !== "");
  const dot = name.lastIndexOf(".");
  const own = new Map([
    ["o", typed],
    ["p", full],
    ["s", name],
    ["d", folder],
    ["n", dot === -1 ? name : name.slice(0, dot)],
    ["e", dot === -1 ? "" : name.slice(dot + 1)],
    ["c", parts.at(-1) ?? ""],
    ["x", section],
  ]);
  const capitals = [...own].map(([letter, value]) => [letter.toUpperCase(), first?.get(letter) ?? value] as const);
  const numbered = parts.slice(0, 10).map((part, index) => [String(index), part] as const);
  return new Map([...own, ...capitals, ...numbered, ...fixed(around), ["%", "%"], ["(", "%("]]);
}

function fixed(around: Surroundings): [string, string][] {
  const { cwd, hostname, cores, user, group, now } = around;
  return [
    ["v", cwd],
    ["h", hostname],
    ["k", String(cores)],
    ["u", String(user.id)],
    ["U", user.name],
    ["g", String(group.id)],
    ["G", group.name],
    ["t", String(Math.floor(now / 1000))],
    ["T", String(now * 1000)],
    ["V", UWSGI_VERSION],
    ["b", around.executable],
    ["[", "\x1b"],
  ];
}

/** Whose files these are. */
const UWSGI_VERSION = "2.0.30";

export function replaceMagic(text: string, table: MagicTable): string {
  return text.replace(/%([\s\S])/g, (_, letter: string) => table.get(letter) ?? "");
}

/** A link is where it stands, not where it leads. */
function isLink(path: string): boolean {
  try {
    return lstatSync(path).isSymbolicLink() && readlinkSync(path) !== "";
  } catch {
    return false;
  }
}

function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return resolve(path);
  }
}
