/** How a Python process comes to be: spawned here, or forked from one that has imported the project (zygotes.ts). One of
 *  another user is that user before there is an interpreter in it (python-launch.ts). */
import { assert } from "../base/assert.ts";
import { lending } from "../os/capabilities.ts";
import type { LaunchUser } from "../os/launch.ts";
import { launcherWords, sendSpec } from "../os/launcher.ts";
import { closeDescriptor, socketPair } from "../os/sockets.ts";
import { PYTHON_WORD, SPEC_FD } from "./python-launch.ts";
import { BOOTSTRAP } from "./source.ts";
import type { SpawnSpec } from "./worker-process.ts";

/** The child's ends, which whoever makes the child closes when it has them. */
export interface ChildDescriptors {
  readonly out: number;
  readonly err: number;
  readonly control: number;
  readonly leash: number;
}

/** What the process is told by whoever makes it. */
export interface Newborn {
  born(pid: number): void;
  stillborn(why: string): void;
  /** It is reaped. `cause`: `exited with code 1`, `was killed by SIGKILL`. */
  exited(cause: string): void;
}

export interface Birth {
  /** It is not wanted any more, and has no pid yet. */
  cancel(): void;
  /** Its control socket has ended: it is dead, or as good as. */
  silent(): void;
}

/** Throws when it cannot be made; then the descriptors stay the caller's. `number`: of the worker, from 0. */
export type Midwife = (spec: SpawnSpec, number: number, theirs: ChildDescriptors, child: Newborn) => Birth;

const LEASH_FD = 5;

type Stdio = ["ignore", number, number, ...number[]];

/** Bun knows the end of its own children. */
const OWN_CHILD: Birth = { cancel: () => {}, silent: () => {} };

export const spawnPython: Midwife = (spec, number, theirs, newborn) => {
  const { out, err, control, leash } = theirs;
  const { queueFd, scoreboardFd, sourceFd, stacksFd, sharedFd } = spec;
  // The words behind the program are for people who look at `ps` before the worker has named itself.
  const words = [spec.python, "-c", BOOTSTRAP, "server", spec.settings.app, `worker-${number + 1}`];
  const stdio: Stdio = ["ignore", out, err, control, queueFd, leash, scoreboardFd, sourceFd, stacksFd, sharedFd];
  const { user } = spec;
  const child =
    user === undefined
      ? Bun.spawn({ cmd: words, env: { ...spec.environment }, stdio })
      : spawnAs(user, spec, words, stdio);
  closeAll(theirs);
  newborn.born(child.pid);
  void child.exited.then(() => newborn.exited(describeEnd(child.exitCode, child.signalCode)));
  return OWN_CHILD;
};

/** Its number stays when it becomes the interpreter. */
function spawnAs(user: LaunchUser, spec: SpawnSpec, words: readonly string[], stdio: Stdio) {
  const set = Object.entries(spec.environment).filter((entry): entry is [string, string] => entry[1] !== undefined);
  const [ours, launchers] = socketPair("stream");
  try {
    sendSpec(ours, {
      program: spec.python,
      words,
      env: Object.fromEntries(set),
      cwd: undefined,
      alone: "group",
      parent: process.pid,
      leashFd: LEASH_FD,
      kept: stdio.map((_, fd) => fd).slice(3),
      user,
      limits: spec.settings.limits,
      umask: undefined,
    });
    assert(stdio.length === SPEC_FD, "the launcher reads it from there");
    const cmd = [...launcherWords(PYTHON_WORD)];
    return lending(["CAP_SETUID", "CAP_SETGID"], () => Bun.spawn({ cmd, env: {}, stdio: [...stdio, launchers] }));
  } finally {
    closeDescriptor(ours);
    closeDescriptor(launchers);
  }
}

export function closeAll(theirs: ChildDescriptors): void {
  for (const fd of Object.values(theirs) as number[]) closeDescriptor(fd);
}

export function describeEnd(code: number | null, signal: string | number | null): string {
  return signal === null ? `exited with code ${code}` : `was killed by ${signal}`;
}
