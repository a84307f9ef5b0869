/**
 * `preload`: the processes from which an app's workers are forked. The current one has imported the code that new
 * workers run; a reload begins another, and the one before goes when its last worker has gone, for it alone learns how
 * its children end. When a zygote dies its workers go on serving, and another is begun. python/zygote.py is the other
 * side.
 */
import { constants } from "node:os";
import type { Log } from "../base/log.ts";
import { type Birth, type ChildDescriptors, closeAll, describeEnd, type Midwife, type Newborn } from "./birth.ts";
import { type SpawnSpec, type WorkerOwner, WorkerProcess, type ZygoteMessage } from "./worker-process.ts";

/** Between the death of a zygote and the next. */
const RESTART_MS = 1_000;

interface Child {
  readonly key: number;
  readonly newborn: Newborn;
  theirs: ChildDescriptors | undefined;
  pid: number;
  /** It was heard no more before the zygote had said that it was forked: two sockets, no order between them. */
  isSilent: boolean;
}

/** One zygote and its children. */
class Zygote implements WorkerOwner {
  readonly process: WorkerProcess;
  private readonly children = new Map<number, Child>();
  private readonly told: ZygoteOwner;
  private readonly log: Log;
  private state: "importing" | "ready" | "gone" = "importing";
  private traceback = "";
  private lastKey = 0;

  constructor(number: number, spec: SpawnSpec, told: ZygoteOwner, log: Log) {
    this.told = told;
    this.log = log;
    this.process = new WorkerProcess(number, number, spec, this);
  }

  get isGone(): boolean {
    return this.state === "gone";
  }

  get isReady(): boolean {
    return this.state === "ready";
  }

  get isChildless(): boolean {
    return this.children.size === 0;
  }

  fork(theirs: ChildDescriptors, newborn: Newborn): Birth {
    const child: Child = { key: ++this.lastKey, newborn, theirs, pid: 0, isSilent: false };
    this.children.set(child.key, child);
    if (this.state === "ready") this.order(child);
    return { cancel: () => this.cancel(child), silent: () => this.silent(child) };
  }

  private order(child: Child): void {
    const { theirs } = child;
    if (theirs === undefined) return;
    child.theirs = undefined;
    const { out, err, control, leash } = theirs;
    const said = this.process.say({ fork: child.key }, [out, err, control, leash]);
    closeAll(theirs);
    if (!said) this.process.kill("SIGKILL");
  }

  /** One that was ordered is killed when it has a number. An import that nobody waits for any more is given up. */
  private cancel(child: Child): void {
    if (child.theirs === undefined) {
      child.pid = -1;
      return;
    }
    closeAll(child.theirs);
    this.children.delete(child.key);
    child.newborn.exited("was given up before it was forked");
    if (this.state === "importing" && this.isChildless) this.process.kill("SIGKILL");
  }

  private silent(child: Child): void {
    if (this.state === "gone") return this.lose(child);
    if (child.pid <= 0) {
      child.isSilent = true;
      return;
    }
    killGroup(child.pid);
    this.process.say({ reap: child.pid });
  }

  /** Init reaps it. */
  private lose(child: Child): void {
    if (child.pid > 0) killGroup(child.pid);
    this.children.delete(child.key);
    child.newborn.exited("ended (how is not known: the process that it was forked from had died)");
  }

  zygoteSaid(message: ZygoteMessage): void {
    if (message.forked !== undefined) this.forked(message.forked, message.pid ?? 0);
    else if (message.reaped !== undefined) this.reaped(message.reaped, message.status ?? null);
  }

  private forked(key: number, pid: number): void {
    const child = this.children.get(key);
    if (child === undefined) return;
    const isUnwanted = child.pid === -1;
    child.pid = pid;
    child.newborn.born(pid);
    if (isUnwanted) killGroup(pid);
    if (child.isSilent) this.silent(child);
  }

  private reaped(pid: number, status: number | null): void {
    const child = [...this.children.values()].find((each) => each.pid === pid);
    if (child === undefined) return;
    this.children.delete(child.key);
    child.newborn.exited(describeStatus(status));
    this.told.childless(this);
  }

  workerReady(process: WorkerProcess, version: string): void {
    this.state = "ready";
    this.log.info(`preload: the project is imported: pid ${process.pid}, Python ${version}`);
    for (const child of this.children.values()) this.order(child);
    this.told.ready(this);
  }

  workerFinishes(): void {}

  workerFailed(_process: WorkerProcess, traceback: string): void {
    this.traceback = traceback;
  }

  workerPrinted(_process: WorkerProcess, stream: "stdout" | "stderr", line: string): void {
    if (stream === "stderr") this.log.error(`preload: ${line}`);
    else this.log.notice(`preload: ${line}`);
  }

  workerExited(process: WorkerProcess, cause: string): void {
    const wasReady = this.state === "ready";
    this.state = "gone";
    const why =
      this.traceback === "" ? `the process that imports the project (pid ${process.pid}) ${cause}` : this.traceback;
    for (const child of this.children.values()) {
      if (child.theirs === undefined && child.pid > 0) continue;
      if (child.theirs !== undefined) closeAll(child.theirs);
      this.children.delete(child.key);
      child.newborn.stillborn(why);
    }
    this.told.gone(this, wasReady, cause);
  }
}

interface ZygoteOwner {
  ready(zygote: Zygote): void;
  childless(zygote: Zygote): void;
  gone(zygote: Zygote, wasReady: boolean, cause: string): void;
}

export class Zygotes implements ZygoteOwner {
  private readonly spec: SpawnSpec;
  private readonly log: Log;
  /** The one that new workers are forked from. */
  private current: Zygote | undefined;
  /** Others that live: of older code, or the one that a reload came before. */
  private readonly others = new Set<Zygote>();
  private count = 0;
  private timer: Timer | undefined;
  private closed = false;

  /** `spec`: of a zygote. */
  constructor(spec: SpawnSpec, log: Log) {
    this.spec = spec;
    this.log = log;
  }

  readonly midwife: Midwife = (_spec, _number, theirs, newborn) => this.zygote().fork(theirs, newborn);

  /** Throws when it cannot be started. */
  private zygote(): Zygote {
    clearTimeout(this.timer);
    return (this.current ??= new Zygote(this.count++, this.spec, this, this.log));
  }

  /** The next workers run the code as it is then. */
  renew(): void {
    if (this.current !== undefined) this.others.add(this.current);
    this.current = undefined;
  }

  ready(zygote: Zygote): void {
    if (zygote !== this.current) return;
    for (const other of this.others) this.childless(other);
  }

  /** One of older code has nothing left to do once there is newer. */
  childless(zygote: Zygote): void {
    if (zygote.isChildless && this.others.has(zygote) && this.current?.isReady === true) zygote.process.kill("SIGKILL");
  }

  /** After an import that failed, the code before goes on being the one that is forked. */
  gone(zygote: Zygote, wasReady: boolean, cause: string): void {
    this.others.delete(zygote);
    if (zygote !== this.current || this.closed) return;
    this.current = [...this.others].findLast((other) => other.isReady);
    if (this.current !== undefined) this.others.delete(this.current);
    if (!wasReady) return;
    this.log.error(
      `preload: the process that workers are forked from (pid ${zygote.process.pid}) ${cause}; they go on`,
    );
    if (this.current === undefined) this.timer = setTimeout(() => this.restart(), RESTART_MS);
  }

  private restart(): void {
    try {
      this.zygote();
    } catch (error) {
      this.log.error(`preload: ${(error as Error).message}`);
    }
  }

  /** After the workers. Resolves when none is left. */
  close(): void {
    this.closed = true;
    clearTimeout(this.timer);
    for (const zygote of this.others) zygote.process.kill("SIGKILL");
    this.current?.process.kill("SIGKILL");
  }
}

/** waitpid(2): the low seven bits are the signal, the next byte is the exit code. */
function describeStatus(status: number | null): string {
  if (status === null) return "ended (the project has reaped it: a SIGCHLD handler of its own)";
  const signal = status & 0x7f;
  return describeEnd(signal === 0 ? status >> 8 : null, signal === 0 ? null : signalName(signal));
}

function signalName(number: number): string {
  const found = Object.entries(constants.signals).find(([, value]) => value === number);
  return found?.[0] ?? `signal ${number}`;
}

function killGroup(pid: number): void {
  for (const target of [-pid, pid]) {
    try {
      process.kill(target, "SIGKILL");
    } catch {
      // it is gone, or leads no group yet
    }
  }
}
