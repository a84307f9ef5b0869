/**
 * What connects an app's workers with the front threads, as the master ties it: streams, the scoreboard, how many threads
 * are ready, which requests were lost. When a worker may be used is the supervisor's business.
 *
 * A front thread that was replaced sends at once: its requests and its streams bear an epoch. A Python thread that takes a
 * request of an epoch it has no stream to yet waits for that, before it begins; one of a predecessor's it drops.
 */
import { closeDescriptor, duplicate, setBuffers, socketPair } from "../os/sockets.ts";
import { connectFiles } from "./file-inbox.ts";
import type { AppMessage } from "./messages.ts";
import type { Scoreboard } from "./scoreboard.ts";
import type { WorkerProcess } from "./worker-process.ts";

/** Kernel memory for what is under way on a stream, each way: a whole part of an upload (PULL_BYTES_MAX) with what the kernel
 *  adds to it, so that it goes in one write, and as much of a reply. Without privilege the kernel clips it to its wmem_max.  */
const STREAM_BYTES = 512 * 1024;

export interface FrontLinksOptions {
  /** How many front threads there are. */
  readonly fronts: number;
  /** Of each worker. */
  readonly threads: number;
  readonly scoreboard: Scoreboard;
  /** demand.ts. */
  readonly demand: SharedArrayBuffer;
  readonly toFront: (front: number, message: AppMessage) => void;
}

export interface Availability {
  /** Ready, of all workers. */
  readonly threads: number;
  readonly starting: boolean;
}

export class FrontLinks {
  private readonly options: FrontLinksOptions;
  /** By front: which thread of that number serves now. 16 bits, which come round. */
  private readonly epochs: number[];
  /** What fronts were told last. */
  private told: Availability = { threads: 0, starting: true };

  constructor(options: FrontLinksOptions) {
    this.options = options;
    this.epochs = Array.from({ length: options.fronts }, () => 0);
  }

  open(): void {
    for (let front = 0; front < this.options.fronts; front++) this.giveScoreboard(front);
  }

  /** A new front thread has taken the place of `front`: it gets streams of its own. `workers`: those that the one before
   *  had streams to. */
  frontReplaced(front: number, workers: readonly WorkerProcess[]): void {
    this.epochs[front] = (this.epochOf(front) + 1) & 0xffff;
    this.giveScoreboard(front);
    for (const worker of workers) this.connectFront(worker, front);
    this.tell(front);
  }

  private epochOf(front: number): number {
    return this.epochs[front] as number;
  }

  connect(worker: WorkerProcess): void {
    for (let front = 0; front < this.options.fronts; front++) this.connectFront(worker, front);
  }

  /** Fronts that send to `queueFd` from now on, a socket that was not there before. */
  queueRenewed(queueFd: number): void {
    const { fronts, toFront } = this.options;
    for (let front = 0; front < fronts; front++) toFront(front, { kind: "queue", fd: duplicate(queueFd) });
  }

  /** Whenever it may have changed; says nothing when it has not. */
  available(now: Availability): void {
    if (this.told.threads === now.threads && this.told.starting === now.starting) return;
    this.told = now;
    for (let front = 0; front < this.options.fronts; front++) this.tell(front);
  }

  /** The slots of a dead worker say which requests died with it. `wasReady`: fronts know it. */
  exited(worker: WorkerProcess, slots: readonly number[], wasReady: boolean): void {
    const { scoreboard, fronts, toFront } = this.options;
    const running = slots.flatMap((slot) => scoreboard.running(slot) ?? []);
    for (const slot of slots) scoreboard.clear(slot);
    const { number, generation } = worker;
    for (let front = 0; wasReady && front < fronts; front++) {
      const taken = Map.groupBy(
        running.filter((found) => found.front === front),
        ({ begunMs }) => (begunMs === undefined ? "untouched" : "running"),
      );
      const ids = (what: "running" | "untouched") => (taken.get(what) ?? []).map(({ id }) => id);
      const lost = { worker: number, generation, running: ids("running"), untouched: ids("untouched") };
      toFront(front, { kind: "lost", ...lost });
    }
  }

  private tell(front: number): void {
    this.options.toFront(front, { kind: "availability", ...this.told });
  }

  private giveScoreboard(front: number): void {
    const { scoreboard, demand, toFront } = this.options;
    toFront(front, { kind: "scoreboard", fd: duplicate(scoreboard.fd), demand, epoch: this.epochOf(front) });
  }

  /** One socket pair for each thread: one end to the worker, the other to the front. */
  private connectFront(worker: WorkerProcess, front: number): void {
    const { threads, toFront } = this.options;
    connectFiles(worker, front, (message) => toFront(front, message));
    const pairs = Array.from({ length: threads }, () => makeStream());
    const given = worker.giveStreams(
      front,
      this.epochOf(front),
      pairs.map((pair) => pair[1]),
    );
    pairs.forEach(([fd, theirs], thread) => {
      closeDescriptor(theirs);
      const { number, generation } = worker;
      if (given) toFront(front, { kind: "stream", worker: number, generation, thread, fd });
      else closeDescriptor(fd);
    });
    if (!given) worker.kill("SIGKILL");
  }
}

function makeStream(): [number, number] {
  const pair = socketPair("stream");
  for (const fd of pair) setBuffers(fd, STREAM_BYTES);
  return pair;
}
