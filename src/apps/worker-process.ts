/**
 * One Python process as the master sees it: spawned, spoken to over its control socket, killed, reaped. When to do
 * which is the supervisor's business; python/worker.py is the other side.
 *
 *     child's descriptors   0 /dev/null   1, 2 pipes for the log   3 control   4 queue   5 leash   6 scoreboard   7 source
 *     master says           the settings, then {"streams": front, "first": thread, "count": n} with n descriptors
 *                           beside it; one JSON object per line
 *     worker says           {"ready": pid, "python": path, "version": "3.12.1"} or {"failed": traceback};
 *                           {"connected": front} when all its threads have their streams to that front
 *
 * The leash: the kernel kills the worker's process group when the master's end closes, that is when the master is gone.
 */
import { monotonicMs } from "../base/clock.ts";
import { connect, type ConnectOwner } from "../net/connect.ts";
import type { Wire } from "../net/wire.ts";
import { closeDescriptor, duplicate, pipe, sendDescriptors, socketPair } from "../os/sockets.ts";
import { LineSplitter, readLines } from "../os/output.ts";
import { BOOTSTRAP } from "./source.ts";

/** The first line to a worker. */
export interface WorkerSettings {
  readonly app: string;
  readonly root: string;
  readonly wsgi: WsgiTarget;
  readonly processes: number;
  readonly threads: number;
  readonly fronts: number;
  /** Slots of the scoreboard, one for each thread. */
  readonly slots: readonly number[];
  readonly slotBytes: number;
  readonly frameOffset: number;
  /** SERVER_SOFTWARE. */
  readonly software: string;
  /** Process id of the master. */
  readonly master: number;
}

export type WsgiTarget =
  | { readonly kind: "module"; readonly module: string; readonly callable: string }
  | { readonly kind: "file"; readonly file: string; readonly callable: string };

export interface SpawnSpec {
  readonly python: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly settings: WorkerSettings;
  /** Receiving end of the app's packet socket. */
  readonly queueFd: number;
  readonly scoreboardFd: number;
  /** source.ts `openSource`. */
  readonly sourceFd: number;
}

export interface WorkerOwner {
  workerReady(worker: WorkerProcess, version: string): void;
  /** All its threads can answer `front`. */
  workerConnected(worker: WorkerProcess, front: number): void;
  /** The import failed; the exit follows. */
  workerFailed(worker: WorkerProcess, traceback: string): void;
  workerPrinted(worker: WorkerProcess, stream: "stdout" | "stderr", line: string): void;
  /** The process is reaped and its output read. `cause`: `exited with code 1`, `was killed by SIGKILL`. */
  workerExited(worker: WorkerProcess, cause: string): void;
}

/** Descriptors in one message; the kernel takes 253 (SCM_MAX_FD). */
const DESCRIPTORS_MAX = 200;
/** A traceback is the longest thing that a worker says. */
const CONTROL_LINE_BYTES_MAX = 1024 * 1024;
/** For the last lines after the exit, when a process that the worker left behind holds its pipes. */
const OUTPUT_WAIT_MS = 500;

export class WorkerProcess implements ConnectOwner {
  readonly number: number;
  readonly generation: number;
  readonly pid: number;
  readonly startedMs = monotonicMs();
  private readonly owner: WorkerOwner;
  private readonly lines = new LineSplitter(CONTROL_LINE_BYTES_MAX);
  private readonly leash: number;
  private controlFd: number;
  private wire: Wire | undefined;
  private over = false;
  private readonly outputs: { readonly ended: Promise<void>; stop(): void }[];

  /** Throws when the interpreter cannot be executed or descriptors are short. */
  constructor(number: number, generation: number, spec: SpawnSpec, owner: WorkerOwner) {
    this.number = number;
    this.generation = generation;
    this.owner = owner;
    const control = socketPair("stream");
    const leash = socketPair("stream");
    const out = pipe();
    const err = pipe();
    const theirs = [out[1], err[1], control[1], leash[1]];
    try {
      this.pid = this.spawn(spec, theirs);
    } catch (error) {
      for (const fd of [out[0], err[0], control[0], leash[0]]) closeDescriptor(fd);
      throw error;
    } finally {
      for (const fd of theirs) closeDescriptor(fd);
    }
    this.leash = leash[0];
    this.controlFd = control[0];
    this.outputs = [
      readLines(out[0], (line) => owner.workerPrinted(this, "stdout", line)),
      readLines(err[0], (line) => owner.workerPrinted(this, "stderr", line)),
    ];
    connect({ kind: "fd", fd: duplicate(control[0]) }, this);
    this.say(spec.settings);
  }

  private spawn(spec: SpawnSpec, theirs: readonly number[]): number {
    const [out, err, control, leash] = theirs as [number, number, number, number];
    const { settings } = spec;
    // The words behind the program are for people who look at `ps`; the worker does not read them.
    const child = Bun.spawn({
      cmd: [spec.python, "-c", BOOTSTRAP, "server", settings.app, `worker-${this.number + 1}`],
      env: { ...spec.environment },
      stdio: ["ignore", out, err, control, spec.queueFd, leash, spec.scoreboardFd, spec.sourceFd],
    });
    void child.exited.then(() => this.exited(child.exitCode, child.signalCode));
    return child.pid;
  }

  // ── talking ───────────────────────────────────────────────────────────────────────────────────────────────────

  private say(message: object, descriptors: readonly number[] = []): boolean {
    if (this.controlFd === -1) return false;
    return sendDescriptors(this.controlFd, Buffer.from(`${JSON.stringify(message)}\n`), descriptors);
  }

  /** Gives the worker its ends of the streams from `front`, one for each thread; they stay the caller's to close. False:
   *  it cannot be talked to. */
  giveStreams(front: number, descriptors: readonly number[]): boolean {
    for (let first = 0; first < descriptors.length; first += DESCRIPTORS_MAX) {
      const batch = descriptors.slice(first, first + DESCRIPTORS_MAX);
      if (!this.say({ streams: front, first, count: batch.length }, batch)) return false;
    }
    return true;
  }

  connected(wire: Wire): void {
    if (this.over) return wire.abort();
    this.wire = wire;
  }

  failed(): void {
    this.kill("SIGKILL");
  }

  received(bytes: Uint8Array): void {
    for (const line of this.lines.push(bytes)) this.hear(line);
  }

  private hear(line: string): void {
    const message = parseMessage(line);
    // Somebody else in that process writes to our descriptor: it cannot be talked to any more.
    if (message === undefined) return this.kill("SIGKILL");
    if (message.failed !== undefined) this.owner.workerFailed(this, message.failed);
    else if (message.connected !== undefined) this.owner.workerConnected(this, message.connected);
    else if (message.ready !== undefined) this.owner.workerReady(this, message.version ?? "");
  }

  drained(): void {}

  ended(): void {}

  closed(): void {
    this.wire = undefined;
  }

  // ── the end ───────────────────────────────────────────────────────────────────────────────────────────────────

  /** The worker with the processes that it started; a worker so young that it leads no group yet, by itself. */
  kill(signal: "SIGTERM" | "SIGKILL"): void {
    if (this.over) return;
    if (!sendSignal(-this.pid, signal)) sendSignal(this.pid, signal);
  }

  private exited(code: number | null, signal: string | number | null): void {
    this.over = true;
    sendSignal(-this.pid, "SIGKILL");
    closeDescriptor(this.leash);
    closeDescriptor(this.controlFd);
    this.controlFd = -1;
    const cause = signal === null ? `exited with code ${code}` : `was killed by ${signal}`;
    void this.lastWords().then(() => {
      this.wire?.abort();
      this.owner.workerExited(this, cause);
    });
  }

  private async lastWords(): Promise<void> {
    const timer = setTimeout(() => this.outputs.forEach((output) => output.stop()), OUTPUT_WAIT_MS);
    await Promise.all(this.outputs.map((output) => output.ended));
    clearTimeout(timer);
  }
}

interface WorkerMessage {
  readonly ready?: number;
  readonly version?: string;
  readonly failed?: string;
  readonly connected?: number;
}

function parseMessage(line: string): WorkerMessage | undefined {
  try {
    return JSON.parse(line) as WorkerMessage;
  } catch {
    return undefined;
  }
}

/** False when there is no such process or group. */
function sendSignal(target: number, signal: "SIGTERM" | "SIGKILL"): boolean {
  try {
    return process.kill(target, signal);
  } catch {
    return false;
  }
}
