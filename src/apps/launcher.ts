/** Starts worker processes: everything that is the same for each of them. When one is started is the supervisor's business. */
import { closeSync } from "node:fs";
import type { Log } from "../base/log.ts";
import type { LaunchUser } from "../os/launch.ts";
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
    const user = otherUser(options.process);
    return {
      python: options.python,
      environment: { ...process.env, ...homeOf(user, options.process), ...options.env },
      user,
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
      umask: options.process?.umask ?? null,
      pythonPath: options.process?.pythonPath ?? [],
      limits: options.process?.limits ?? [],
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

/** Undefined where Python runs as the server does. A number that the machine has no entry for has no further groups, and
 *  neither has who changes only its group. */
function otherUser({ user, group }: ProcessOptions = {}): LaunchUser | undefined {
  const [uid, gid] = [process.geteuid?.() ?? 0, process.getegid?.() ?? 0];
  const isOwn = (user === undefined || (user.id === uid && uid !== 0)) && (group ?? gid) === gid;
  if (isOwn) return undefined;
  return { uid: user?.id ?? uid, gid: group ?? gid, groups: user?.name ?? [] };
}

/** HOME is where the user's is, unless the configuration says another. */
function homeOf(as: LaunchUser | undefined, { user }: ProcessOptions = {}): Record<string, string> {
  if (as === undefined || user === undefined) return {};
  const known = Object.entries({ HOME: user.home, USER: user.name, LOGNAME: user.name });
  return Object.fromEntries(known.filter((entry): entry is [string, string] => entry[1] !== undefined));
}
