/**
 * The processes from which an app's workers are forked. With `preload` the current one has imported the code that new
 * workers run; without ("bare") it has imported what every worker needs before that, and where it finds that nothing can
 * be forked from it, workers are spawned. A reload begins another, and the one before goes when its last worker has
 * gone, for it alone learns how its children end. When a zygote dies its workers go on serving, and there is another, of
 * `preload` at once, else when a worker is to be started. python/zygote.py is the other side.
 */
import type { Log } from "../base/log.ts";
import { type Midwife, spawnPython } from "./birth.ts";
import type { SpawnSpec } from "./worker-process.ts";
import { Zygote, type ZygoteOwner, type ZygoteKind } from "./zygote.ts";

/** Between the death of a zygote and the next. */
const RESTART_MS = 1_000;

export class Zygotes implements ZygoteOwner {
  private readonly kind: ZygoteKind;
  private readonly spec: SpawnSpec;
  private readonly log: Log;
  /** The one that new workers are forked from. */
  private current: Zygote | undefined;
  /** Others that live: of older code, or the one that a reload came before. */
  private readonly others = new Set<Zygote>();
  /** Workers are spawned until somebody asks for newer code. */
  private isUnfit = false;
  private count = 0;
  private timer: Timer | undefined;
  private closed = false;

  /** `spec`: of a zygote. */
  constructor(kind: ZygoteKind, spec: SpawnSpec, log: Log) {
    this.kind = kind;
    this.spec = spec;
    this.log = log;
  }

  readonly midwife: Midwife = (spec, number, theirs, newborn) => {
    if (this.current?.isOutdated() === true) this.renew();
    if (this.isUnfit) return spawnPython(spec, number, theirs, newborn);
    return this.zygote().fork(spec, number, theirs, newborn);
  };

  /** Throws when it cannot be started. */
  private zygote(): Zygote {
    clearTimeout(this.timer);
    return (this.current ??= new Zygote(this.kind, this.count++, this.spec, this, this.log));
  }

  /** The next workers run the code as it is then. */
  renew(): void {
    const { current } = this;
    this.current = undefined;
    this.isUnfit = false;
    if (current === undefined) return;
    this.others.add(current);
    this.childless(current);
  }

  ready(zygote: Zygote): void {
    if (zygote !== this.current) return;
    for (const other of this.others) this.childless(other);
  }

  /** One of older code has nothing left to do once there is newer; one without code at once. */
  childless(zygote: Zygote): void {
    if (!zygote.isChildless || !this.others.has(zygote)) return;
    if (this.kind === "bare" || this.current?.isReady === true) zygote.process.kill("SIGKILL");
  }

  unfit(zygote: Zygote, why: string): void {
    if (zygote !== this.current) return;
    this.isUnfit = true;
    this.log.notice(`workers are started one by one instead of forked: ${why}`);
  }

  /** After an import that failed, the code before goes on being the one that is forked. */
  gone(zygote: Zygote, wasReady: boolean, cause: string): void {
    this.others.delete(zygote);
    if (zygote !== this.current || this.closed) return;
    this.current = this.kind === "bare" ? undefined : [...this.others].findLast((other) => other.isReady);
    if (this.current !== undefined) this.others.delete(this.current);
    if (!wasReady) return;
    this.log.error(
      `${this.kind === "bare" ? "" : "preload: "}the process that workers are forked from ` +
        `(pid ${zygote.process.pid}) ${cause}; they go on`,
    );
    if (this.kind === "preload" && this.current === undefined) {
      this.timer = setTimeout(() => this.restart(), RESTART_MS);
    }
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
