/** A machine that is a table: files by their path, programs by their first words. */
import { join } from "node:path";
import type { Files, Ran, RunOptions, Surroundings } from "../../src/machine/surroundings.ts";

export interface Table {
  /** Text by path; `null` for a directory, `-> PATH` for a symbolic link. What lies in between are directories. */
  readonly files?: Readonly<Record<string, string | null>>;
  /** Paths that may be executed. */
  readonly executables?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** What programs answer, by their words; one that is not answered is not there. */
  readonly run?: (words: readonly string[], options: RunOptions) => Partial<Ran> | undefined;
}

export function surroundingsOf({ files = {}, executables = [], environment = {}, run }: Table): Surroundings {
  const all: Record<string, string | null> = { ...Object.fromEntries(executables.map((path) => [path, ""])), ...files };
  return {
    files: filesOf(all, executables),
    environment,
    run: (words, options) => {
      const answer = run?.(words, options) ?? { code: undefined, failure: "ENOENT" };
      return Promise.resolve({ code: 0, stdout: "", stderr: "", result: "", failure: undefined, ...answer });
    },
  };
}

function filesOf(all: Readonly<Record<string, string | null>>, executables: readonly string[]): Files {
  const paths = Object.keys(all);
  const isDirectory = (path: string) => all[path] === null || paths.some((each) => each.startsWith(join(path, "/")));
  const follow = (path: string): string => {
    const text = all[path];
    return text?.startsWith("-> ") === true ? follow(text.slice(3)) : path;
  };
  return {
    read: (path) => all[follow(path)] ?? undefined,
    list: (path) => {
      const below = paths.filter((each) => each.startsWith(join(path, "/")) && each !== path);
      const names = below.map((each) => each.slice(join(path, "/").length).split("/")[0] ?? "");
      return [...new Set(names)].sort();
    },
    kind: (path) => {
      const real = follow(path);
      if (isDirectory(real)) return "directory";
      return all[real] === undefined ? undefined : "file";
    },
    link: (path) => (all[path]?.startsWith("-> ") === true ? all[path].slice(3) : undefined),
    isExecutable: (path) => executables.includes(follow(path)),
  };
}

/** A file of /proc/net/tcp with a listener on each port of 0.0.0.0, or of the address in hexadecimal. */
export function procNetTcp(listeners: readonly { port: number; inode: number; address?: string }[]): string {
  const rows = listeners.map(({ port, inode, address = "00000000" }, i) => {
    const hex = port.toString(16).toUpperCase().padStart(4, "0");
    return `   ${i}: ${address}:${hex} 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 ${inode} 1 0 100 0 0 10 0`;
  });
  return ["  sl  local_address rem_address   st …", ...rows, ""].join("\n");
}
