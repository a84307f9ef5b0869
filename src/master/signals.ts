/** Signals as a queue: a handler only enqueues, one loop takes them out and acts. */

export class SignalQueue {
  private readonly waiting: string[] = [];
  private readonly takers: ((signal: string) => void)[] = [];
  private readonly handlers: readonly (readonly [NodeJS.Signals, () => void])[];

  constructor(signals: readonly NodeJS.Signals[]) {
    this.handlers = signals.map((signal) => [signal, () => this.arrived(signal)]);
    for (const [signal, handler] of this.handlers) process.on(signal, handler);
  }

  /** As a signal does; also for whoever asks for the same in words. */
  arrived(signal: string): void {
    const taker = this.takers.shift();
    if (taker === undefined) this.waiting.push(signal);
    else taker(signal);
  }

  /** The next signal, in order of arrival. One caller at a time. */
  next(): Promise<string> {
    const first = this.waiting.shift();
    if (first !== undefined) return Promise.resolve(first);
    return new Promise((resolve) => this.takers.push(resolve));
  }

  close(): void {
    for (const [signal, handler] of this.handlers) process.off(signal, handler);
  }
}
