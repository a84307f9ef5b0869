/**
 * Reloads of an app, one after the other: those that are asked for while one runs wait for one more, since its first
 * worker may have imported the code before it changed. How a reload is done is the supervisor's business.
 */
import type { ReloadResult } from "./status.ts";

export class ReloadQueue {
  private readonly run: (reason: string) => Promise<ReloadResult>;
  private current: Promise<ReloadResult> | undefined;
  private next: Promise<ReloadResult> | undefined;
  private reasons: string[] = [];

  constructor(run: (reason: string) => Promise<ReloadResult>) {
    this.run = run;
  }

  ask(reason: string): Promise<ReloadResult> {
    if (this.current === undefined && this.next === undefined) return this.begin(reason);
    if (!this.reasons.includes(reason)) this.reasons.push(reason);
    this.next ??= (this.current as Promise<ReloadResult>).then(() => this.beginNext());
    return this.next;
  }

  private beginNext(): Promise<ReloadResult> {
    const reason = this.reasons.join(", ");
    this.reasons = [];
    this.next = undefined;
    return this.begin(reason);
  }

  private begin(reason: string): Promise<ReloadResult> {
    const current = this.run(reason);
    this.current = current;
    void current.then(() => {
      if (this.current === current) this.current = undefined;
    });
    return current;
  }
}
