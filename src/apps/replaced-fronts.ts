/**
 * Front threads that were replaced, and the workers that cannot answer their successors yet: each has been given the
 * new streams and has not said that its threads have them. Pure bookkeeping; what follows is the supervisor's business.
 */
import type { WorkerProcess } from "./worker-process.ts";

export class ReplacedFronts {
  /** By front: how many acknowledgements each worker still owes (a front can be replaced twice in between). */
  private readonly fronts = new Map<number, Map<WorkerProcess, number>>();

  owes(process: WorkerProcess, front: number): void {
    const waiting = this.fronts.get(front) ?? new Map<WorkerProcess, number>();
    this.fronts.set(front, waiting);
    waiting.set(process, (waiting.get(process) ?? 0) + 1);
  }

  isWaiting(front: number): boolean {
    return this.fronts.has(front);
  }

  /** True: that was the last one that `front` waited for. */
  acknowledged(process: WorkerProcess, front: number): boolean {
    const waiting = this.fronts.get(front);
    const count = waiting?.get(process);
    if (waiting === undefined || count === undefined) return false;
    if (count > 1) waiting.set(process, count - 1);
    else waiting.delete(process);
    return this.isDone(front, waiting);
  }

  /** The fronts that waited for nobody else. */
  exited(process: WorkerProcess): number[] {
    return [...this.fronts]
      .filter(([front, waiting]) => waiting.delete(process) && this.isDone(front, waiting))
      .map(([front]) => front);
  }

  private isDone(front: number, waiting: ReadonlyMap<WorkerProcess, number>): boolean {
    if (waiting.size > 0) return false;
    this.fronts.delete(front);
    return true;
  }
}
