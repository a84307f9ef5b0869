/**
 * The event loop of a front thread: epoll of our own around the runtime's. Bun's sockets cost a call into C++, a buffer and a copy
 * for each event; asking the kernel ourselves costs three calls through FFI for a request (wait, receive, send). Measured for a
 * fixed reply, everything else equal: 4.0 µs of CPU a request against 4.7, nginx 5.0 in the same run.
 *
 *   turn:  wait ─▶ events ─▶ small writes (gathering.ts) ─▶ what was asked for `soon` ─▶ promises ─┬─▶ wait …
 *                                   back to Bun when it has something to do, then a new turn  ◀──┘
 *
 * Bun goes on doing what it does (timers, messages between threads, files, names, TLS): its own epoll descriptor is one of ours, so
 * that we hear of its events as of any other, and then return to it. Where that descriptor cannot be found, and where others than
 * us set timers, no wait is longer than ASIDE_WAIT_MS.
 *
 * One turn belongs to one thread; `ownLoop()` is that of the calling one.
 */
import { drainMicrotasks } from "bun:jsc";
import { beginTurn, endTurn, monotonicMs } from "../base/clock.ts";
import { Epoll, EPOLLIN } from "../os/epoll.ts";
import { closeDescriptor } from "../os/sockets.ts";
import { beginGathering, endGathering } from "./gathering.ts";
import { Moments } from "./moments.ts";
import { ReceiveBuffer } from "./receive-buffer.ts";

/** Longest wait where Bun's events and timers are not all known to us. */
const ASIDE_WAIT_MS = 2;

/** Longest wait at all: what Bun does for itself (collecting garbage when idle) gets its turn. */
const WAIT_MAX_MS = 1_000;

/** Under load Bun gets its turn at least so often. */
const BUN_EVERY_MS = 10;

/**
 * Small writes are gathered from so many events in a turn on. A few clients are answered one by one: while one is sent its reply, the
 * one before makes its next request, and neither side falls asleep. Measured with 4 clients that do nothing but ask: 1.09 times
 * the requests per second, each for 0.96 of the processor time; with 16 there is nothing in it.
 */
const GATHERED_FROM = 5;

/** Entries are counted with 32 bits; 0 is none of them. */
const NUMBER_MAX = 0x7fffffff;

/** Turns that Bun has for a timer that is due. What was cleared in the meantime is forgotten then. */
const LATE_TURNS_MAX = 3;

/** Whoever has a descriptor in the loop. */
export interface Pollable {
  /** `events` is a mask of os/epoll. */
  ready(events: number): void;
}

interface Entry {
  readonly owner: Pollable;
  readonly number: number;
}

export class Loop {
  /** Of all its wires: one receives at a time. */
  readonly buffer = new ReceiveBuffer();
  /** The epoll of this thread's Bun; undefined as long as it is not known. */
  bunDescriptor: number | undefined = undefined;
  private readonly epoll = new Epoll();
  private readonly entries: (Entry | undefined)[] = [];
  private lastNumber = 0;
  private entered = 0;
  /** What is to be done when the events of this turn are done. */
  private soon: (() => void)[] = [];
  private readonly moments = new Moments();
  private state: "asleep" | "running" | "stopped" = "asleep";
  private bunReady = false;
  /** Bun's entry; undefined as long as it is not known. */
  private bun: Entry | undefined = undefined;
  private atBunMs = 0;
  private lateTurns = 0;
  /** When the first of them began. */
  private lateFromMs = 0;
  /** Bun's own, from before anybody put something in their place. */
  private readonly yieldToBun = setImmediate;
  private readonly next = () => this.turn();

  /** Of the set that has all its connections. */
  get descriptor(): number {
    return this.epoll.fd;
  }

  /** `bunDescriptor`: the epoll of this thread's Bun. With it, timers must be told to `expect`. */
  listenToBun(bunDescriptor: number): void {
    this.add(bunDescriptor, EPOLLIN, { ready: () => (this.bunReady = true) });
    this.entered--;
    this.bun = this.entries[bunDescriptor];
    this.bunDescriptor = bunDescriptor;
  }

  /** The owner hears of `events` until `remove`. Gives the number by which the entry is changed. */
  add(fd: number, events: number, owner: Pollable): number {
    const number = (this.lastNumber = this.lastNumber === NUMBER_MAX ? 1 : this.lastNumber + 1);
    this.epoll.add(fd, events, number);
    this.entries[fd] = { owner, number };
    this.entered++;
    this.wake();
    return number;
  }

  modify(fd: number, events: number, number: number): void {
    this.epoll.modify(fd, events, number);
  }

  /** Before a descriptor is closed. `alone`: nobody has a duplicate, so that closing takes it out of the kernel's set. */
  remove(fd: number, alone: boolean): void {
    if (this.entries[fd] === undefined) return;
    this.entries[fd] = undefined;
    this.entered--;
    if (!alone) this.epoll.remove(fd);
  }

  /** Calls `step` when the events of this turn are done: before the next wait, never at once. */
  afterwards(step: () => void): void {
    this.soon.push(step);
    this.wake();
  }

  /** Bun has something to do at that time (base/clock monotonicMs). */
  expect(atMs: number): void {
    this.moments.add(atMs);
  }

  /** For good. Descriptors are closed by whoever has them. */
  stop(): void {
    if (this.state === "stopped") return;
    this.state = "stopped";
    this.epoll.close();
  }

  /** The thread ends, and nobody of it will close anything any more. */
  closeAll(): void {
    if (this.state === "stopped") return;
    this.stop();
    this.entries.forEach((entry, fd) => {
      if (entry !== undefined && entry !== this.bun) closeDescriptor(fd);
    });
  }

  private wake(): void {
    if (this.state !== "asleep") return;
    this.state = "running";
    this.yieldToBun(this.next);
  }

  /** Comes from Bun, and goes back there. */
  private turn(): void {
    this.bunReady = false;
    beginTurn();
    this.atBunMs = monotonicMs();
    this.forgetMoments();
    try {
      while (this.state === "running" && !this.isBunsTurn()) this.once(this.waitMs());
    } finally {
      endTurn();
      // An error that nobody caught ends the thread, or is logged and survived: that is the runtime's affair.
      this.goOn();
    }
  }

  private forgetMoments(): void {
    if (this.moments.first > this.atBunMs) this.lateTurns = 0;
    else if (++this.lateTurns === 1) this.lateFromMs = this.atBunMs;
    else if (this.lateTurns > LATE_TURNS_MAX) {
      // Those alone that had all of these turns: a timer that has become due meanwhile may ring yet.
      this.moments.drop(this.lateFromMs);
      this.lateTurns = 0;
    }
  }

  private goOn(): void {
    if (this.state !== "running") return;
    if (this.entered > 0 || this.soon.length > 0) this.yieldToBun(this.next);
    else this.state = "asleep";
  }

  private isBunsTurn(): boolean {
    if (this.bunReady || this.entered === 0) return this.soon.length === 0 || this.bunReady;
    const nowMs = monotonicMs();
    return (
      nowMs - this.atBunMs >= (this.bun !== undefined ? BUN_EVERY_MS : ASIDE_WAIT_MS) || nowMs >= this.moments.first
    );
  }

  private waitMs(): number {
    if (this.soon.length > 0) return 0;
    if (this.bun === undefined) return ASIDE_WAIT_MS;
    return Math.min(WAIT_MAX_MS, Math.max(0, Math.ceil(this.moments.first - monotonicMs())));
  }

  private once(timeoutMs: number): void {
    const { epoll, entries } = this;
    const count = epoll.wait(timeoutMs);
    beginTurn();
    if (count >= GATHERED_FROM) beginGathering();
    try {
      for (let i = 0; i < count; i++) {
        const entry = entries[epoll.descriptor(i)];
        if (entry !== undefined && entry.number === epoll.number(i)) entry.owner.ready(epoll.events(i));
      }
    } finally {
      endGathering();
    }
    if (this.soon.length > 0) this.doSoon();
    drainMicrotasks();
  }

  private doSoon(): void {
    const steps = this.soon;
    this.soon = [];
    for (const step of steps) step();
  }
}
