/**
 * Questions of the master to all fronts: what they know (server status) or do (server cache purge). A front that is busy
 * with a long turn answers late; one that died does not answer at all: each question has a bound.
 */
import type { FrontTraffic } from "../front/traffic.ts";

export const ANSWER_MS = 2_000;

interface Open {
  readonly missing: Set<number>;
  readonly answers: FrontTraffic[];
  readonly done: () => void;
}

export class Questions {
  private readonly open = new Map<number, Open>();
  private last = 0;

  /** `post` sends a question to one of the fronts. Resolves with the answers of those that gave one in time. */
  async ask(fronts: number, post: (front: number, question: number) => void): Promise<FrontTraffic[]> {
    const question = ++this.last;
    const { promise, resolve } = Promise.withResolvers<void>();
    const missing = new Set(Array.from({ length: fronts }, (_, front) => front));
    const answers: FrontTraffic[] = [];
    this.open.set(question, { missing, answers, done: resolve });
    for (let front = 0; front < fronts; front++) post(front, question);
    const timer = setTimeout(resolve, ANSWER_MS);
    await promise;
    clearTimeout(timer);
    this.open.delete(question);
    return answers;
  }

  answered(front: number, question: number, answer: FrontTraffic): void {
    const open = this.open.get(question);
    if (open === undefined || !open.missing.delete(front)) return;
    open.answers.push(answer);
    if (open.missing.size === 0) open.done();
  }
}
