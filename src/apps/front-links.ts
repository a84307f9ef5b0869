/**
 * What connects an app's workers with the front threads, as the master ties it: streams, the scoreboard, how many threads
 * are ready, which requests were lost. When a worker may be used is the supervisor's business.
 */
import { closeDescriptor, duplicate, setBuffers, socketPair } from "../os/sockets.ts";
import { connectFiles } from "./file-inbox.ts";
import type { AppMessage } from "./messages.ts";
import { ReplacedFronts } from "./replaced-fronts.ts";
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
  private readonly replaced = new ReplacedFronts();
  /** What fronts were told last. */
  private told: Availability = { threads: 0, starting: true };

  constructor(options: FrontLinksOptions) {
    this.options = options;
  }

  open(): void {
    for (let front = 0; front < this.options.fronts; front++) this.giveScoreboard(front);
  }

  /** A new front thread has taken the place of `front`: it gets streams of its own, and may send requests when every
   *  worker can answer on them. */
  frontReplaced(front: number, workers: readonly WorkerProcess[]): void {
    this.giveScoreboard(front);
    for (const worker of workers) {
      this.replaced.owes(worker, front);
      this.connectFront(worker, front);
    }
    if (!this.replaced.isWaiting(front)) this.tell(front);
  }

  workerConnected(worker: WorkerProcess, front: number): void {
    if (this.replaced.acknowledged(worker, front)) this.tell(front);
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
    for (let front = 0; front < this.options.fronts; front++) if (!this.replaced.isWaiting(front)) this.tell(front);
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
    for (const front of this.replaced.exited(worker)) this.tell(front);
  }

  private tell(front: number): void {
    this.options.toFront(front, { kind: "availability", ...this.told });
  }

  private giveScoreboard(front: number): void {
    const { scoreboard, demand, toFront } = this.options;
    toFront(front, { kind: "scoreboard", fd: duplicate(scoreboard.fd), demand });
  }

  /** One socket pair for each thread: one end to the worker, the other to the front. */
  private connectFront(worker: WorkerProcess, front: number): void {
    const { threads, toFront } = this.options;
    connectFiles(worker, front, (message) => toFront(front, message));
    const pairs = Array.from({ length: threads }, () => makeStream());
    const given = worker.giveStreams(
      front,
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
