/** Something that every front is told and answers once: who has not answered yet, and what problems there are. A front that
 *  is silent for too long is a problem too. */

export class Round {
  private readonly missing: Set<number>;
  private readonly problems: string[] = [];
  private readonly done = Promise.withResolvers<readonly string[]>();
  private readonly timer: Timer;

  constructor(fronts: number, boundMs: number) {
    this.missing = new Set(Array.from({ length: fronts }, (_, front) => front));
    this.timer = setTimeout(() => this.timeIsOver(boundMs), boundMs);
  }

  /** Resolves with the problems of all; none when all is well. */
  get over(): Promise<readonly string[]> {
    return this.done.promise;
  }

  heard(front: number, problem?: string): void {
    if (!this.missing.delete(front)) return;
    // What is wrong with a configuration is wrong in every front.
    if (problem !== undefined && !this.problems.includes(problem)) this.problems.push(problem);
    if (this.missing.size === 0) this.finish();
  }

  private timeIsOver(boundMs: number): void {
    for (const front of this.missing) this.problems.push(`front-${front} does not answer within ${boundMs / 1000} s`);
    this.finish();
  }

  private finish(): void {
    clearTimeout(this.timer);
    this.missing.clear();
    this.done.resolve(this.problems);
  }
}
