/**
 * A front: the event loop of one worker thread, with everything it serves. Listeners make sessions, sessions make
 * exchanges, the assembly answers them. It shares nothing with its siblings but the kernel.
 */
import { type Log, makeLog } from "../base/log.ts";
import { monotonicMs } from "../base/clock.ts";
import type { Config } from "../config/config.ts";
import type { Exchange, Peer } from "../exchange/exchange.ts";
import { compileAddressSet } from "../exchange/address-set.ts";
import { CountSketch } from "../exchange/count-sketch.ts";
import { listenTls, type TlsListener } from "../net/listen-tls.ts";
import type { OwnedWire, WireOwner } from "../net/wire.ts";
import { descriptorsMax, descriptorsOpen } from "../os/descriptors.ts";
import { writeLine } from "../os/log-file.ts";
import { HeadMemo } from "../protocol/http1/head-memo.ts";
import { DEFAULT_HEAD_LIMITS } from "../protocol/http1/limits.ts";
import { Accepting } from "./accepting.ts";
import { AccessLog } from "./access-log.ts";
import { AddressCounts } from "../exchange/address-counts.ts";
import { Admission } from "./admission.ts";
import { assemble, type AssembledApp, type Assembly } from "./assemble.ts";
import { Certificates, type SiteCertificates } from "./certificates.ts";
import { Handshake } from "./handshake.ts";
import { LimitLog } from "./limit-log.ts";
import { makeAccessLogLine } from "./templates.ts";
import type { ListenerHandle, ToFront } from "./messages.ts";
import { type SessionObserver, type SessionOptions, SWEEP_INTERVAL_MS } from "./options.ts";
import { ProxyPreface } from "./proxy-preface.ts";
import { plainHttpAnswer } from "./plain-http.ts";
import { Refusals } from "./refusal.ts";
import { peerOf, type Session } from "./session.ts";
import { Http1Session } from "./session-http1.ts";
import { UwsgiSession } from "./session-uwsgi.ts";
import type { FrontTraffic } from "./traffic.ts";
import { type LimitName, Usage } from "../exchange/usage.ts";

/** A reply head and a small content are put together here and written at once. */
const SCRATCH_BYTES = 64 * 1024;

/** Request ids go through 32-bit frame fields. */
const ID_MAX = 0x7fffffff;

const SPOOL_LIMITS = { memory: "spool_memory", disk: "spool_disk" } as const;
const SPOOL_DETAILS = {
  memory: "it is used up; bodies and replies go to temporary files at once",
  disk: "it is used up; bodies are answered 507, replies wait for their clients",
} as const;

type Refuse = (wire: OwnedWire) => WireOwner;

type MakeSession = (wire: OwnedWire, peer: Peer) => Session & WireOwner;

type Start = Extract<ToFront, { kind: "start" }>;

/** From the order to stop until nobody listens: connections that are queued by then are served. */
const DRAIN_ACCEPT_MS = 10;

/** Until clients are told to close. They connect again at once, and must not meet a sibling that is just about to stop. */
const DRAIN_DEAF_MS = 50;

/** How long an idle connection still waits for the request that may be on its way; it is answered, and told to close. */
const DRAIN_IDLE_MS = 250;

export interface FrontEvents {
  /** Nothing is accepted any more. */
  deaf(): void;
  /** Everything that was in flight is over. */
  drained(): void;
  /** Kept replies that the other fronts are to forget, too. */
  changed(places: readonly string[]): void;
}

export class Front implements SessionObserver {
  private readonly config: Config;
  private readonly log: Log;
  private readonly accessLog: AccessLog;
  private readonly assembly: Assembly;
  private readonly limits: LimitLog;
  private readonly admission: Admission;
  private readonly accepting: Accepting;
  private readonly refusals: Refusals;
  private readonly certificates = new Certificates();
  private readonly scratch = Buffer.allocUnsafe(SCRATCH_BYTES);
  private lastId = 0;
  private readonly number: number;
  private connections = 0;
  private draining = false;
  private readonly told: FrontEvents;

  constructor(start: Start, told: FrontEvents) {
    this.config = start.config;
    this.told = told;
    this.number = start.front;
    this.log = makeLog(`front-${start.front}`, start.config.server.logLevel, (line) =>
      writeLine(start.logs.error, line),
    );
    this.accessLog = new AccessLog(start.logs.access, makeAccessLogLine(start.config));
    const usage = new Usage(
      start.usage,
      start.front,
      start.config.rateLimits.map((limit) => limit.name),
    );
    this.limits = new LimitLog(this.log, usage, monotonicMs);
    this.admission = this.makeAdmission(usage, new AddressCounts(start.addresses, start.front));
    this.refusals = new Refusals(this.scratch);
    this.certificates.update(start.config, start.certificates);
    this.accepting = this.makeAccepting(start.listeners);
    this.assembly = assemble(start.config, {
      front: start.front,
      replaced: start.replaced,
      queues: start.queues,
      rates: start.rates,
      servers: new CountSketch(start.servers, start.front),
      log: this.log,
      limited: (limit, detail) => this.limited(limit, detail),
      rateRefused: (name) => usage.rateRefused(name),
      changed: (places) => told.changed(places),
      spoolRefused: (what) => this.limited(SPOOL_LIMITS[what], SPOOL_DETAILS[what]),
    });
    setInterval(() => this.sweep(), SWEEP_INTERVAL_MS);
  }

  accept(): void {
    this.accepting.start();
  }

  private makeAdmission(usage: Usage, addresses: AddressCounts): Admission {
    const { limits, trustedProxies } = this.config.server;
    const { connectionsMax, connectionsPerAddressMax } = limits;
    const trust = compileAddressSet(trustedProxies);
    return new Admission({
      connectionsMax,
      connectionsPerAddressMax,
      trust,
      usage,
      addresses,
      limits: this.limits,
    });
  }

  private makeAccepting(handles: readonly ListenerHandle[]): Accepting {
    const max = descriptorsMax();
    return new Accepting({
      handles,
      acceptor: (handle) => this.acceptor(handle),
      secure: (handle) => this.listenSecure(handle),
      descriptors: { max, open: descriptorsOpen },
      fronts: this.config.server.fronts,
      shedIdle: (count) => this.admission.shedIdle(count),
      paused: (open) => this.limited("descriptors", `${open} of ${max} are in use: no connections are accepted`),
      resumed: () => this.limits.over("descriptors", "connections are accepted again"),
    });
  }

  takeCertificates(certificates: SiteCertificates): void {
    this.certificates.update(this.config, certificates);
    this.accepting.refreshSecure();
  }

  appMessage(app: string, message: Extract<ToFront, { kind: "app" }>["message"]): void {
    this.assembly.apps.get(app)?.channel.receiveMessage(message);
  }

  /** Of kept replies; see ResponseCache.forget. */
  forget(places: readonly string[]): void {
    this.assembly.caches.forget(places);
  }

  /** What its caches and upstreams do, after `forget` was forgotten (see cache/purge.ts for what that may be). */
  traffic(forget: string | undefined): FrontTraffic {
    const { caches, upstreams } = this.assembly;
    const forgotten = forget === undefined ? 0 : caches.forget([forget]);
    return { caches: caches.usage(), upstreams: upstreams.map((upstream) => upstream.status()), forgotten };
  }

  /** First what the kernel has queued is accepted; then nobody listens any more. */
  drain(): void {
    setTimeout(() => this.stopListening(), DRAIN_ACCEPT_MS);
  }

  private stopListening(): void {
    this.accepting.stop();
    this.told.deaf();
    setTimeout(() => this.closeConnections(), DRAIN_DEAF_MS);
  }

  private closeConnections(): void {
    this.draining = true;
    this.refusals.close();
    for (const session of this.admission.sessions) session.drain(false);
    setTimeout(() => this.drainIdle(), DRAIN_IDLE_MS);
    this.reportDrained();
  }

  private drainIdle(): void {
    for (const session of this.admission.sessions) session.drain(true);
    this.reportDrained();
  }

  private acceptor(handle: ListenerHandle): (wire: OwnedWire) => WireOwner {
    const make = handle.app === undefined ? this.httpSessions(handle.key) : this.uwsgiSessions(handle.app);
    const isGateway = handle.app !== undefined;
    const refuse: Refuse = (wire) => this.refusals.refuse(wire, this.assembly.refusals.get(handle.key));
    const begin = (wire: OwnedWire, peer: Peer) =>
      this.mayBegin(peer, isGateway)
        ? this.opened(make(wire, peer), isGateway ? "" : peer.remoteAddress)
        : refuse(wire);
    const timeoutMs = this.config.server.limits.headerTimeoutMs;
    return (wire) => {
      this.accepting.accepted();
      if (!this.admission.hasRoom(wire.remoteAddress)) return refuse(wire);
      if (!handle.proxyProtocol) return begin(wire, peerOf(wire));
      return this.opened(new ProxyPreface(wire, { timeoutMs, begin, observer: this }), "");
    };
  }

  private listenSecure({ fd, key, tls }: ListenerHandle): TlsListener {
    const make = this.httpSessions(key);
    const begin = (wire: OwnedWire, peer: Peer) => this.opened(make(wire, peer), peer.remoteAddress);
    const timeoutMs = this.config.server.limits.handshakeTimeoutMs;
    const options = { timeoutMs, begin, observer: this, log: this.log };
    return listenTls({
      fd,
      policy: tls ?? "intermediate",
      choose: (serverName) => this.certificates.choose(key, serverName),
      accept: (wire) => {
        this.accepting.accepted();
        const handshake = new Handshake(wire, options);
        // An answer would cost a handshake.
        if (!this.admission.hasRoom(wire.remoteAddress) || !this.mayBegin(peerOf(wire), false)) wire.abort();
        else this.opened(handshake, "");
        return handshake;
      },
      plainAnswer: plainHttpAnswer,
    });
  }

  /** A gateway speaks for many clients, and is not counted as one. */
  private mayBegin(peer: Peer, isGateway: boolean): boolean {
    return this.admission.mayConnect(isGateway ? "" : peer.remoteAddress);
  }

  private opened(session: Session & WireOwner, address: string): WireOwner {
    this.admission.opened(session, address);
    if (this.draining) setImmediate(() => session.drain(false));
    return session;
  }

  private httpSessions(key: string): MakeSession {
    const handler = this.assembly.handlers.get(key);
    if (handler === undefined) throw new Error(`no site listens on ${key}`);
    const { limits } = this.config.server;
    const options: SessionOptions = {
      handler,
      ...this.assembly.refusals.get(key),
      headLimits: {
        ...DEFAULT_HEAD_LIMITS,
        headBytesMax: limits.headerBytesMax,
        fieldsMax: limits.headerFieldsMax,
        targetBytesMax: limits.targetBytesMax,
        mergeSlashes: this.config.server.mergeSlashes,
      },
      headMemo: new HeadMemo(),
      timeouts: this.timeouts(),
      drainTimeoutMs: this.config.server.drainTimeoutMs,
      keepaliveRequestsMax: limits.keepaliveRequestsMax,
      keepaliveAgeMaxMs: limits.keepaliveAgeMaxMs,
      pipelinedMax: limits.pipelinedMax,
      bodyRateMin: limits.bodyRateMin,
      sendRateMin: limits.sendRateMin,
      log: this.log,
      scratch: this.scratch,
      observer: this,
    };
    return (wire, peer) => new Http1Session(wire, options, peer);
  }

  private uwsgiSessions(name: string): MakeSession {
    const app = this.assembly.apps.get(name) as AssembledApp;
    const { root, wsgi, python, env } = app.config;
    const options = {
      handler: app.handler,
      loaded: { root, wsgi, python, env },
      timeouts: this.timeouts(),
      bodyRateMin: this.config.server.limits.bodyRateMin,
      sendRateMin: this.config.server.limits.sendRateMin,
      log: this.log,
      scratch: this.scratch,
      observer: this,
    };
    return (wire) => new UwsgiSession(wire, options);
  }

  private timeouts(): SessionOptions["timeouts"] {
    const { limits } = this.config.server;
    return {
      headerMs: limits.headerTimeoutMs,
      bodyMs: limits.bodyTimeoutMs,
      sendMs: limits.sendTimeoutMs,
      keepaliveMs: limits.keepaliveTimeoutMs,
    };
  }

  private sweep(): void {
    const nowMs = monotonicMs();
    for (const session of this.admission.sessions) session.tick(nowMs);
    this.refusals.tick(nowMs);
    this.accepting.tick();
    for (const upstream of this.assembly.upstreams) upstream.tick(nowMs);
    this.assembly.caches.tick(nowMs);
  }

  // ── SessionObserver ───────────────────────────────────────────────────────────────────────────────────────────

  nextId(): number {
    this.lastId = this.lastId === ID_MAX ? 1 : this.lastId + 1;
    return this.lastId;
  }

  /** Fronts take turns in counting, so that no two of them give the same number. */
  nextConnection(): number {
    this.connections++;
    return this.connections * this.config.server.fronts + this.number;
  }

  finished(exchange: Exchange, status: number, contentBytes: number): void {
    this.accessLog.finished(exchange, status, contentBytes);
  }

  refused(exchange: Exchange, status: number, contentBytes: number): void {
    this.accessLog.refused(exchange, status, contentBytes);
  }

  limited(limit: LimitName, detail: string): void {
    this.limits.hit(limit, detail);
  }

  counted(limit: LimitName): void {
    this.limits.count(limit);
  }

  replaced(session: Session, by: Session): void {
    this.admission.replaced(session, by);
    if (this.draining) by.drain(false);
  }

  closed(session: Session): void {
    this.admission.closed(session);
    if (this.draining) this.reportDrained();
  }

  private reportDrained(): void {
    if (this.admission.size > 0) return;
    this.accessLog.flush();
    for (const { channel } of this.assembly.apps.values()) channel.close();
    for (const upstream of this.assembly.upstreams) upstream.close();
    void this.assembly.caches.flush().then(() => this.told.drained());
  }
}
