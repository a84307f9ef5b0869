/**
 * A row over all who can do it: each one's answers are looked at first, then a round warms up and does not count, then the
 * rounds are interleaved (A B C, A B C), so that what else the machine does hits all. Who answers wrongly, or breaks down, leaves
 * the row and is named.
 *
 * CPU is that of the whole tree (cpu-clock.ts); where load generator and server share cores, trust it and the ratio
 * more than requests/s.
 */
import { loadavg } from "node:os";
import type { Absent } from "./peers/all.ts";
import type { Progress } from "./progress.ts";
import type { Entry, RowResult, Spread } from "./results.ts";
import type { How, Row, Sample } from "./rows/row.ts";
import type { Subject } from "./subject.ts";

export interface Rounds extends How {
  readonly rounds: number;
}

const WARM_UP_SECONDS = 1;
/** What a server does behind the last reply (its log, closing) is not to fall into the next one's round. */
const PAUSE_MS = 100;

export async function runRow(
  row: Row,
  subjects: readonly Subject[],
  how: Rounds,
  progress: Progress,
): Promise<RowResult> {
  const rounds = Math.min(how.rounds, row.roundsMax ?? how.rounds);
  const load = Number((loadavg()[0] ?? 0).toFixed(1));
  const refused: Absent[] = [];
  const samples = new Map<string, Sample[]>();
  const able = subjects.filter(({ peer }) => peer.abilities.includes(row.needs));
  /** What of a subject does not throw; who throws is out. */
  const attempt = async (subject: Subject, step: string, act: () => Promise<void>) => {
    const { name } = subject.peer;
    if (refused.some(({ peer }) => peer === name)) return;
    progress.show(row.title, step, name);
    await act().catch((error: unknown) => {
      refused.push({ peer: name, why: error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error) });
      samples.delete(name);
    });
  };
  for (const subject of able) await attempt(subject, "answers", () => inspect(row, subject));
  for (const subject of row.hasNoWarmUp === true ? [] : able) {
    const warmUp = async () =>
      void (await row.measure(subject, { ...how, seconds: row.warmUpSeconds ?? WARM_UP_SECONDS }, -1));
    await attempt(subject, "warm-up", warmUp);
  }
  for (let round = 0; round < rounds; round++) {
    for (const subject of able) {
      await attempt(subject, `round ${round + 1} of ${rounds}`, async () => {
        const sample = await row.measure(subject, how, round);
        requireFigures(row, sample);
        samples.set(subject.peer.name, [...(samples.get(subject.peer.name) ?? []), sample]);
        await Bun.sleep(PAUSE_MS);
      });
    }
  }
  return summary(row, samples, refused, { rounds, seconds: how.seconds, load });
}

async function inspect(row: Row, subject: Subject): Promise<void> {
  const wrong = await row.check(subject);
  if (wrong !== undefined) throw new Error(`its answer is wrong: ${wrong}`);
}

/** What a row is judged by is a number, or nothing was measured. */
function requireFigures({ judgedBy, metrics }: Row, sample: Sample): void {
  const missing = metrics.filter(({ key }) => judgedBy.includes(key) && !Number.isFinite(sample[key]));
  if (missing.length > 0) throw new Error(`not measured: ${missing.map(({ title }) => title).join(", ")}`);
}

function summary(
  row: Row,
  samples: ReadonlyMap<string, readonly Sample[]>,
  refused: readonly Absent[],
  how: { rounds: number; seconds: number; load: number },
): RowResult {
  const { id, title, group, metrics, judgedBy, note, bar } = row;
  const entries = [...samples].map(([peer, all]): Entry => {
    const values = Object.fromEntries(
      metrics.map(({ key }) => [key, spread(all.map((one) => one[key] ?? Number.NaN))]),
    );
    const errors = all.reduce((sum, one) => sum + (one["errors"] ?? 0), 0);
    return { peer, values, errors, rounds: how.rounds, seconds: how.seconds };
  });
  const optional = { ...(note === undefined ? {} : { note }), ...(bar === undefined ? {} : { bar }) };
  return { id, title, group, judgedBy, metrics, ...optional, ...how, entries, refused };
}

export function spread(numbers: readonly number[]): Spread {
  const sorted = numbers.toSorted((a, b) => a - b);
  const rounded = (n: number | undefined) => Number((n ?? Number.NaN).toPrecision(5));
  return { median: rounded(sorted[sorted.length >> 1]), min: rounded(sorted[0]), max: rounded(sorted.at(-1)) };
}
