/** Starts worker processes: everything that is the same for each of them. When one is started is the supervisor's business. */
import { closeSync } from "node:fs";
import type { Log } from "../base/log.ts";
import { openTemporary } from "../os/temporary.ts";
import type { AppOptions, ProcessOptions } from "./options.ts";
import type { RequestQueue } from "./queue.ts";
import { ABANDONED_OFFSET, FRAME_OFFSET, MEMORY_DIRECTORY, type Scoreboard, SLOT_BYTES } from "./scoreboard.ts";
import { openSource } from "./source.ts";
import { type StackFile, STACKS_SIGNAL } from "./stacks.ts";
import { type SpawnSpec, type WorkerOwner, WorkerProcess, type WorkerSettings } from "./worker-process.ts";
import { Zygotes } from "./zygotes.ts";

/** From so many workers on that there always are, they are forked without `preload`, too, to share the interpreter and what
 *  all import of Python's library. That is a process more: of two with Django nothing would be won (proportional memory of
 *  all with it / without it, Python 3.11: 1.00 for two, 0.96 for three, 0.95 for four, 0.87 for eight). */
const FORKED_MIN = 3;

export interface LaunchedApp {
  readonly options: AppOptions;
  readonly fronts: number;
  readonly queue: RequestQueue;
  readonly scoreboard: Scoreboard;
  readonly stacks: StackFile;
  readonly owner: WorkerOwner;
  readonly log: Log;
}

export class Launcher {
  private readonly app: LaunchedApp;
  private readonly sourceFd: number;
  private readonly sharedFd: number;
  /** Where workers are forked from; undefined: each is started by itself. */
  private readonly zygotes: Zygotes | undefined;
  /** Of processes that were ever started. */
  private count = 0;

  constructor(app: LaunchedApp) {
    this.app = app;
    this.sourceFd = openSource(app.options.temporaryDirectory);
    this.sharedFd = openShared(app.options.temporaryDirectory);
    if (process.geteuid?.() === 0 && app.options.process?.user === undefined) {
      app.log.warn("its Python processes run as root: `user` in its table names somebody with fewer rights");
    }
    const { preload, processes, processesMin = processes } = app.options;
    const kind = preload === true ? "preload" : "bare";
    if (preload === true || Math.min(processes, processesMin) >= FORKED_MIN) {
      this.zygotes = new Zygotes(kind, this.spec(this.settings(0, [], true)), app.log);
    }
  }

  /** The workers that are launched from now on run the code as it is now. */
  renew(): void {
    this.zygotes?.renew();
  }

  /** `number`: from 0. Throws when the interpreter cannot be executed or descriptors are short. */
  launch(number: number, slots: readonly number[]): WorkerProcess {
    const spec = this.spec(this.settings(number, slots, false));
    const midwife = this.zygotes?.midwife;
    return new WorkerProcess(number, ++this.count, midwife === undefined ? spec : { ...spec, midwife }, this.app.owner);
  }

  private spec(settings: WorkerSettings): SpawnSpec {
    const { options, queue, scoreboard, stacks } = this.app;
    return {
      python: options.python,
      environment: { ...process.env, ...options.env },
      queueFd: queue.readFd,
      scoreboardFd: scoreboard.fd,
      sourceFd: this.sourceFd,
      stacksFd: stacks.fd,
      sharedFd: this.sharedFd,
      settings,
    };
  }

  private settings(number: number, slots: readonly number[], isZygote: boolean): WorkerSettings {
    const { options, fronts } = this.app;
    return {
      app: options.name,
      root: options.root,
      wsgi: options.wsgi,
      processes: options.processes,
      threads: options.threads,
      fronts,
      slots,
      slotBytes: SLOT_BYTES,
      frameOffset: FRAME_OFFSET,
      abandonedOffset: ABANDONED_OFFSET,
      software: "server",
      stacksSignal: STACKS_SIGNAL,
      master: process.pid,
      worker: number + 1,
      isZygote,
      preload: options.preload === true,
      staticFinders: options.staticFinders === true,
      environ: Object.keys(options.env),
      ...confinement(options.process),
    };
  }

  close(): void {
    this.zygotes?.close();
    closeSync(this.sourceFd);
    closeSync(this.sharedFd);
  }
}

function openShared(temporaryDirectory: string): number {
  try {
    return openTemporary(MEMORY_DIRECTORY);
  } catch {
    return openTemporary(temporaryDirectory);
  }
}

/** As JSON has it. */
function confinement({ user: wanted, group, umask, pythonPath = [], limits = [] }: ProcessOptions = {}) {
  // Who changes only its group has to be lent rights, too, and says whom it is to become without them.
  const needsOwn = wanted === undefined && group !== undefined && group !== process.getegid?.();
  const own = process.geteuid?.() ?? 0;
  const user = needsOwn && own !== 0 ? { id: own, name: undefined, home: undefined } : wanted;
  const isOther =
    user !== undefined &&
    (own === 0 || user.id !== own || needsOwn || (group ?? process.getegid?.()) !== process.getegid?.());
  return {
    user: !isOther ? null : { name: user.name ?? null, id: user.id, home: user.home ?? null },
    group: group ?? null,
    umask: umask ?? null,
    pythonPath,
    limits,
  };
}
