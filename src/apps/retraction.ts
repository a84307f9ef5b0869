/**
 * Requests that a Python thread has taken and does not come to, while a thread of another process is idle: one that
 * sleeps on the queue is handed a request by the kernel even if its neighbour holds the GIL (a regular expression that
 * never ends, a C extension) or its process is stopped. Nothing of the application has seen such a request, so it goes to
 * somebody else, and the thread that has it leaves it.
 *
 *     taken ─▶ told to leave it ─▶ not begun at the next look either: sent again
 *                          └─────▶ begun: it runs; or the thread says that it has left it (EXPIRED), and it is sent again
 *
 * A thread first says that it begins (scoreboard.ts, `begun`), then looks whether it was told to leave it; here it is the
 * other way round, with time in between. So it cannot be run twice.
 */
import type { AppRequest } from "./request.ts";
import type { ScoreboardView, SeenRunning } from "./scoreboard.ts";

/** As long as it takes a thread to come to what it has taken, on a busy machine: the GIL changes hands each 5 ms. */
const UNBEGUN_MS = 100;
/** Between the two looks: all that the thread had written is here by then. */
export const RETRACTION_LOOK_MS = 50;

type Asked = Pick<AppRequest, "id" | "state" | "sentMs" | "retracted">;

export interface Retraction<R> {
  /** Nobody will begin these any more. */
  readonly free: readonly R[];
  /** Others have been told to leave some. */
  readonly isUnderWay: boolean;
}

export function retract<R extends Asked>(
  sent: ReadonlyMap<number, R>,
  running: ReadonlyMap<number, SeenRunning>,
  board: Pick<ScoreboardView, "retract" | "hasIdleBeside">,
  nowMs: number,
): Retraction<R> {
  const free: R[] = [];
  let isUnderWay = false;
  for (const { id, slot, begunMs } of running.values()) {
    const request = sent.get(id);
    if (begunMs !== undefined || request?.state !== "sent" || nowMs - request.sentMs < UNBEGUN_MS) continue;
    const wasTold = request.retracted;
    if (!wasTold && !board.hasIdleBeside(slot)) continue;
    request.retracted = true;
    // Another front may have spoken of the same slot in between: then it is told once more, and looked at again.
    const stands = board.retract(slot, id);
    if (wasTold && stands === "before") free.push(request);
    else isUnderWay = true;
  }
  return { free, isUnderWay };
}
