/**
 * The master's half of request_timeout: finds the threads that do not come back, says in the log where they are, and
 * has their worker ended. Other threads of that worker may finish what they have; it takes no more. What "too long" is
 * stands in request-timeout.ts, how a worker ends in the supervisor.
 */
import { monotonicMs } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import { monotonicOffsetMs } from "../os/monotonic.ts";
import { RELEASE_MS, timeIsOverMs } from "./request-timeout.ts";
import type { Scoreboard } from "./scoreboard.ts";
import { linesOfTheirs, type StackFile, type ThreadStack } from "./stacks.ts";
import { describeRequest } from "./taken-request.ts";
import type { LiveWorker, WorkerControl } from "./worker-control.ts";

/** For requests on the other threads of a worker that is ended. uWSGI gives them none. */
export const NEIGHBOUR_GRACE_MS = 10_000;

const LOOK_MS = 500;
/** One that cannot hear that it is to take no more requests (its GIL is held) is waited for no longer than this. */
const DEAF_MS = 3_000;
/** There is nobody left to wait for: SIGTERM now. */
const NO_GRACE_MS = 1;

interface Overdue {
  readonly thread: number;
  /** Not: the thread has taken it and does not come to it. */
  readonly hasBegun: boolean;
  readonly ranMs: number;
}

export class OverdueWorkers {
  private readonly control: WorkerControl;
  private readonly board: Scoreboard;
  private readonly stacks: StackFile;
  private readonly log: Log;
  private readonly timer: Timer;
  private readonly clockOffsetMs = monotonicOffsetMs();
  /** By slot: the request in it, and when it was seen first. */
  private readonly seen = new Map<number, { readonly id: number; readonly seenMs: number }>();
  /** By process id: since when it is being ended, and whether the reason was told, which takes as long as its stacks. */
  private readonly ending = new Map<number, { readonly sinceMs: number; told: boolean }>();

  constructor(control: WorkerControl, board: Scoreboard, stacks: StackFile, log: Log) {
    this.control = control;
    this.board = board;
    this.stacks = stacks;
    this.log = log;
    this.timer = setInterval(() => this.look(), LOOK_MS);
  }

  close(): void {
    clearInterval(this.timer);
  }

  private look(): void {
    const nowMs = monotonicMs() + this.clockOffsetMs;
    const living = this.control.living();
    for (const worker of living) this.judge(worker, nowMs);
    for (const pid of this.ending.keys()) if (!living.some((worker) => worker.pid === pid)) this.ending.delete(pid);
  }

  private judge(worker: LiveWorker, nowMs: number): void {
    const overdue = this.overdueThreads(worker, nowMs);
    if (overdue.length === 0) return;
    const ending = this.ending.get(worker.pid);
    if (ending === undefined) {
      this.ending.set(worker.pid, { sinceMs: nowMs, told: false });
      void this.end(worker, overdue);
    } else if (ending.told && !this.hasNeighbours(worker, overdue, nowMs - ending.sinceMs < DEAF_MS)) {
      this.control.endWorker(worker.pid, { cause: "", graceMs: NO_GRACE_MS });
    }
  }

  private overdueThreads(worker: LiveWorker, nowMs: number): Overdue[] {
    return worker.slots.flatMap((slot, thread) => {
      const running = this.board.running(slot);
      // One that was sent to another thread is answered by now, and nobody's concern when this one comes to it.
      if (running === undefined || this.board.isRetracted(slot)) return [];
      let seen = this.seen.get(slot);
      if (seen?.id !== running.id) this.seen.set(slot, (seen = { id: running.id, seenMs: nowMs }));
      const overMs = timeIsOverMs(running, running.begunMs ?? seen.seenMs);
      if (overMs === undefined || nowMs < overMs + RELEASE_MS) return [];
      const { begunMs } = running;
      return [{ thread, hasBegun: begunMs !== undefined, ranMs: nowMs - (begunMs ?? seen.seenMs) }];
    });
  }

  /** Threads that finish what they have, or that have not left yet: an idle one may still take a request while it has not
   *  heard (`mayHear`). One that has taken a request and not begun it waits for the GIL, which the overdue one holds. */
  private hasNeighbours(worker: LiveWorker, overdue: readonly Overdue[], mayHear: boolean): boolean {
    return worker.slots.some((slot, thread) => {
      if (overdue.some((each) => each.thread === thread)) return false;
      const { running, pid } = this.board.read(slot);
      return running === undefined ? mayHear && pid !== 0 : running.begunMs !== undefined;
    });
  }

  private async end(worker: LiveWorker, overdue: readonly Overdue[]): Promise<void> {
    const causes = overdue.map(({ thread, hasBegun, ranMs }) => {
      const request = describeRequest(this.board.frame(worker.slots[thread] as number));
      return `${request} ${hasBegun ? "ran" : "waited to be begun"} for ${(ranMs / 1000).toFixed(1)} s`;
    });
    const stuck = new Set(overdue.map(({ thread }) => this.board.thread(worker.slots[thread] as number)));
    const stacks = await this.stacks.of(worker.pid);
    const who = `worker ${worker.number} (pid ${worker.pid})`;
    this.log.error(`${who}: ${causes.join("; ")} (request_timeout)${describeStacks(stacks, stuck)}`);
    const graceMs = this.hasNeighbours(worker, overdue, true) ? NEIGHBOUR_GRACE_MS : NO_GRACE_MS;
    this.control.endWorker(worker.pid, { cause: `request_timeout: ${causes.join("; ")}`, graceMs });
    const ending = this.ending.get(worker.pid);
    if (ending !== undefined) ending.told = true;
  }
}

/** The stuck threads first: one of the others may be what they wait for. */
function describeStacks(stacks: readonly ThreadStack[], stuck: ReadonlySet<string>): string {
  if (stacks.length === 0)
    return "; its stack is not to be had: the process is stopped or does not come out of the kernel";
  const isStuck = ({ thread }: ThreadStack) => thread === "" || stuck.has(thread);
  const others = stacks.filter((stack) => !isStuck(stack)).map((stack) => describe("another thread is at", stack));
  return [...stacks.filter(isStuck).map((stack) => describe("it is at", stack)), ...others].join("");
}

/** Of an idle thread nothing is said. */
function describe(what: string, stack: ThreadStack): string {
  const theirs = linesOfTheirs(stack);
  return theirs.length === 0 ? "" : `\n${what} (innermost call first)\n${theirs.join("\n")}`;
}
