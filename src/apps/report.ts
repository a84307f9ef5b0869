/** What is said of an app's workers, put together from what the supervisor keeps: an AppStatus for people, a list of
 *  LiveWorkers for what watches over them. Made when somebody asks, never before. */
import { monotonicMs } from "../base/clock.ts";
import { monotonicOffsetMs } from "../os/monotonic.ts";
import type { Demand } from "./demand.ts";
import { residentBytes } from "./memory.ts";
import { YOUNG_MS } from "./policy.ts";
import { isLeaving, type Pool, type Worker } from "./pool.ts";
import { queueDepth, runningThreads } from "./sampler.ts";
import type { Scoreboard } from "./scoreboard.ts";
import type { AppStatus, CrashLoop, Phase, QueueStatus, ThreadStatus, WorkerStatus } from "./status.ts";
import { describeRequest } from "./taken-request.ts";
import type { LiveWorker } from "./worker-control.ts";

interface ReportedApp {
  readonly name: string;
  readonly phase: Phase;
  readonly min: number;
  readonly max: number;
  readonly desired: number;
  readonly rollout: { readonly generation: number; readonly failure: string | undefined };
  readonly pool: Pool;
  /** Not there any more when the app has stopped, and then not read. */
  readonly scoreboard: Scoreboard;
  readonly demand: Demand;
  readonly causes: { readonly counts: Readonly<Record<string, number>> };
}

export function reportApp(app: ReportedApp): AppStatus {
  const { name, phase, min, max, desired, pool, scoreboard, demand } = app;
  const { generation, failure } = app.rollout;
  return {
    name,
    phase,
    generation,
    processes: { min, max, desired, ready: pool.ready.length },
    workers: phase === "stopped" ? [] : reportWorkers(pool, desired, generation, scoreboard),
    exits: { ...app.causes.counts },
    queue: reportQueue(demand, pool, scoreboard),
    crashLoop: reportCrashLoop(pool),
    reloadFailure: failure,
  };
}

function reportWorkers(pool: Pool, desired: number, generation: number, board: Scoreboard): WorkerStatus[] {
  const nowMs = monotonicMs();
  const clockOffsetMs = monotonicOffsetMs();
  const bySeat = pool.seats.map((): Worker[] => []);
  for (const worker of pool.workers) bySeat[worker.seat]?.push(worker);
  const taken = bySeat.filter((workers) => workers.length > 0).length;
  let down = Math.max(0, desired - taken);
  return bySeat.flatMap((workers, seat) => {
    if (workers.length === 0) return down-- > 0 ? [reportDown(pool, seat, generation, nowMs)] : [];
    return workers.map((worker) => reportWorker(worker, pool, board, nowMs, clockOffsetMs));
  });
}

function reportDown(pool: Pool, seat: number, generation: number, nowMs: number): WorkerStatus {
  const { failures, untilMs, lastExit } = pool.seat(seat);
  return {
    number: seat + 1,
    generation,
    pid: undefined,
    state: "down",
    stateMs: Math.max(0, untilMs - nowMs),
    leaving: undefined,
    handled: 0,
    rssBytes: undefined,
    threads: [],
    failures,
    lastExit: lastExit?.cause,
  };
}

function reportWorker(
  worker: Worker,
  pool: Pool,
  board: Scoreboard,
  nowMs: number,
  clockOffsetMs: number,
): WorkerStatus {
  const { failures, lastExit } = pool.seat(worker.seat);
  const stateMs = nowMs - worker.state.sinceMs;
  return {
    number: worker.seat + 1,
    generation: worker.generation,
    pid: worker.process.pid,
    state: worker.state.kind,
    stateMs,
    leaving: worker.leaving ?? worker.outworn,
    handled: board.handled(worker.slots),
    rssBytes: residentBytes(worker.process.pid),
    threads: worker.slots.map((slot) => reportThread(board, slot, nowMs + clockOffsetMs)),
    failures: worker.state.kind === "ready" && stateMs >= YOUNG_MS ? 0 : failures,
    lastExit: lastExit?.cause,
  };
}

function reportThread(board: Scoreboard, slot: number, nowMs: number): ThreadStatus {
  const { handled, running } = board.read(slot);
  if (running === undefined) return { handled, runningMs: undefined, request: undefined, what: undefined };
  const { front, id, begunMs = nowMs } = running;
  const what = describeRequest(board.frame(slot));
  return { handled, runningMs: Math.max(0, nowMs - begunMs), request: { front, id }, what };
}

function reportQueue(demand: Demand, pool: Pool, board: Scoreboard): QueueStatus {
  const depth = queueDepth(demand, runningThreads(pool.workers, board));
  return { depth, oldestMs: demand.oldestMs, refused: demand.refused };
}

/** Of the seat whose starts have failed most often; a worker that stayed ends its seat's row. */
function reportCrashLoop(pool: Pool): CrashLoop | undefined {
  const nowMs = monotonicMs();
  const stayed = new Set(pool.ready.flatMap(({ seat, state }) => (nowMs - state.sinceMs >= YOUNG_MS ? [seat] : [])));
  const failing = pool.seats.filter(
    (seat, number) => seat.failures > 0 && seat.lastExit !== undefined && !stayed.has(number),
  );
  const worst = failing.toSorted((a, b) => b.failures - a.failures)[0];
  if (worst?.lastExit === undefined) return undefined;
  const { failures, untilMs, lastExit } = worst;
  return { failures, nextStartMs: Math.max(0, untilMs - nowMs), ...lastExit };
}

/** Those that were ready once. */
export function reportLiving(pool: Pool, board: Scoreboard): LiveWorker[] {
  const nowMs = monotonicMs() + monotonicOffsetMs();
  const served = pool.workers.filter((worker) => worker.constitution !== undefined);
  return served.map((worker) => ({
    number: worker.seat + 1,
    pid: worker.process.pid,
    isLeaving: isLeaving(worker),
    slots: worker.slots,
    running: worker.slots.map((slot) => {
      const running = board.running(slot);
      return running && { ...running, runningMs: Math.max(0, nowMs - (running.begunMs ?? nowMs)) };
    }),
  }));
}
