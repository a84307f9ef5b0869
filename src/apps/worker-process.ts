/**
 * One Python process as the master sees it: made (birth.ts, zygotes.ts), spoken to over its control socket, killed,
 * reaped. When to do which is the supervisor's business; python/worker.py is the other side.
 *
 *     child's descriptors   0 /dev/null   1, 2 pipes for the log   3 control   4 queue   5 leash   6 scoreboard   7 source
 *                           8 file for stacks (stacks.ts)   9 file that all workers share (python/uwsgi_store.py)
 *     master says           the settings, then {"files": front} with one descriptor beside it (file-inbox.ts), then
 *                           {"streams": front, "epoch": e, "first": thread, "count": n} with n
 *                           descriptors beside it; {"finish": true}: take no more requests; {"stop": true}: the server stops;
 *                           one JSON object per line
 *     worker says           {"ready": pid, "python": path, "version": "3.12.1"} or {"failed": traceback};
 *                           {"finishing": true}: it has heard that it is to finish
 *                           {"unqueued": true}: the queue that it was given is shut; it finishes
 *
 * The leash: the kernel kills the worker's process group when the master's end closes, that is when the master is gone.
 */
import { fchownSync } from "node:fs";
import { monotonicMs } from "../base/clock.ts";
import { connect } from "../net/connect.ts";
import type { ConnectOwner } from "../net/connect-address.ts";
import type { Wire } from "../net/wire.ts";
import { hasCapability } from "../os/capabilities.ts";
import type { LaunchUser } from "../os/launch.ts";
import { closeDescriptor, duplicate, pipe, sendDescriptors, socketPair } from "../os/sockets.ts";
import { LineSplitter, readLines } from "../os/output.ts";
import { type Birth, type Midwife, spawnPython } from "./birth.ts";

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
  /** Of the board: ids of requests for which nobody waits (scoreboard.ts). */
  readonly abandonedOffset: number;
  /** SERVER_SOFTWARE. */
  readonly software: string;
  /** stacks.ts STACKS_SIGNAL. */
  readonly stacksSignal: number;
  /** From 1; what uwsgi.worker_id() says. */
  readonly worker: number;
  /** It serves nothing: workers are forked from it. */
  readonly isZygote: boolean;
  /** Workers are forked when the project is imported. */
  readonly preload: boolean;
  /** Django's finders answer STATIC_URL. */
  readonly staticFinders: boolean;
  readonly pythonPath: readonly string[];
  readonly umask: number | null;
  readonly limits: readonly ResourceLimit[];
  /** Process id of the master. */
  readonly master: number;
}

/** setrlimit(2): RLIMIT_NOFILE is `nofile`; -1 for unlimited. */
export interface ResourceLimit {
  readonly name: string;
  readonly value: number;
}

export type WsgiTarget =
  | { readonly kind: "module"; readonly module: string; readonly callable: string }
  | { readonly kind: "file"; readonly file: string; readonly callable: string };

export interface SpawnSpec {
  readonly python: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly settings: WorkerSettings;
  /** Undefined: as the server. */
  readonly user: LaunchUser | undefined;
  /** Receiving end of the app's packet socket. */
  readonly queueFd: number;
  readonly scoreboardFd: number;
  /** source.ts `openSource`. */
  readonly sourceFd: number;
  /** stacks.ts `StackFile`. */
  readonly stacksFd: number;
  /** Locks and cache of the uwsgi module. */
  readonly sharedFd: number;
  /** How the process comes to be. Default birth.ts spawnPython. */
  readonly midwife?: Midwife;
}

export interface WorkerOwner {
  workerReady(worker: WorkerProcess, version: string): void;
  /** It has heard that it is to finish. */
  workerFinishes(worker: WorkerProcess): void;
  /** The queue that it was given is shut; it finishes by itself. */
  workerUnqueued?(worker: WorkerProcess): void;
  /** The import failed; the exit follows. */
  workerFailed(worker: WorkerProcess, traceback: string): void;
  /** The application asks for new code (uwsgi.reload). */
  workerAsksReload?(worker: WorkerProcess): void;
  /** What only a zygote says. */
  zygoteSaid?(message: ZygoteMessage): void;
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
  readonly startedMs = monotonicMs();
  private readonly owner: WorkerOwner;
  private readonly lines = new LineSplitter(CONTROL_LINE_BYTES_MAX);
  private readonly leash: number;
  private controlFd: number;
  private wire: Wire | undefined;
  private over = false;
  private readonly birth: Birth;
  private knownPid = 0;
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
    const theirs = { out: out[1], err: err[1], control: control[1], leash: leash[1] };
    if (spec.user !== undefined) giveAway([out[1], err[1]], spec.user.uid);
    this.leash = leash[0];
    this.controlFd = control[0];
    try {
      this.birth = (spec.midwife ?? spawnPython)(spec, number, theirs, this);
    } catch (error) {
      for (const fd of [out[0], err[0], control[0], leash[0], ...Object.values(theirs)]) closeDescriptor(fd);
      throw error;
    }
    this.outputs = [
      readLines(out[0], (line) => owner.workerPrinted(this, "stdout", line)),
      readLines(err[0], (line) => owner.workerPrinted(this, "stderr", line)),
    ];
    connect({ kind: "fd", fd: duplicate(control[0]) }, this);
    this.say(spec.settings);
  }

  /** 0 before it is forked. */
  get pid(): number {
    return this.knownPid;
  }

  born(pid: number): void {
    this.knownPid = pid;
  }

  /** It never came to be. */
  stillborn(traceback: string): void {
    this.owner.workerFailed(this, traceback);
    this.exited("could not be forked");
  }

  // ── talking ───────────────────────────────────────────────────────────────────────────────────────────────────

  /** False: it cannot be talked to. */
  say(message: object, descriptors: readonly number[] = []): boolean {
    if (this.controlFd === -1) return false;
    return sendDescriptors(this.controlFd, Buffer.from(`${JSON.stringify(message)}\n`), descriptors);
  }

  /** Gives the worker its ends of the streams from `front`, one for each thread; they stay the caller's to close.
   *  `epoch`: see front-links.ts. False: it cannot be talked to. */
  giveStreams(front: number, epoch: number, descriptors: readonly number[]): boolean {
    for (let first = 0; first < descriptors.length; first += DESCRIPTORS_MAX) {
      const batch = descriptors.slice(first, first + DESCRIPTORS_MAX);
      if (!this.say({ streams: front, epoch, first, count: batch.length }, batch)) return false;
    }
    return true;
  }

  /** Its threads finish what they have and take no more; then it leaves. */
  finish(): void {
    this.say({ finish: true });
  }

  /** The server stops: packets in the queue tell its threads when; a front that has gone gets no successor. */
  stop(): void {
    this.say({ stop: true });
  }

  /** Gives the worker its end of the socket for files that it hands to `front`; see file-inbox.ts. */
  giveFileSocket(front: number, descriptor: number): boolean {
    return this.say({ files: front }, [descriptor]);
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
    else if (message.finishing === true) this.owner.workerFinishes(this);
    else if (message.unqueued === true) this.owner.workerUnqueued?.(this);
    else if (message.ready !== undefined) this.becameReady(message.ready, message.version ?? "");
    else if (message.reload !== undefined) this.owner.workerAsksReload?.(this);
    else this.owner.zygoteSaid?.(message);
  }

  /** It may say so before the process that it was forked from has told its number. */
  private becameReady(pid: number, version: string): void {
    if (this.knownPid === 0) this.knownPid = pid;
    this.owner.workerReady(this, version);
  }

  drained(): void {}

  ended(): void {
    this.closed();
  }

  /** Whoever forked it is asked how it ended. */
  closed(): void {
    this.wire = undefined;
    if (!this.over) this.birth.silent();
  }

  // ── the end ───────────────────────────────────────────────────────────────────────────────────────────────────

  /** The worker with the processes that it started; a worker so young that it leads no group yet, by itself. */
  kill(signal: "SIGTERM" | "SIGKILL"): void {
    if (this.over) return;
    if (this.knownPid === 0) return this.birth.cancel();
    if (!sendSignal(-this.knownPid, signal)) sendSignal(this.knownPid, signal);
  }

  /** It is reaped: its number may be another's soon. */
  exited(cause: string): void {
    if (this.over) return;
    this.over = true;
    if (this.knownPid !== 0) sendSignal(-this.knownPid, "SIGKILL");
    closeDescriptor(this.leash);
    closeDescriptor(this.controlFd);
    this.controlFd = -1;
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

/** The pipes of who runs as another user are that user's: /dev/stderr can be opened. Without the right to it there is no
 *  other user. */
function giveAway(fds: readonly number[], user: number): void {
  if (!hasCapability("CAP_CHOWN")) return;
  for (const fd of fds) fchownSync(fd, user, process.getegid?.() ?? 0);
}

interface WorkerMessage extends ZygoteMessage {
  readonly ready?: number;
  readonly version?: string;
  readonly failed?: string;
  readonly finishing?: boolean;
  readonly unqueued?: boolean;
  readonly reload?: string;
}

/** What a zygote says; see python/zygote.py. */
export interface ZygoteMessage {
  readonly reads?: readonly string[];
  readonly unfit?: string;
  readonly unborn?: number;
  readonly why?: string;
  readonly forked?: number;
  readonly pid?: number;
  readonly reaped?: number;
  /** As wait(2) gives it. */
  readonly status?: number | null;
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
