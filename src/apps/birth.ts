/** How a Python process comes to be: spawned here, or forked from one that has imported the project (zygotes.ts). */
import { closeDescriptor } from "../os/sockets.ts";
import { BOOTSTRAP } from "./source.ts";
import { lending } from "../os/capabilities.ts";
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

/** Bun knows the end of its own children. */
const OWN_CHILD: Birth = { cancel: () => {}, silent: () => {} };

export const spawnPython: Midwife = (spec, number, theirs, newborn) => {
  const { out, err, control, leash } = theirs;
  const { queueFd, scoreboardFd, sourceFd, stacksFd, sharedFd } = spec;
  // The words behind the program are for people who look at `ps` before the worker has named itself.
  const spawn = () =>
    Bun.spawn({
      cmd: [spec.python, "-c", BOOTSTRAP, "server", spec.settings.app, `worker-${number + 1}`],
      env: { ...spec.environment },
      stdio: ["ignore", out, err, control, queueFd, leash, scoreboardFd, sourceFd, stacksFd, sharedFd],
    });
  // Only for who is to become somebody else.
  const child = spec.settings.user === null ? spawn() : lending(["CAP_SETUID", "CAP_SETGID"], spawn);
  closeAll(theirs);
  newborn.born(child.pid);
  void child.exited.then(() => newborn.exited(describeEnd(child.exitCode, child.signalCode)));
  return OWN_CHILD;
};

export function closeAll(theirs: ChildDescriptors): void {
  for (const fd of Object.values(theirs) as number[]) closeDescriptor(fd);
}

export function describeEnd(code: number | null, signal: string | number | null): string {
  return signal === null ? `exited with code ${code}` : `was killed by ${signal}`;
}
