/**
 * Users and groups of this machine by name or number, from /etc/passwd and /etc/group (passwd(5), group(5)), and how far
 * its limits may be raised. Users that only a directory service knows are given by number.
 */
import { readFileSync } from "node:fs";

export interface UserEntry {
  readonly id: number;
  /** Undefined, as the others: a number without an entry. */
  readonly name: string | undefined;
  /** Primary group. */
  readonly group: number | undefined;
  readonly home: string | undefined;
}

/** (uid_t) -1 means "leave as it is" to chown(2) and setresuid(2). */
const ID_MAX = 0xfffffffe;

/** Undefined when there is none of that name. Any number is a user. */
export function findUser(written: string): UserEntry | undefined {
  const rows = readRows("/etc/passwd");
  const number = parseId(written);
  const row = rows.find(([name]) => name === written) ?? rows.find(([, , id]) => parseId(id ?? "") === number);
  if (row === undefined || parseId(row[2] ?? "") === undefined) {
    return number === undefined ? undefined : { id: number, name: undefined, group: undefined, home: undefined };
  }
  const [name, , id, group, , home] = row;
  return { id: Number(id), name, group: parseId(group ?? ""), home };
}

export function findGroup(written: string): number | undefined {
  const row = readRows("/etc/group").find(([name]) => name === written);
  return parseId(row?.[2] ?? written);
}

/** The groups that list the user of this name as a member. */
export function memberships(user: string): number[] {
  return readRows("/etc/group").flatMap(([, , id = "", members = ""]) => {
    const number = parseId(id);
    return number !== undefined && members.split(",").includes(user) ? [number] : [];
  });
}

function parseId(text: string): number | undefined {
  const number = /^\d{1,10}$/.test(text) ? Number(text) : NaN;
  return number <= ID_MAX ? number : undefined;
}

function readRows(path: string): string[][] {
  return read(path)
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => line.split(":"));
}

/** As /proc/self/limits calls them (proc(5)). */
const LIMIT_TITLES: Readonly<Record<string, string>> = {
  nofile: "Max open files",
  nproc: "Max processes",
  as: "Max address space",
  data: "Max data size",
  stack: "Max stack size",
  fsize: "Max file size",
  memlock: "Max locked memory",
  core: "Max core file size",
};

/** Of this process; undefined when there is none. */
export function hardLimit(name: string): number | undefined {
  const title = LIMIT_TITLES[name];
  const line = read("/proc/self/limits")
    .split("\n")
    .find((each) => title !== undefined && each.startsWith(title));
  const hard = line?.slice(title?.length).trim().split(/\s+/)[1];
  return hard === undefined || hard === "unlimited" ? undefined : Number(hard);
}

function read(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    // a machine without it has numbers only
    return "";
  }
}
