/**
 * The front's side of an app: the queue of requests and the streams that the replies come back on. One for each app
 * and front thread.
 *
 *     submit ─▶ own list (bounded, timed) ─▶ the app's packet socket (a few per Python thread) ─▶ a Python thread
 *
 * Only what is in the list can still be refused or dropped unseen, so the socket is kept short. A request that a thread
 * has begun is never sent again: if its worker dies it is answered 502. One that was only taken is, since nothing of the
 * application has seen it.
 */
import { monotonicMs } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import { answer } from "../exchange/canned.ts";
import type { FileSender } from "../exchange/open-file.ts";
import type { ReplySpoolOptions } from "../exchange/reply-spool.ts";
import { type SpoolBudget, unboundedBudget } from "../exchange/spool-budget.ts";
import { hold, release } from "../os/held.ts";
import { monotonicOffsetMs } from "../os/monotonic.ts";
import { duplicate, sendPacket } from "../os/sockets.ts";
import { oldest, passedOver, timeOut } from "./deadlines.ts";
import { FrontDemand } from "./demand.ts";
import { RequestEncoder } from "./environ.ts";
import { FileInboxes } from "./file-inbox.ts";
import { type LostWorker, LostWorkers } from "./lost-workers.ts";
import type { AppMessage } from "./messages.ts";
import type { AppRequest } from "./request.ts";
import { retract, RETRACTION_LOOK_MS } from "./retraction.ts";
import { type Running, ScoreboardView, type SeenRunning } from "./scoreboard.ts";
import { AppStream, type StreamOwner } from "./stream.ts";

export interface ChannelOptions {
  readonly app: string;
  /** Number of this front thread, from 0. */
  readonly front: number;
  /** The sending end of the app's packet socket. The master owns it; the channel works on a duplicate, so that the
   *  number cannot come to mean something else while a request is sent. */
  readonly queueFd: number;
  /** Default QUEUE_MAX. */
  readonly queueMax?: number;
  /** Default QUEUE_TIMEOUT_MS. */
  readonly queueTimeoutMs?: number;
  /** For bodies and replies that memory should not hold. */
  readonly temporaryDirectory: string;
  /** What the spools of all apps and upstreams hold together. */
  readonly budget?: SpoolBudget;
  /** Sends the files that applications give through wsgi.file_wrapper. */
  readonly sendFile: FileSender;
  /** Is the app another user's than the server? Then no client's connection is lent to it: it could keep it, and see what comes later. */
  readonly isOthers?: boolean;
  /** Tells that a request was refused for one of the two limits. */
  readonly limited?: (limit: "queue_size" | "queue_timeout") => void;
}

/** Requests that wait in each front thread; further ones get 503. uWSGI: listen = 100, for all. A thousand waiting
 *  requests are a few MiB, and with fifty requests per second already longer than anyone waits. */
export const QUEUE_MAX = 1024;
/** How long a request may wait for a Python thread. */
export const QUEUE_TIMEOUT_MS = 30_000;

/** Requests with the socket per ready Python thread: one that runs and one that it finds when it is done. */
const SENT_PER_THREAD = 2;
/** Until a full socket is tried again when no reply comes before. */
const RETRY_MS = 1;
/** How often deadlines are looked at. */
const SWEEP_MS = 400;
/** A sent request is answered 503 this long after its deadline at the earliest: Python, whose clock is the same but for
 *  rounding, then refuses it too. */
const DEADLINE_MARGIN_MS = 50;
export class AppChannel implements StreamOwner {
  readonly log: Log;
  readonly files = new FileInboxes();
  /** For $upstream_addr, while no worker is known. */
  readonly name: string;
  readonly spoolOptions: ReplySpoolOptions & { readonly budget: SpoolBudget };
  readonly options: ChannelOptions;
  private queueFd: number;
  private readonly queueMax: number;
  private readonly queueTimeoutMs: number;
  private readonly clockOffsetMs = monotonicOffsetMs();
  private readonly encoder = new RequestEncoder();
  private readonly list = new Set<AppRequest>();
  /** By id: sent, and not over. */
  private readonly sent = new Map<number, AppRequest>();
  private readonly streams = new Set<AppStream>();
  private readonly lost = new LostWorkers(this.streams, (worker) => this.gaveUp(worker));
  /** Which requests are being run; undefined until the master has sent it. */
  board: ScoreboardView | undefined;
  /** Which front thread of this number this is; known before there is a thread to send to. */
  private epoch = 0;
  /** Where the master sees what is asked; undefined until it has sent it. */
  private demand: FrontDemand | undefined;
  /** When a stream was last found broken while its worker lived. */
  private faultMs = -1;
  private ready = 0;
  private starting = false;
  /** Before the master has said how many threads are ready, requests are held and not refused. */
  private told = false;
  private lastId = Math.floor(Math.random() * 0xffffffff);
  private retryTimer: Timer | undefined;
  private sweepTimer: Timer | undefined;
  private closing = false;

  constructor(options: ChannelOptions, log: Log) {
    this.options = options;
    this.log = log;
    this.name = `app:${options.app}`;
    this.queueFd = hold(duplicate(options.queueFd));
    this.queueMax = options.queueMax ?? QUEUE_MAX;
    this.queueTimeoutMs = options.queueTimeoutMs ?? QUEUE_TIMEOUT_MS;
    const { temporaryDirectory, budget = unboundedBudget() } = options;
    this.spoolOptions = { temporaryDirectory, budget, log, isPatient: true };
  }

  /** Requests in the list. */
  get waiting(): number {
    return this.list.size;
  }

  /** Requests with Python, or on the way to it. */
  get running(): number {
    return this.sent.size;
  }

  /** Is any Python thread there, or soon to be, as far as we know? If not, a request is refused at once. */
  get available(): boolean {
    return this.ready > 0 || this.starting || !this.told;
  }

  // ── the queue ─────────────────────────────────────────────────────────────────────────────────────────────────

  /** A request whose body is here. */
  submit(request: AppRequest): void {
    const { reply } = request.exchange;
    if (reply.state !== "waiting") return request.over();
    reply.producer = request;
    request.queuedMs = monotonicMs();
    (request.exchange.upstreamAttempts ??= []).push(request);
    request.state = "waiting";
    if (!this.available) return this.refuse(request);
    if (this.list.size >= this.queueMax) return this.refuse(request, "queue_size");
    if (this.list.size > 0 || !this.mayTake() || !this.send(request)) this.enqueue(request);
  }

  private enqueue(request: AppRequest): void {
    this.list.add(request);
    this.watch();
    this.count();
    if (this.ready === 0 && this.list.size === 1) this.demand?.ring();
  }

  private count(): void {
    this.demand?.set(this.list.size, this.sent.size);
  }

  /** A request was answered 503. */
  refused(): void {
    this.demand?.refused();
  }

  private refuse(request: AppRequest, limit?: "queue_size" | "queue_timeout"): void {
    if (limit !== undefined) this.options.limited?.(limit);
    request.over();
    request.refuse();
  }

  private mayTake(): boolean {
    return this.sent.size < this.ready * SENT_PER_THREAD;
  }

  /** Sends what may be sent, in the order of arrival. */
  private pump(): void {
    for (const request of this.list) {
      if (!this.mayTake()) return;
      this.list.delete(request);
      request.connectMs = monotonicMs() - request.queuedMs;
      if (this.send(request)) continue;
      this.putBack(request);
      return;
    }
  }

  /** To the front of the list: happens only when the socket is full, or a worker was lost. */
  private putBack(request: AppRequest): void {
    const others = [...this.list];
    this.list.clear();
    this.list.add(request);
    for (const other of others) this.list.add(other);
  }

  /** False when the socket is full; otherwise the request is on its way, or has been answered. */
  private send(request: AppRequest): boolean {
    const id = this.nextId();
    const deadlineMs = request.queuedMs + this.queueTimeoutMs + this.clockOffsetMs;
    const { front, isOthers } = this.options;
    const lends = isOthers !== true && request.exchange.reply.loan !== undefined;
    const to = { id, front, epoch: this.epoch, deadlineMs, limitMs: request.limitMs, lends };
    const length = this.encoder.encode(request.exchange, request.body, to);
    const result = length === 0 ? "too-large" : sendPacket(this.queueFd, this.encoder.buffer, length);
    switch (result) {
      case "sent":
        request.id = id;
        request.state = "sent";
        request.sentMs = monotonicMs();
        this.sent.set(id, request);
        this.watch();
        this.count();
        return true;
      case "full":
        this.retryTimer ??= setTimeout(() => this.retry(), RETRY_MS);
        return false;
      case "too-large":
        request.over();
        answer(request.exchange, 431);
        return true;
      case "closed":
        // A worker has shut it down: the master brings another.
        this.demand?.ring();
        return false;
    }
  }

  private retry(): void {
    this.retryTimer = undefined;
    this.pump();
  }

  /** 32 bits, never 0, and none that is still in use after they wrapped. */
  private nextId(): number {
    do {
      this.lastId = (this.lastId + 1) >>> 0;
    } while (this.lastId === 0 || this.sent.has(this.lastId));
    return this.lastId;
  }

  find(id: number): AppRequest | undefined {
    return this.sent.get(id);
  }

  /** Called by a request that is over, however it ended. */
  over(request: AppRequest): void {
    if (request.id !== 0) this.sent.delete(request.id);
    else this.list.delete(request);
    this.count();
    if (this.list.size > 0) this.pump();
  }

  // ── deadlines ─────────────────────────────────────────────────────────────────────────────────────────────────

  private watch(inMs = SWEEP_MS): void {
    if (this.sweepTimer !== undefined || this.closing) return;
    if (this.list.size === 0 && this.sent.size === 0) return;
    this.sweepTimer = setTimeout(() => this.sweep(), Math.min(inMs, this.queueTimeoutMs));
  }

  private sweep(): void {
    this.sweepTimer = undefined;
    const oldestMs = monotonicMs() - this.queueTimeoutMs;
    for (const request of this.list) {
      if (request.queuedMs > oldestMs) break;
      this.refuse(request, "queue_timeout");
    }
    if (this.board !== undefined) {
      const running = this.board.running(this.options.front);
      timeOut(this.sent, running, monotonicMs() + this.clockOffsetMs);
      this.retract(this.board, running);
      this.sweepSent(oldestMs - DEADLINE_MARGIN_MS, running);
      if (this.demand !== undefined) {
        const waits = oldest(this.sent.values(), this.list, running);
        this.demand.oldestMs = waits === undefined ? 0 : monotonicMs() - waits.queuedMs;
      }
    }
    if (this.ready === 0 && this.list.size > 0) this.demand?.ring();
    this.watch();
  }

  private retract(board: ScoreboardView, running: ReadonlyMap<number, SeenRunning>): void {
    const { free, isUnderWay } = retract(this.sent, running, board, monotonicMs());
    if (isUnderWay) this.watch(RETRACTION_LOOK_MS);
    for (const request of free) this.takeBack(request);
  }

  /** It is refused when this is seen for the second time, with all streams read in between; and while a slow client holds
   *  one of them, not at all. */
  private sweepSent(oldestMs: number, running: ReadonlyMap<number, Running>): void {
    if (this.lost.pending || this.isHeldUp()) return;
    for (const request of passedOver(this.sent.values(), running, oldestMs)) {
      if (request.missed) this.refuseSent(request);
      else request.missed = true;
    }
  }

  private isHeldUp(): boolean {
    for (const stream of this.streams) if (stream.isPaused) return true;
    return false;
  }

  /** After a stream broke, its reply may have been lost there: then it cannot be said that it was not run. */
  private refuseSent(request: AppRequest): void {
    if (request.queuedMs <= this.faultMs) return request.replyAborted("the stream from its Python thread broke");
    this.options.limited?.("queue_timeout");
    request.gone();
    request.refuse();
  }

  // ── the master ────────────────────────────────────────────────────────────────────────────────────────────────

  receiveMessage(message: AppMessage): void {
    switch (message.kind) {
      case "stream":
        this.streams.add(new AppStream(message.worker, message.generation, message.fd, this, this.options.app));
        return;
      case "files":
        return this.files.connect(message.generation, message.fd);
      case "lost":
        return this.lost.add(message);
      case "availability":
        return this.setReady(message.threads, message.starting);
      case "queue":
        release(this.queueFd);
        this.queueFd = hold(message.fd);
        return this.pump();
      case "scoreboard":
        this.epoch = message.epoch;
        this.demand = new FrontDemand(message.demand, this.options.front);
        this.count();
        return this.openBoard(message.fd);
    }
  }

  /** Without it, what lies in the socket waits until a Python thread finds it. */
  private openBoard(fd: number): void {
    try {
      this.board = new ScoreboardView(fd);
    } catch (error) {
      this.log.error(`app ${this.options.app}: scoreboard: ${(error as Error).message}`);
    }
  }

  private setReady(threads: number, starting: boolean): void {
    this.ready = threads;
    this.starting = starting;
    this.told = true;
    if (threads > 0) return this.pump();
    // The last worker may have left just when these were sent or held.
    if (starting && this.list.size + this.sent.size > 0) this.demand?.ring();
    if (starting) return;
    for (const request of this.list) this.refuse(request);
  }

  private gaveUp({ generation, running, untouched }: LostWorker): void {
    this.files.close(generation);
    for (const id of running) this.sent.get(id)?.replyAborted("the Python worker was lost");
    for (const id of untouched) this.takeBack(this.sent.get(id));
  }

  /** As if it had not been sent. */
  private takeBack(request: AppRequest | undefined): void {
    if (request === undefined) return;
    this.sent.delete(request.id);
    if (!request.unsent()) return request.over();
    if (!this.available) return this.refuse(request);
    this.putBack(request);
    this.watch();
    this.count();
    this.pump();
  }

  streamClosed(stream: AppStream): void {
    this.streams.delete(stream);
    this.lost.settleAll();
  }

  expired(request: AppRequest): void {
    if (request.retracted) return this.takeBack(request);
    // One that was given up here before was counted then.
    if (request.state === "sent") this.options.limited?.("queue_timeout");
    request.expired();
  }

  streamFailed(why: string): void {
    this.faultMs = monotonicMs();
    this.log.error(`app ${this.options.app}: ${why}`);
  }

  /** The front thread ends: nothing is waited for any more. */
  close(): void {
    if (this.closing) return;
    this.closing = true;
    this.ready = 0;
    this.starting = false;
    this.told = true;
    clearTimeout(this.retryTimer);
    clearTimeout(this.sweepTimer);
    for (const request of this.list) this.refuse(request);
    for (const stream of this.streams) stream.close();
    this.files.closeAll();
    for (const request of this.sent.values()) request.replyAborted("the server stops");
    release(this.queueFd);
  }
}
