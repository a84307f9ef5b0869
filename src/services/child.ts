/**
 * One process of a service or a timed command as the master sees it: started in a session of its own, its output read line
 * by line, asked to stop, killed with all that it has started, reaped. When to do which is decided in service.ts and
 * cron-job.ts.
 */
import { monotonicMs } from "../base/clock.ts";
import { lending } from "../os/capabilities.ts";
import { launcherWords, sendSpec } from "../os/launcher.ts";
import { readLines } from "../os/output.ts";
import { closeDescriptor, pipe, socketPair } from "../os/sockets.ts";
import { LAUNCH_WORD, LEASH_FD } from "./launcher.ts";

export interface CommandOptions {
  /** The executable, absolute. */
  readonly program: string;
  /** argv, its first word included. */
  readonly words: readonly string[];
  readonly cwd: string;
  /** The whole environment. */
  readonly env: Readonly<Record<string, string>>;
  /** Undefined: as the server. */
  readonly user: { readonly uid: number; readonly gid: number; readonly groups: readonly number[] } | undefined;
  readonly umask: number | undefined;
  readonly stopSignal: StopSignal;
  /** After it, how long until everything is killed. */
  readonly stopTimeoutMs: number;
}

export const STOP_SIGNALS = ["TERM", "INT", "QUIT", "HUP", "USR1", "USR2", "KILL"] as const;
export type StopSignal = (typeof STOP_SIGNALS)[number];

export interface Exit {
  /** Undefined: by a signal. */
  readonly code: number | undefined;
  /** `exited with code 1`, `was killed by SIGKILL`. */
  readonly cause: string;
}

export interface ChildOwner {
  childPrinted(child: Child, line: string): void;
  /** It is reaped, its group is gone and its output read. Exactly once. */
  childExited(child: Child, exit: Exit): void;
}

/** For the last lines, when a process that has left the session holds the pipes. */
const OUTPUT_WAIT_MS = 500;

export class Child {
  readonly pid: number;
  readonly startedMs = monotonicMs();
  private readonly owner: ChildOwner;
  private readonly options: CommandOptions;
  private readonly leash: number;
  private readonly outputs: readonly { readonly ended: Promise<void>; stop(): void }[];
  private timer: Timer | undefined;
  private over = false;

  /** Throws when a process cannot be made or descriptors are short. */
  constructor(options: CommandOptions, owner: ChildOwner) {
    this.options = options;
    this.owner = owner;
    const leash = socketPair("stream");
    const out = pipe();
    const err = pipe();
    try {
      this.pid = this.spawn([out[1], err[1], leash[1]], leash[0]);
    } catch (error) {
      for (const fd of [out[0], err[0], leash[0]]) closeDescriptor(fd);
      throw error;
    } finally {
      for (const fd of [out[1], err[1], leash[1]]) closeDescriptor(fd);
    }
    this.leash = leash[0];
    this.outputs = [
      readLines(out[0], (line) => owner.childPrinted(this, line)),
      readLines(err[0], (line) => owner.childPrinted(this, line)),
    ];
  }

  private spawn([out, err, leash]: readonly [number, number, number], ours: number): number {
    const { program, words, env, cwd, user, umask } = this.options;
    const alone = "session";
    sendSpec(ours, { program, words, env, cwd, alone, user, umask, parent: process.pid, leashFd: LEASH_FD });
    const spawn = () =>
      Bun.spawn({
        cmd: [...launcherWords(LAUNCH_WORD)],
        // The program's own comes over the leash: some names in it would mean something to the launcher.
        env: {},
        stdio: ["ignore", out, err, leash],
      });
    const child = user === undefined ? spawn() : lending(["CAP_SETUID", "CAP_SETGID"], spawn);
    void child.exited.then(() => this.exited(child.exitCode, child.signalCode));
    return child.pid;
  }

  /** The stop signal to the process itself, as it knows best how to end its children; then, after stop_timeout, SIGKILL to
   *  all of them. `graceMs` may be shorter than that. */
  stop(graceMs = this.options.stopTimeoutMs): void {
    if (this.over) return;
    clearTimeout(this.timer);
    if (graceMs === 0) return this.kill();
    sendSignal(this.pid, `SIG${this.options.stopSignal}`);
    this.timer = setTimeout(() => this.kill(), graceMs);
  }

  kill(): void {
    if (this.over) return;
    // A launcher so young that it leads no group yet is killed by itself.
    if (!sendSignal(-this.pid, "SIGKILL")) sendSignal(this.pid, "SIGKILL");
  }

  private exited(code: number | null, signal: string | number | null): void {
    this.over = true;
    clearTimeout(this.timer);
    // What it has left behind in its session is nobody's.
    sendSignal(-this.pid, "SIGKILL");
    closeDescriptor(this.leash);
    const isSignal = signal !== null;
    const cause = isSignal ? `was killed by ${signal}` : `exited with code ${code}`;
    void this.lastWords().then(() => this.owner.childExited(this, { code: isSignal ? undefined : (code ?? 0), cause }));
  }

  private async lastWords(): Promise<void> {
    const timer = setTimeout(() => this.outputs.forEach((output) => output.stop()), OUTPUT_WAIT_MS);
    await Promise.all(this.outputs.map((output) => output.ended));
    clearTimeout(timer);
  }
}

/** False when there is no such process or group. */
function sendSignal(target: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(target, signal);
  } catch {
    return false;
  }
}
