/**
 * Runs a fuzzer for a while: inputs are drawn from consecutive seeds, and each is judged. What breaks an invariant is a
 * finding with its seed, which draws the same input again (`FUZZ_SEED=n FUZZ_TARGET=name bun scripts/fuzz.ts`), and with its
 * wire, which is to be kept in test/fuzz/corpus/<target> when it was mended: every file there is judged first, each time.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Dice } from "./wires.ts";

export interface Drawn {
  readonly wire: string;
  /** Messages at its beginning that are good and must be taken. */
  readonly sound: number;
}

export interface FuzzTarget {
  readonly name: string;
  readonly draw: (dice: Dice) => Drawn;
  /** The invariant that does not hold, with what was seen; undefined when all hold. */
  readonly judge: (drawn: Drawn, dice: Dice) => string | undefined | Promise<string | undefined>;
}

export interface Finding {
  /** Undefined for a file of the corpus. */
  readonly seed: number | undefined;
  readonly wire: string;
  readonly breach: string;
}

export interface FuzzReport {
  readonly runs: number;
  readonly finding: Finding | undefined;
}

const CORPUS = join(import.meta.dir, "corpus");
const CORPUS_DICE = [1, 2, 3];

/** Judges the corpus, then consecutive seeds until `milliseconds` have passed or something is found. */
export async function fuzz(target: FuzzTarget, firstSeed: number, milliseconds: number): Promise<FuzzReport> {
  const known = await judgeCorpus(target);
  if (known !== undefined) return { runs: 0, finding: known };
  const end = performance.now() + milliseconds;
  let runs = 0;
  while (performance.now() < end) {
    const finding = await judgeSeed(target, firstSeed + runs++);
    if (finding !== undefined) return { runs, finding };
  }
  return { runs, finding: undefined };
}

export async function judgeSeed(target: FuzzTarget, seed: number): Promise<Finding | undefined> {
  const dice = new Dice(seed);
  const drawn = target.draw(dice);
  const breach = await judged(target, drawn, dice);
  return breach === undefined ? undefined : { seed, wire: drawn.wire, breach };
}

async function judgeCorpus(target: FuzzTarget): Promise<Finding | undefined> {
  const folder = join(CORPUS, target.name);
  for (const file of existsSync(folder) ? readdirSync(folder) : []) {
    const wire = readFileSync(join(folder, file), "latin1");
    for (const seed of CORPUS_DICE) {
      const breach = await judged(target, { wire, sound: 0 }, new Dice(seed));
      if (breach !== undefined) return { seed: undefined, wire, breach: `${file}: ${breach}` };
    }
  }
  return undefined;
}

/** The first invariant of all: nothing throws. */
async function judged(target: FuzzTarget, drawn: Drawn, dice: Dice): Promise<string | undefined> {
  try {
    return await target.judge(drawn, dice);
  } catch (error) {
    return `it throws: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
  }
}

/** For people: what was found, and how to see it again. */
export function describeFinding(target: FuzzTarget, { seed, wire, breach }: Finding): string {
  const again = seed === undefined ? "" : `\n  again: FUZZ_TARGET=${target.name} FUZZ_SEED=${seed} bun scripts/fuzz.ts`;
  return `${target.name}: ${breach}\n  wire: ${JSON.stringify(wire)}${again}`;
}
