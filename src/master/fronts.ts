/**
 * The front threads as the master sees them: started, told, replaced when one dies, drained. The listening sockets are
 * the master's, so connections that arrive while a front is replaced wait in the kernel for its successor.
 */
import { pathToFileURL } from "node:url";
import type { Log, LogLevel } from "../base/log.ts";
import { LOOK_MS, makePulseMemory, Pulse, STILL_LOOKS_MAX } from "../exchange/pulse.ts";
import { descriptorIn } from "../apps/messages.ts";
import { closeSockets } from "../os/epoll.ts";
import { closeHeldIn, makeHeldMemory } from "../os/held.ts";
import { closeDescriptor } from "../os/sockets.ts";
import { type FromFront, handedOver, type Setup, type ToFront } from "../front/messages.ts";
import type { FrontTraffic } from "../front/traffic.ts";
import { Questions } from "./questions.ts";
import { Round } from "./round.ts";

/** A front that dies at once, again and again, must not be restarted in a hot loop. */
const RESTART_DELAY_MS = 250;

/** For a front to make ready what a large configuration needs, or to be replaced, on a busy machine. */
const ROUND_MS = 15_000;

/** From the entry file and not from this one: in the executable everything is bundled into the entry. */
const THREAD_ENTRY = new URL("./front/thread.ts", pathToFileURL(Bun.main)).href;

/** Memory of a front that the master looks into: that it lives (exchange/pulse.ts), what it has open (os/held.ts). */
type Watched = Pick<Extract<ToFront, { kind: "start" }>, "pulses" | "held">;

export interface FrontsOptions {
  readonly count: number;
  /** The first message for front number `front`; called anew for each replacement (descriptors are duplicated). */
  readonly startMessage: (front: number, replaced: boolean, watched: Watched) => ToFront;
  /** A replacement has been started: give it what the first one was given after `start`. */
  readonly replaced: (front: number) => void;
  /** This front listens no more, and none will in its place. */
  readonly deaf: (front: number) => void;
  /** It has left listeners that the configuration in force does not have; or it is another thread, that never had them. */
  readonly left: (front: number) => void;
  /** It has no request for that pool of an app any more. */
  readonly retired: (front: number, pool: number) => void;
  /** A front has written this to the error log. */
  readonly logged: (line: string, level: LogLevel) => void;
  readonly log: Log;
}

export interface FrontStatus {
  readonly number: number;
  readonly state: "starting" | "accepting" | "replacing" | "drained";
  /** How often its thread died and was replaced. */
  readonly replaced: number;
}

type Phase = "running" | "draining" | "stopped";

export class Fronts {
  private readonly options: FrontsOptions;
  private readonly workers: Worker[] = [];
  private readonly questions = new Questions();
  private readonly ready = new Set<number>();
  private readonly deaf = new Set<number>();
  private readonly drained = new Set<number>();
  private readonly deaths: number[];
  /** What each holds, to be closed for those that end before they do it themselves. */
  private readonly held: readonly SharedArrayBuffer[];
  /** By force: they had no time to close anything. */
  private readonly ended = new Set<number>();
  /** Dead, and not replaced yet. */
  private readonly gone = new Set<number>();
  private phase: Phase = "running";
  private round: Round | undefined = undefined;
  private accepting = false;
  /** Why a front could not start at all; later deaths are restarts. */
  private failure: Error | undefined = undefined;
  private wake: () => void = () => {};
  private readonly pulses: SharedArrayBuffer;
  private readonly pulse: Pulse;
  private readonly timer: Timer;

  constructor(options: FrontsOptions) {
    this.options = options;
    this.pulses = makePulseMemory(options.count);
    this.pulse = new Pulse(this.pulses);
    this.timer = setInterval(() => this.endHanging(), LOOK_MS);
    this.deaths = Array.from({ length: options.count }, () => 0);
    this.held = Array.from({ length: options.count }, makeHeldMemory);
    this.held.forEach((_, front) => this.start(front));
  }

  private start(front: number): void {
    const worker = new Worker(THREAD_ENTRY);
    this.workers[front] = worker;
    worker.onmessage = (event: MessageEvent<FromFront>) => this.told(event.data);
    worker.onerror = (event) => this.failed(front, event.message);
    worker.addEventListener("close", () => this.died(front, worker));
    const { pulses } = this;
    const held = this.held[front] as SharedArrayBuffer; // there is one for each front
    this.post(front, this.options.startMessage(front, (this.deaths[front] ?? 0) > 0, { pulses, held }));
  }

  /** Its end is heard of, and it is replaced. */
  private endHanging(): void {
    for (const front of this.pulse.look((each) => this.ready.has(each) && this.phase === "running")) {
      this.options.log.crit(`front-${front} has not moved for ${(STILL_LOOKS_MAX * LOOK_MS) / 1000} s: it is ended`);
      this.ended.add(front);
      this.workers[front]?.terminate();
    }
  }

  post(front: number, message: ToFront): void {
    const body = message.kind === "sibling" ? message.body : undefined;
    if (!this.gone.has(front)) return this.workers[front]?.postMessage(message, handedOver(body));
    // Its successor is told of everything anew.
    const fd = message.kind === "app" ? descriptorIn(message.message) : undefined;
    if (fd !== undefined) closeDescriptor(fd);
  }

  postAll(message: ToFront): void {
    for (let front = 0; front < this.options.count; front++) this.post(front, message);
  }

  /** Begins to accept connections; resolves when every front does. Throws when one cannot start. */
  async accept(): Promise<void> {
    for (let front = 0; front < this.options.count; front++) this.post(front, { kind: "accept" });
    await this.until(() => this.ready.size === this.options.count || this.failure !== undefined);
    if (this.failure !== undefined) throw this.failure;
    this.accepting = true;
  }

  // ── another configuration ─────────────────────────────────────────────────────────────────────────────────────

  /** Every front makes ready to serve it. Resolves with what is wrong; then it is to be discarded. */
  async prepare(setup: (front: number) => Setup): Promise<readonly string[]> {
    await Promise.race([this.until(() => this.ready.size === this.options.count), Bun.sleep(ROUND_MS)]);
    return this.ask((front) => ({ kind: "prepare", setup: setup(front) }));
  }

  discard(): void {
    for (let front = 0; front < this.options.count; front++) this.post(front, { kind: "discard" });
  }

  /** Every front serves what it has made ready. A front that dies of it is replaced by one that serves it. */
  change(): Promise<readonly string[]> {
    return this.ask(() => ({ kind: "change" }));
  }

  private async ask(message: (front: number) => ToFront): Promise<readonly string[]> {
    const { count } = this.options;
    const round = new Round(count, ROUND_MS);
    this.round = round;
    for (let front = 0; front < count; front++) {
      this.post(front, message(front));
      if (!this.ready.has(front)) round.heard(front, `front-${front} is not there`);
    }
    return round.over;
  }

  private failed(front: number, why: string): void {
    this.options.log.crit(`front-${front} failed: ${why}`);
    if (!this.accepting) this.failure = new Error(`front-${front} could not start: ${why}`);
    this.wake();
  }

  /** Stops accepting, for good; resolves when no front does any more. */
  deafen(): Promise<void> {
    if (this.phase === "running") {
      this.phase = "draining";
      for (const front of this.gone) this.isOver(front);
      this.postAll({ kind: "deafen" });
    }
    return this.until(() => this.deaf.size === this.options.count);
  }

  /** Nobody takes its place. */
  private isOver(front: number): void {
    this.deaf.add(front);
    this.drained.add(front);
  }

  /** Stops accepting; resolves when every front has finished what was in flight, or after `boundMs`.
   *  False: some were cut off. */
  async drain(boundMs: number): Promise<boolean> {
    void this.deafen();
    this.postAll({ kind: "drain" });
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<boolean>((resolve) => (timer = setTimeout(() => resolve(false), boundMs)));
    const done = this.until(() => this.drained.size === this.options.count).then(() => true);
    const inTime = await Promise.race([done, late]);
    clearTimeout(timer);
    return inTime;
  }

  stop(): void {
    this.phase = "stopped";
    clearInterval(this.timer);
    for (const worker of this.workers) worker.terminate();
  }

  private told(message: FromFront): void {
    switch (message.kind) {
      case "ready":
        this.ready.add(message.front);
        break;
      case "prepared":
        return this.round?.heard(message.front, message.problem);
      case "changed":
        return this.round?.heard(message.front);
      case "left":
        return this.options.left(message.front);
      case "retired":
        return this.options.retired(message.front, message.pool);
      case "deaf":
        this.deaf.add(message.front);
        this.options.deaf(message.front);
        break;
      case "drained":
        this.drained.add(message.front);
        break;
      case "logged":
        return this.options.logged(message.line, message.level);
      case "answer":
        return this.questions.answered(message.front, message.question, message.answer);
      case "forget":
        return this.forget(message.places, message.front);
      case "sibling": {
        const { front: from, to, text, body } = message;
        return this.post(to, { kind: "sibling", from, text, body });
      }
    }
    this.wake();
  }

  /** Kept replies; `except` knows already. */
  private forget(places: readonly string[], except = -1): void {
    for (let front = 0; front < this.options.count; front++) {
      if (front !== except) this.post(front, { kind: "forget", places });
    }
  }

  /** What each front knows of its caches and upstreams, after it forgot what is kept of `forget` (see cache/purge.ts).
   *  Those that do not answer in time are missing. */
  traffic(forget?: string): Promise<FrontTraffic[]> {
    return this.questions.ask(this.options.count, (front, question) =>
      this.post(front, { kind: "question", question, forget }),
    );
  }

  private died(front: number, worker: Worker): void {
    if (this.workers[front] !== worker || this.phase === "stopped") return;
    if (this.phase === "draining") {
      this.isOver(front);
      return this.wake();
    }
    if (!this.accepting) return this.failed(front, "its thread ended");
    this.ready.delete(front);
    if (this.ended.delete(front)) this.closeFor(front);
    this.round?.heard(front, `front-${front} died`);
    this.deaths[front] = (this.deaths[front] ?? 0) + 1;
    this.options.log.crit(`front-${front} died; a new one takes over its sockets`);
    this.gone.add(front);
    this.postAll({ kind: "lost", front });
    setTimeout(() => this.replace(front), RESTART_DELAY_MS);
  }

  private closeFor(front: number): void {
    closeSockets(this.pulse.epollOf(front));
    closeHeldIn(this.held[front] as SharedArrayBuffer); // as in start
  }

  private replace(front: number): void {
    if (this.phase !== "running") return;
    this.gone.delete(front);
    this.start(front);
    this.options.replaced(front);
    this.options.left(front);
    if (this.accepting) this.post(front, { kind: "accept" });
  }

  status(): FrontStatus[] {
    return this.deaths.map((replaced, number) => ({ number, state: this.stateOf(number), replaced }));
  }

  private stateOf(front: number): FrontStatus["state"] {
    if (this.drained.has(front)) return "drained";
    if (this.ready.has(front)) return "accepting";
    return this.accepting ? "replacing" : "starting";
  }

  private until(condition: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const outer = this.wake;
      this.wake = () => {
        outer();
        if (condition()) resolve();
      };
      this.wake();
    });
  }
}
