/**
 * `make fuzz`: every fuzz target in turn, FUZZ_SECONDS for each (60), from a seed of the day (FUZZ_SEED: from this one). The
 * first finding of a target ends it; its wire is written to test/fuzz/corpus/<target>, where `make test` judges it ever
 * after. With FUZZ_TARGET and FUZZ_SEED that one input is judged again.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describeFinding, type Finding, fuzz, type FuzzTarget, judgeSeed } from "../test/fuzz/run.ts";
import { TARGETS } from "../test/fuzz/targets.ts";

const CORPUS = join(import.meta.dir, "../test/fuzz/corpus");
const SECONDS_DEFAULT = 60;

const { FUZZ_SECONDS, FUZZ_SEED, FUZZ_TARGET } = process.env;

function number(name: string, value: string | undefined, otherwise: number): number {
  if (value === undefined) return otherwise;
  if (!/^\d{1,9}$/.test(value)) throw new Error(`${name} is ${JSON.stringify(value)}, it should be a number`);
  return Number(value);
}

function chosen(): readonly FuzzTarget[] {
  if (FUZZ_TARGET === undefined) return TARGETS;
  const found = TARGETS.filter(({ name }) => name === FUZZ_TARGET);
  const names = TARGETS.map(({ name }) => name).join(", ");
  if (found.length === 0)
    throw new Error(`FUZZ_TARGET is ${JSON.stringify(FUZZ_TARGET)}, it should be one of ${names}`);
  return found;
}

function keep(target: FuzzTarget, { seed, wire }: Finding): void {
  if (seed === undefined) return;
  const folder = join(CORPUS, target.name);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `seed-${seed}.bin`), Buffer.from(wire, "latin1"));
}

async function run(target: FuzzTarget, seed: number, seconds: number): Promise<Finding | undefined> {
  const { runs, finding } = await fuzz(target, seed, seconds * 1000);
  console.log(`fuzz: ${target.name}: ${runs} inputs from seed ${seed}: ${finding === undefined ? "nothing" : "FOUND"}`);
  return finding;
}

async function main(): Promise<number> {
  const today = Math.floor(Date.now() / 86_400_000) * 1000;
  const seed = number("FUZZ_SEED", FUZZ_SEED, today);
  const seconds = number("FUZZ_SECONDS", FUZZ_SECONDS, SECONDS_DEFAULT);
  const again = FUZZ_TARGET !== undefined && FUZZ_SEED !== undefined && FUZZ_SECONDS === undefined;
  let found = 0;
  for (const target of chosen()) {
    const finding = again ? await judgeSeed(target, seed) : await run(target, seed, seconds);
    if (finding === undefined) continue;
    found++;
    if (!again) keep(target, finding);
    console.log(describeFinding(target, finding));
  }
  return found === 0 ? 0 : 1;
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.error(`fuzz: ${error instanceof Error ? error.message : String(error)}`);
    process.exit(2);
  },
);
