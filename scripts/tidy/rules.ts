/** All rules over a set of sources: floors, cycles, dead files, sizes, bans. Pure; scripts/tidy.ts reads and prints. */
import { checkBans } from "./bans.ts";
import { checkFloors } from "./floors.ts";
import { cycles, importsOf, reachable, type Import } from "./imports.ts";
import { checkSizes, type KnownSizes } from "./sizes.ts";
import type { Finding, Source } from "./source.ts";

/** What the executable starts from; what nothing of it reaches is not in the product. */
export const PRODUCT_ENTRIES = ["src/main.ts", "src/front/thread.ts"];

export function checkAll(sources: readonly Source[], known: KnownSizes): Finding[] {
  const edges = new Map<string, Import[]>();
  for (const source of sources) if (source.path.endsWith(".ts")) edges.set(source.path, importsOf(source));
  const findings = [
    ...checkFloors([...edges.values()].flat()),
    ...checkCycles(edges),
    ...checkDead(sources, edges),
    ...checkSizes(sources, known),
    ...checkBans(sources),
  ];
  return findings.sort((a, b) => a.path.localeCompare(b.path) || a.line - b.line);
}

function checkCycles(edges: ReadonlyMap<string, readonly Import[]>): Finding[] {
  return cycles(edges).map((cycle) => {
    const message = `imports go round: ${cycle.join(" → ")}; move what both need into a file of its own`;
    return { path: cycle[0] as string, line: 1, rule: "cycle", message };
  });
}

/** Product files must be reached from the product's entries or a script (which writes the manual), test and script files
 *  from a test or a script. Python is started by path, wherever it stands: the worker is an import, the rest is test data. */
function checkDead(sources: readonly Source[], edges: ReadonlyMap<string, readonly Import[]>): Finding[] {
  const scripts = [...edges.keys()].filter(isScript);
  const product = reachable([...PRODUCT_ENTRIES, ...scripts], edges);
  const started = sources.filter((source) => isStartedByName(source.path, sources)).map(({ path }) => path);
  const others = reachable([...scripts, ...started, ...[...edges.keys()].filter(isTest)], edges);
  return sources.flatMap(({ path }) => {
    const alive = path.startsWith("src/") ? product : others;
    if (alive.has(path) || /^test\/.*\.py$/.test(path)) return [];
    const from = path.startsWith("src/") ? PRODUCT_ENTRIES.join(", ") : "the tests and scripts";
    return [{ path, line: 1, rule: "dead", message: `nothing reaches it from ${from}; use it or remove it` }];
  });
}

const isTest = (path: string) => /^test\/.*\.test\.ts$/.test(path);

/** Scripts that are started by name; those in folders of scripts/ belong to one of them, benches apart. */
const isScript = (path: string) => /^scripts\/(?:bench\/)?[^/]+\.ts$/.test(path);

/** A program that a test of the same folder starts in a process of its own: its name stands there as a string. */
function isStartedByName(path: string, sources: readonly Source[]): boolean {
  const slash = path.lastIndexOf("/");
  const name = `"${path.slice(slash + 1)}"`;
  const folder = path.slice(0, slash + 1);
  return folder.startsWith("test/") && sources.some((each) => each.path.startsWith(folder) && each.text.includes(name));
}
