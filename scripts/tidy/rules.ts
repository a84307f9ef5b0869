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

/** Product files must be reached from the product's entries, test and script files from a test or a script. */
function checkDead(sources: readonly Source[], edges: ReadonlyMap<string, readonly Import[]>): Finding[] {
  const product = reachable(PRODUCT_ENTRIES, edges);
  const others = reachable([...edges.keys()].filter(isEntry), edges);
  return sources.flatMap(({ path }) => {
    const alive = path.startsWith("src/") ? product : others;
    if (alive.has(path) || path.startsWith("test/projects/") || !/\.(?:ts|py)$/.test(path)) return [];
    const from = path.startsWith("src/") ? PRODUCT_ENTRIES.join(" and ") : "the tests and scripts";
    return [{ path, line: 1, rule: "dead", message: `nothing reaches it from ${from}; use it or remove it` }];
  });
}

/** Tests, and the scripts that are started by name (those in folders of scripts/ belong to one of them, benches apart). */
function isEntry(path: string): boolean {
  return /^test\/.*\.test\.ts$/.test(path) || /^scripts\/(?:bench\/)?[^/]+\.ts$/.test(path);
}
