/** Where the threads of a worker are that do something, with the request that each of them has: for whoever asks at this moment. */
import type { Scoreboard } from "./scoreboard.ts";
import { linesOfTheirs, type StackFile } from "./stacks.ts";
import { describeRequest } from "./taken-request.ts";
import type { WorkerControl } from "./worker-control.ts";

export interface BusyThread {
  /** Method and target; undefined: a thread of the application's own. */
  readonly what: string | undefined;
  readonly runningMs: number | undefined;
  /** `  File "/x/views.py", line 7 in report`, innermost first. */
  readonly lines: readonly string[];
}

/** Undefined: there is no such worker that is ready, or it says nothing: it is stopped, or does not come out of the kernel. */
export async function busyThreads(
  control: Pick<WorkerControl, "living">,
  pid: number,
  board: Scoreboard,
  stacks: StackFile,
): Promise<BusyThread[] | undefined> {
  const worker = control.living().find((each) => each.pid === pid);
  if (worker === undefined) return undefined;
  const running = new Map(
    worker.slots.flatMap((slot, thread) => {
      const request = worker.running[thread];
      const what = request === undefined ? undefined : describeRequest(board.frame(slot));
      return request === undefined ? [] : [[board.thread(slot), { what, runningMs: request.runningMs }] as const];
    }),
  );
  const found = await stacks.of(worker.pid);
  if (found.length === 0) return undefined;
  return found.flatMap((stack) => {
    const lines = linesOfTheirs(stack);
    const { what, runningMs } = running.get(stack.thread) ?? { what: undefined, runningMs: undefined };
    return lines.length === 0 ? [] : [{ what, runningMs, lines }];
  });
}
