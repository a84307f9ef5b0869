/** Who imports whom: static, dynamic, re-exported, and modules named by `new URL(…, import.meta.url)` for a thread. */
import { posix } from "node:path";
import { lineAt, type Source } from "./source.ts";

export interface Import {
  readonly from: string;
  /** A path of the project, or a package's or runtime module's name. */
  readonly to: string;
  readonly line: number;
  readonly typeOnly: boolean;
  readonly relative: boolean;
}

/** The code tells where an import stands, the text what its string says (the code has it blanked). */
const STATEMENTS: readonly RegExp[] = [
  /\b(?:import|export)\s+(type\s)?[\w\s{},*$]*?\bfrom\s*("[^"]*"|'[^']*')/g,
  /\bimport\s+()("[^"]*"|'[^']*')/g,
  /\bimport\s*\(\s*()("[^"]*"|'[^']*')/g,
  /\bnew\s+URL\s*\(\s*()("[^"]*"|'[^']*')\s*,\s*import\.meta\.url/g,
];

export function importsOf(source: Source): Import[] {
  const found: Import[] = [];
  for (const statement of STATEMENTS) {
    for (const match of source.code.matchAll(statement)) {
      const quoted = match[2] as string;
      const end = match.index + match[0].lastIndexOf(quoted) + quoted.length;
      const name = source.text.slice(end - quoted.length + 1, end - 1);
      const relative = name.startsWith(".");
      const to = relative ? posix.normalize(posix.join(posix.dirname(source.path), name)) : name;
      const line = lineAt(source.text, match.index);
      found.push({ from: source.path, to, line, typeOnly: match[1] !== undefined && match[1] !== "", relative });
    }
  }
  return found;
}

/** Everything that can be reached from `entries`, themselves included. */
export function reachable(entries: readonly string[], edges: ReadonlyMap<string, readonly Import[]>): Set<string> {
  const seen = new Set(entries);
  const waiting = [...entries];
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    for (const edge of edges.get(path) ?? []) {
      if (!edge.relative || seen.has(edge.to)) continue;
      seen.add(edge.to);
      waiting.push(edge.to);
    }
  }
  return seen;
}

/** Each cycle once, as the paths along it. A type-only import makes none: it is gone when the program runs. */
export function cycles(edges: ReadonlyMap<string, readonly Import[]>): string[][] {
  const found: string[][] = [];
  const done = new Set<string>();
  const trail: string[] = [];
  const visit = (path: string) => {
    const begin = trail.indexOf(path);
    if (begin !== -1) found.push([...trail.slice(begin), path]);
    if (begin !== -1 || done.has(path)) return;
    trail.push(path);
    for (const edge of edges.get(path) ?? []) if (edge.relative && !edge.typeOnly) visit(edge.to);
    trail.pop();
    done.add(path);
  };
  for (const path of edges.keys()) visit(path);
  return found;
}
