/**
 * One process that starts another and waits until it serves: `server start` (the command waits), and an upgrade of the
 * binary (the old server waits, and has its listening sockets and locks passed on). The environment says what comes along,
 * and a socket pair carries these words:
 *
 *     new  {"ready":4711,"serving":["http://…"]}   or {"failed":"why"}, or its end
 *     old  {"go":true}                             the control socket and the pid file are free
 *     new  {"taken":true}                          they are its own
 */
import { COLLECTS_ALONE } from "../os/collector.ts";
import { ARGV0, EXECUTABLE } from "../os/executable.ts";
import { LineSplitter } from "../os/output.ts";
import { connect } from "../net/connect.ts";
import type { ConnectOwner } from "../net/connect-address.ts";
import type { Wire } from "../net/wire.ts";
import { CAPABILITIES, type Capability, lending } from "../os/capabilities.ts";
import { closeDescriptor, closeOnExec, duplicate, sendDescriptors, socketPair } from "../os/sockets.ts";
import type { HeldLocks } from "./control-hold.ts";

const VARIABLE = "SERVER_HANDOVER";
const LINE_BYTES_MAX = 1024 * 1024;
/** Standard streams are 0 to 2. */
const CHANNEL = 3;

/** Listening sockets by the keys of their addresses. */
export type PassedListeners = Readonly<Record<string, readonly number[]>>;

interface Passed {
  readonly upgrade: boolean;
  readonly output?: string | undefined;
  readonly listeners: PassedListeners;
  readonly locks: HeldLocks;
}

interface Message {
  readonly ready?: number;
  readonly serving?: readonly string[];
  readonly failed?: string;
  readonly go?: boolean;
  readonly taken?: boolean;
}

// ── the one that starts ─────────────────────────────────────────────────────────────────────────────────────────────

export interface SuccessorOptions {
  readonly words: readonly string[];
  readonly stdio: readonly ["ignore" | number, number, number];
  /** The file that its output is: it looks after that as after its logs. */
  readonly output?: string | undefined;
  /** What it inherits; undefined for a server that begins anew. */
  readonly upgrade?: { readonly listeners: PassedListeners; readonly locks: HeldLocks };
  /** Beside our own environment. */
  readonly environment?: Readonly<Record<string, string>>;
  /** In a session of its own. */
  readonly detached: boolean;
}

export type Start =
  | { readonly ok: true; readonly pid: number; readonly serving: readonly string[] }
  /** `said`: by itself. */
  | { readonly ok: false; readonly why: string; readonly said: boolean };

export class Successor implements ConnectOwner {
  /** Never rejects. */
  readonly start: Promise<Start>;
  private readonly took = Promise.withResolvers<void>();
  private readonly settle: (start: Start) => void;
  private readonly channel: number;
  private readonly child: Bun.Subprocess;
  private readonly lines = new LineSplitter(LINE_BYTES_MAX);
  private wire: Wire | undefined;

  /** Throws when a process cannot be made. */
  constructor({ words, stdio, output, upgrade, environment, detached }: SuccessorOptions) {
    const { promise, resolve } = Promise.withResolvers<Start>();
    this.start = promise;
    this.settle = resolve;
    const [ours, theirs] = socketPair("stream");
    const passing = new Passing(theirs);
    const listeners = Object.entries(upgrade?.listeners ?? {}).map(([key, fds]) => [
      key,
      fds.map((fd) => passing.add(fd)),
    ]);
    const locks = Object.entries(upgrade?.locks ?? {}).flatMap(([name, fd]) =>
      fd === undefined ? [] : [[name, passing.add(fd)]],
    );
    const passed = {
      upgrade: upgrade !== undefined,
      output,
      listeners: Object.fromEntries(listeners) as PassedListeners,
      locks: Object.fromEntries(locks) as HeldLocks,
    } satisfies Passed;
    this.channel = ours;
    try {
      const spawn = () =>
        Bun.spawn({
          cmd: [EXECUTABLE, ...words],
          argv0: ARGV0,
          env: { ...process.env, ...COLLECTS_ALONE, ...environment, [VARIABLE]: JSON.stringify(passed) },
          stdio: [...stdio, ...passing.fds],
          detached,
        });
      // What we may do, it is to do in our place.
      this.child = lending(Object.keys(CAPABILITIES) as Capability[], spawn);
    } catch (error) {
      closeDescriptor(ours);
      throw error;
    } finally {
      closeDescriptor(theirs);
    }
    connect({ kind: "fd", fd: duplicate(ours) }, this);
    void this.child.exited.then(() =>
      this.settle({ ok: false, why: `it ${endOf(this.child)} before it served`, said: false }),
    );
  }

  get pid(): number {
    return this.child.pid;
  }

  connected(wire: Wire): void {
    this.wire = wire;
  }

  failed(why: string): void {
    this.settle({ ok: false, why, said: false });
  }

  received(bytes: Uint8Array): void {
    for (const line of this.lines.push(bytes)) {
      const { ready, serving = [], failed, taken } = JSON.parse(line) as Message;
      if (taken === true) this.took.resolve();
      if (ready !== undefined) this.settle({ ok: true, pid: ready, serving });
      if (failed !== undefined) this.settle({ ok: false, why: failed, said: true });
    }
  }

  drained(): void {}
  ended(): void {}

  closed(): void {
    this.took.resolve();
  }

  /** Resolves when it has taken over, or is gone. */
  go(): Promise<void> {
    sendDescriptors(this.channel, Buffer.from(`${JSON.stringify({ go: true } satisfies Message)}\n`), []);
    return this.took.promise;
  }

  /** Its children go along: it holds their leashes. */
  kill(): void {
    this.child.kill("SIGKILL");
  }

  close(): void {
    this.wire?.close();
    closeDescriptor(this.channel);
    this.child.unref();
  }
}

/** Descriptors by the numbers that they have in the other process. */
class Passing {
  readonly fds: number[];

  constructor(channel: number) {
    this.fds = [channel];
  }

  add(fd: number): number {
    return CHANNEL - 1 + this.fds.push(fd);
  }
}

function endOf({ exitCode, signalCode }: Bun.Subprocess): string {
  return signalCode === null ? `ended with exit code ${exitCode}` : `was killed by ${signalCode}`;
}

// ── the one that is started ─────────────────────────────────────────────────────────────────────────────────────────

export class Inheritance implements ConnectOwner {
  readonly upgrade: boolean;
  readonly listeners: PassedListeners;
  readonly locks: HeldLocks;
  readonly output: string | undefined;
  private readonly gone = Promise.withResolvers<void>();

  private constructor({ upgrade, listeners, locks, output }: Passed) {
    this.upgrade = upgrade;
    this.output = output;
    this.listeners = listeners;
    this.locks = locks;
  }

  /** What the process that started this one passes on; undefined when nobody waits. To be called once: what is started from
   *  here is no business of that process. */
  static take(): Inheritance | undefined {
    const written = process.env[VARIABLE];
    delete process.env[VARIABLE];
    if (written === undefined) return undefined;
    const inheritance = new Inheritance(JSON.parse(written) as Passed);
    const { listeners, locks } = inheritance;
    for (const fd of [CHANNEL, ...Object.values(listeners).flat(), ...Object.values(locks)])
      if (typeof fd === "number") closeOnExec(fd);
    return inheritance;
  }

  private say(message: Message): void {
    sendDescriptors(CHANNEL, Buffer.from(`${JSON.stringify(message)}\n`), []);
  }

  failedToStart(why: string): void {
    this.say({ failed: why });
  }

  /** Resolves when everything that was the predecessor's is free; at once when that is gone. */
  takeOver(serving: readonly string[]): Promise<void> {
    connect({ kind: "fd", fd: duplicate(CHANNEL) }, this);
    this.say({ ready: process.pid, serving });
    return this.gone.promise;
  }

  /** What was the predecessor's is ours. */
  taken(): void {
    this.say({ taken: true });
  }

  connected(): void {}

  failed(): void {
    this.gone.resolve();
  }

  /** It says one thing only. */
  received(): void {
    this.gone.resolve();
  }

  drained(): void {}

  ended(): void {
    this.gone.resolve();
  }

  closed(): void {
    this.gone.resolve();
  }
}
