/**
 * Signals as a queue: a handler only enqueues, one loop takes them out and acts. Those that mean something to nginx and
 * nothing here yet are told of and change nothing: their default would end the process.
 */

export class SignalQueue {
  private readonly waiting: string[] = [];
  private readonly takers: ((signal: string) => void)[] = [];
  private readonly handlers: readonly (readonly [NodeJS.Signals, () => void])[];

  /** `ignored` are given to `tell`. */
  constructor(signals: readonly NodeJS.Signals[], ignored: readonly NodeJS.Signals[], tell: (signal: string) => void) {
    this.handlers = [
      ...signals.map((signal) => [signal, () => this.arrived(signal)] as const),
      ...ignored.map((signal) => [signal, () => tell(signal)] as const),
    ];
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
