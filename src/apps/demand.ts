/**
 * What the front threads ask of an app, as the master sees it: shared memory with a row for each front, written by that
 * front alone. Beside the rows a bell: a front rings when it holds a request and no worker is there, and the master, which
 * may have let the last one go, wakes up. A row costs its front two stores for each request; the bell is for the rare.
 *
 *     0    rings, of all fronts        (the master waits on this word)
 *     4    front 0   waiting │ sent │ refused │ oldest      Int32 each: in the list · with Python or on the way ·
 *     20   front 1   waiting │ sent │ refused │ oldest      ever answered 503 · ms that the oldest waits which no
 *                                                           thread has begun
 */

/** A front rings, too, when a request has waited for this long: something may be in the way. */
export const LONG_WAIT_MS = 2_000;

const BELL = 0;
const FIRST_ROW = 1;
const WAITING = 0;
const SENT = 1;
const REFUSED = 2;
const OLDEST = 3;
const ROW = 4;

/** For the master. */
export class Demand {
  readonly memory: SharedArrayBuffer;
  private readonly words: Int32Array;
  private readonly fronts: number;
  private rung: () => void = () => {};
  private closed = false;

  constructor(fronts: number) {
    this.fronts = fronts;
    this.memory = new SharedArrayBuffer((FIRST_ROW + fronts * ROW) * Int32Array.BYTES_PER_ELEMENT);
    this.words = new Int32Array(this.memory);
  }

  /** In the lists of the fronts. */
  get waiting(): number {
    return this.sum(WAITING);
  }

  /** With Python, or on the way to it. */
  get sent(): number {
    return this.sum(SENT);
  }

  get refused(): number {
    return this.sum(REFUSED);
  }

  get oldestMs(): number {
    let oldest = 0;
    for (let front = 0; front < this.fronts; front++) oldest = Math.max(oldest, this.word(front, OLDEST));
    return oldest;
  }

  private sum(column: number): number {
    let total = 0;
    for (let front = 0; front < this.fronts; front++) total += this.word(front, column);
    return total;
  }

  private word(front: number, column: number): number {
    return this.words[FIRST_ROW + front * ROW + column] as number;
  }

  /** `rung` is called when a front rings, once for all that do at the same time. */
  listen(rung: () => void): void {
    this.rung = rung;
    this.wait(Atomics.load(this.words, BELL));
  }

  private wait(heard: number): void {
    const { async, value } = Atomics.waitAsync(this.words, BELL, heard);
    if (async) void value.then(() => this.woken());
    else queueMicrotask(() => this.woken());
  }

  private woken(): void {
    if (this.closed) return;
    this.wait(Atomics.load(this.words, BELL));
    this.rung();
  }

  close(): void {
    this.closed = true;
    Atomics.notify(this.words, BELL);
  }
}

/** For a front. */
export class FrontDemand {
  private readonly words: Int32Array;
  private readonly start: number;

  /** A predecessor's row is begun anew; what it refused stays counted. */
  constructor(memory: SharedArrayBuffer, front: number) {
    this.words = new Int32Array(memory);
    this.start = FIRST_ROW + front * ROW;
    this.set(0, 0);
  }

  set(waiting: number, sent: number): void {
    const { words, start } = this;
    words[start + WAITING] = waiting;
    words[start + SENT] = sent;
    if (waiting + sent === 0) words[start + OLDEST] = 0;
  }

  refused(): void {
    (this.words[this.start + REFUSED] as number) += 1;
  }

  /** Looked at now and then, not with each request. */
  set oldestMs(ms: number) {
    this.words[this.start + OLDEST] = ms;
    if (ms >= LONG_WAIT_MS) this.ring();
  }

  /** Somebody waits, and no worker is there. */
  ring(): void {
    Atomics.add(this.words, BELL, 1);
    Atomics.notify(this.words, BELL);
  }
}
