/** One process from which workers are forked, and its children. Which one is current is zygotes.ts's business. */
import { statSync } from "node:fs";
import { constants } from "node:os";
import type { Log } from "../base/log.ts";
import { type Birth, type ChildDescriptors, closeAll, describeEnd, type Newborn, spawnPython } from "./birth.ts";
import { type SpawnSpec, type WorkerOwner, WorkerProcess, type ZygoteMessage } from "./worker-process.ts";

/** `preload`: it has imported the project. `bare`: only what is Python's own. */
export type ZygoteKind = "preload" | "bare";

/** To fork and to reap take milliseconds. One that is stopped (SIGSTOP) would keep the end of its children from us. */
const ANSWER_MS = 10_000;

interface Child {
  readonly key: number;
  readonly spec: SpawnSpec;
  readonly number: number;
  readonly newborn: Newborn;
  theirs: ChildDescriptors | undefined;
  pid: number;
  /** It was heard no more, maybe before the zygote had said that it was forked: two sockets, no order between them. */
  isSilent: boolean;
  /** The zygote owes an answer. */
  timer: Timer | undefined;
}

export interface ZygoteOwner {
  ready(zygote: Zygote): void;
  childless(zygote: Zygote): void;
  /** Nothing can be forked from it: it ends. */
  unfit(zygote: Zygote, why: string): void;
  gone(zygote: Zygote, wasReady: boolean, cause: string): void;
}

export class Zygote implements WorkerOwner {
  readonly process: WorkerProcess;
  private readonly kind: ZygoteKind;
  private readonly children = new Map<number, Child>();
  private readonly told: ZygoteOwner;
  private readonly log: Log;
  private state: "importing" | "ready" | "gone" = "importing";
  private traceback = "";
  private unfitWhy: string | undefined;
  /** What the start of an interpreter goes by, and how it was then. */
  private reads: readonly string[] = [];
  private readState = "";
  private lastKey = 0;

  constructor(kind: ZygoteKind, number: number, spec: SpawnSpec, told: ZygoteOwner, log: Log) {
    this.kind = kind;
    this.told = told;
    this.log = log;
    this.process = new WorkerProcess(number, number, spec, this);
  }

  get isReady(): boolean {
    return this.state === "ready";
  }

  get isChildless(): boolean {
    return this.children.size === 0;
  }

  /** An interpreter that starts now might find other packages, or be another. */
  isOutdated(): boolean {
    return this.state === "ready" && stateOf(this.reads) !== this.readState;
  }

  fork(spec: SpawnSpec, number: number, theirs: ChildDescriptors, newborn: Newborn): Birth {
    const key = ++this.lastKey;
    const child: Child = { key, spec, number, newborn, theirs, pid: 0, isSilent: false, timer: undefined };
    this.children.set(child.key, child);
    if (this.state === "ready") this.order(child);
    return { cancel: () => this.cancel(child), silent: () => this.silent(child) };
  }

  private order(child: Child): void {
    const { theirs } = child;
    if (theirs === undefined) return;
    child.theirs = undefined;
    const { out, err, control, leash } = theirs;
    this.ask(child, { fork: child.key }, [out, err, control, leash]);
    closeAll(theirs);
  }

  private ask(child: Child, message: object, descriptors: readonly number[] = []): void {
    clearTimeout(child.timer);
    child.timer = setTimeout(() => this.process.kill("SIGKILL"), ANSWER_MS);
    if (!this.process.say(message, descriptors)) this.process.kill("SIGKILL");
  }

  /** One that was ordered is killed when it has a number. An import that nobody waits for any more is given up. */
  private cancel(child: Child): void {
    if (child.theirs === undefined) {
      child.pid = -1;
      return;
    }
    closeAll(child.theirs);
    this.forget(child);
    child.newborn.exited("was given up before it was forked");
    if (this.state === "importing" && this.isChildless) this.process.kill("SIGKILL");
  }

  private forget(child: Child): void {
    clearTimeout(child.timer);
    this.children.delete(child.key);
  }

  private silent(child: Child): void {
    if (!this.children.has(child.key)) return;
    child.isSilent = true;
    if (this.state === "gone") return this.lose(child);
    if (child.pid <= 0) return;
    killGroup(child.pid);
    this.ask(child, { reap: child.pid });
  }

  /** Init reaps it. */
  private lose(child: Child): void {
    if (child.pid > 0) killGroup(child.pid);
    this.forget(child);
    child.newborn.exited("ended (how is not known: the process that it was forked from had died)");
  }

  zygoteSaid(message: ZygoteMessage): void {
    const { forked, unborn, reaped, reads, unfit } = message;
    if (forked !== undefined) this.forked(forked, message.pid ?? 0);
    else if (unborn !== undefined) this.unborn(unborn, message.why ?? "");
    else if (reaped !== undefined) this.reaped(reaped, message.status ?? null);
    else if (unfit !== undefined) this.unfitWhy = unfit;
    else if (reads !== undefined) [this.reads, this.readState] = [reads, stateOf(reads)];
  }

  private forked(key: number, pid: number): void {
    const child = this.children.get(key);
    if (child === undefined) return;
    clearTimeout(child.timer);
    const isUnwanted = child.pid === -1;
    child.pid = pid;
    child.newborn.born(pid);
    if (isUnwanted) killGroup(pid);
    if (child.isSilent) this.silent(child);
  }

  private unborn(key: number, why: string): void {
    const child = this.children.get(key);
    if (child === undefined) return;
    this.forget(child);
    child.newborn.stillborn(why);
    this.told.childless(this);
  }

  private reaped(pid: number, status: number | null): void {
    const child = [...this.children.values()].find((each) => each.pid === pid);
    if (child === undefined) return;
    this.forget(child);
    child.newborn.exited(describeStatus(status));
    this.told.childless(this);
  }

  workerReady(process: WorkerProcess, version: string): void {
    this.state = "ready";
    const what = this.kind === "preload" ? "preload: the project is imported" : "workers are forked from";
    this.log.info(`${what}: pid ${process.pid}, Python ${version}`);
    for (const child of this.children.values()) this.order(child);
    this.told.ready(this);
  }

  workerFinishes(): void {}

  workerFailed(_process: WorkerProcess, traceback: string): void {
    this.traceback = traceback;
  }

  workerPrinted(_process: WorkerProcess, stream: "stdout" | "stderr", line: string): void {
    const text = `${this.kind === "preload" ? "preload" : "before workers"}: ${line}`;
    if (stream === "stderr") this.log.error(text);
    else this.log.notice(text);
  }

  workerExited(process: WorkerProcess, cause: string): void {
    const wasReady = this.state === "ready";
    this.state = "gone";
    const what = this.kind === "preload" ? "that imports the project" : "to fork workers from";
    const why = this.traceback === "" ? `the process ${what} (pid ${process.pid}) ${cause}` : this.traceback;
    const isUnfit = this.kind === "bare" && !wasReady && (this.unfitWhy !== undefined || !this.isChildless);
    if (isUnfit) this.told.unfit(this, this.unfitWhy ?? why);
    for (const child of this.children.values()) {
      if (child.theirs === undefined && child.pid > 0) {
        // Nobody answers any more who was asked how it ended.
        if (child.isSilent) this.lose(child);
        continue;
      }
      this.forget(child);
      if (isUnfit) spawnInstead(child);
      else {
        if (child.theirs !== undefined) closeAll(child.theirs);
        child.newborn.stillborn(why);
      }
    }
    this.told.gone(this, wasReady, cause);
  }
}

/** As if it had never been meant to be forked. */
function spawnInstead({ spec, number, theirs, newborn }: Child): void {
  if (theirs === undefined) return newborn.stillborn("");
  try {
    spawnPython(spec, number, theirs, newborn);
  } catch (error) {
    closeAll(theirs);
    newborn.stillborn((error as Error).message);
  }
}

/** Of files and folders. What cannot be looked at is the same every time. */
function stateOf(paths: readonly string[]): string {
  return paths
    .map((path) => {
      try {
        const { dev, ino, mtimeMs } = statSync(path);
        return `${dev}:${ino}:${mtimeMs}`;
      } catch {
        return "";
      }
    })
    .join(" ");
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
