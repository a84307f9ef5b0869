/**
 * A front: the event loop of one worker thread, with everything it serves. Listeners make sessions, sessions make
 * exchanges, the assembly answers them. It shares nothing with its siblings but the kernel. A new configuration is made
 * ready beside the one that is served and takes its place between two requests; connections go on.
 */
import type { Log, LogLevel } from "../base/log.ts";
import { monotonicMs, wallMs } from "../base/clock.ts";
import type { AppMessage } from "../apps/messages.ts";
import type { Siblings } from "../cache/siblings.ts";
import type { Exchange, Peer } from "../exchange/exchange.ts";
import { CountSketch } from "../exchange/count-sketch.ts";
import { FrontPulse } from "../exchange/pulse.ts";
import { SpoolBudget } from "../exchange/spool-budget.ts";
import { ownLoop } from "../net/own-loop.ts";
import { listenTls, type SecureOwner, type TlsListener } from "../net/listen-tls.ts";
import type { OwnedWire, WireOwner } from "../net/wire.ts";
import { descriptorsMax, descriptorsOpen } from "../os/descriptors.ts";
import { makeAccounts } from "./accounts.ts";
import { Accepting } from "./accepting.ts";
import { AccessLogs, LogBuffers } from "./access-logs.ts";
import { AddressCounts } from "../exchange/address-counts.ts";
import { Admission } from "./admission.ts";
import { assemble, type Assembly } from "./assemble.ts";
import type { SiteCertificates } from "./certificates.ts";
import { admissionBounds, SPOOL_DETAILS, SPOOL_LIMITS, spoolBounds } from "./bounds.ts";
import { Challenges } from "./challenges.ts";
import { Channels } from "./channels.ts";
import { openErrorLog } from "./error-log.ts";
import { Generations } from "./generations.ts";
import { Handshake } from "./handshake.ts";
import { DRAIN_ACCEPT_MS, DRAIN_DEAF_MS, DRAIN_IDLE_MS, leave } from "./leaving.ts";
import { LimitLog } from "./limit-log.ts";
import type { ListenerHandle, Setup, ToFront } from "./messages.ts";
import { type SessionObserver, SWEEP_INTERVAL_MS } from "./options.ts";
import { makePort, type Port } from "./port.ts";
import { plainHttpAnswer } from "./plain-http.ts";
import { ProxyPreface } from "./proxy-preface.ts";
import { Refusals } from "./refusal.ts";
import { RouteCounters } from "../exchange/route-counts.ts";
import type { Serving } from "./serving.ts";
import { peerOf, type Session } from "./session.ts";
import type { FrontTraffic } from "./traffic.ts";
import { UpstreamSweeps } from "./upstream-sweeps.ts";
import { type LimitName, Usage } from "../exchange/usage.ts";

/** A reply head and its content, or a chunk with what stands around it, are put together here and written at once: to copy
 *  64 KiB costs less than another write, each of which goes through the whole of TCP. */
const SCRATCH_BYTES = 128 * 1024;

/** Request ids go through 32-bit frame fields. */
const ID_MAX = 0x7fffffff;

type Start = Extract<ToFront, { kind: "start" }>;

export interface FrontEvents {
  /** Nothing is accepted any more. */
  deaf(): void;
  /** Everything that was in flight is over. */
  drained(): void;
  /** A line of the error log, which was written. */
  logged(line: string, level: LogLevel): void;
  /** Kept replies that the other fronts are to forget, too. */
  changed(places: readonly string[]): void;
  /** …which its caches ask. */
  readonly siblings: Siblings;
  /** Nothing is accepted on these listeners any more. */
  left(keys: readonly string[]): void;
  /** It has no request for that pool of an app any more. */
  retired(pool: number): void;
}

export class Front implements SessionObserver {
  private readonly log: Log;
  readonly challenges = new Challenges();
  private readonly logBuffers: LogBuffers;
  private readonly counters = new RouteCounters();
  private readonly channels: Channels;
  private readonly generations: Generations;
  private readonly upstreamSweeps = new UpstreamSweeps(() => this.generations.upstreams());
  private readonly budget: SpoolBudget;
  private readonly servers: CountSketch;
  private readonly pulse: FrontPulse;
  private readonly usage: Usage;
  private readonly limits: LimitLog;
  private readonly admission: Admission;
  private readonly accepting: Accepting;
  private readonly refusals: Refusals;
  private readonly ports = new Map<string, Port>();
  private readonly scratch = Buffer.allocUnsafe(SCRATCH_BYTES);
  private lastId = 0;
  private readonly number: number;
  private readonly since = wallMs();
  private readonly fronts: number;
  private readonly replacesAnother: boolean;
  private connections = 0;
  private draining = false;
  private readonly told: FrontEvents;

  constructor(start: Start, told: FrontEvents) {
    const { setup, front, replaced } = start;
    const { config } = setup;
    this.told = told;
    this.number = front;
    this.fronts = config.server.fronts;
    this.replacesAnother = replaced;
    this.log = openErrorLog(start, told);
    this.logBuffers = new LogBuffers(this.log);
    const usage = new Usage(start.usage, front);
    this.usage = usage;
    const addresses = new AddressCounts(start.addresses, front);
    this.limits = new LimitLog(this.log, usage, monotonicMs);
    this.admission = new Admission({ ...admissionBounds(config), usage, addresses, limits: this.limits });
    this.refusals = new Refusals(this.scratch);
    this.budget = new SpoolBudget({
      ...spoolBounds(config),
      refused: (what) => this.limited(SPOOL_LIMITS[what], SPOOL_DETAILS[what]),
    });
    this.servers = new CountSketch(start.servers, front);
    // Every thread of a front has a loop.
    this.pulse = new FrontPulse(start.pulses, front, ownLoop()?.descriptor ?? -1);
    this.channels = new Channels(this.log, (pool) => told.retired(pool));
    this.generations = new Generations(setup, (...from) => this.assemble(...from), this.channels);
    this.accepting = this.makeAccepting(setup.listeners);
    this.serve(this.generations.current);
    setInterval(() => this.sweep(), SWEEP_INTERVAL_MS);
  }

  private assemble(setup: Setup, before: Assembly | undefined): Assembly {
    return assemble(setup.config, {
      front: this.number,
      replaced: this.replacesAnother,
      pools: setup.pools,
      channels: this.channels,
      rates: setup.rates,
      budget: this.budget,
      servers: this.servers,
      accounts: makeAccounts(new AccessLogs(setup.config, setup.accessLogs, this.logBuffers), this.counters),
      before,
      challenges: this.challenges,
      siblings: this.told.siblings,
      log: this.log,
      limited: (limit, detail) => this.limited(limit, detail),
      changed: (places) => {
        this.forget(places);
        this.told.changed(places);
      },
    });
  }

  accept(): void {
    this.accepting.start();
  }

  // ── another configuration ─────────────────────────────────────────────────────────────────────────────────────

  /** Throws when it cannot be served; then nothing has changed. */
  prepare(setup: Setup): void {
    this.generations.prepare(setup);
  }

  discard(): void {
    this.generations.discard();
  }

  /** What was prepared is served, from the next request on. Throws when it cannot listen. */
  change(): void {
    const before = this.generations.current;
    // None of its apps ends before it is known whether ports that are left go on asking them.
    before.users++;
    try {
      this.generations.change();
      if (this.generations.current !== before) this.take(before, this.generations.current);
    } finally {
      before.users--;
      this.generations.look();
    }
  }

  private take(before: Serving, current: Serving): void {
    this.admission.setBounds(admissionBounds(current.config));
    this.budget.setBounds(spoolBounds(current.config));
    const ports = [...this.ports.values()];
    this.serve(current);
    this.accepting.change(current.setup.listeners);
    const isServed = (port: Port) => this.ports.get(port.handle.key) === port;
    const stay = new Set(current.setup.listeners.map(({ key }) => key));
    const left = ports.filter((port) => !isServed(port) || !stay.has(port.handle.key));
    const keys = left.map(({ handle }) => handle.key).filter((key) => !stay.has(key));
    leave({
      ports: left,
      keys,
      serving: before,
      accepting: this.accepting,
      sessionsOf: (port) => this.admission.sessionsOf(port),
      deaf: () => {
        for (const key of keys) this.ports.delete(key);
        this.told.left(keys);
      },
    });
  }

  private serve(serving: Serving): void {
    this.upstreamSweeps.look();
    const context = { log: this.log, scratch: this.scratch, observer: this };
    for (const handle of serving.setup.listeners) {
      if (this.ports.get(handle.key)?.serve(serving, handle) === true) continue;
      this.ports.set(handle.key, makePort(serving, handle, context));
    }
  }

  // ── what the master says and asks ─────────────────────────────────────────────────────────────────────────────

  private makeAccepting(handles: readonly ListenerHandle[]): Accepting {
    const max = descriptorsMax();
    return new Accepting({
      handles,
      acceptor: (key) => (wire) => this.accepted(key, wire),
      secure: (handle) => this.listenSecure(handle),
      descriptors: { max, open: descriptorsOpen },
      fronts: this.fronts,
      shedIdle: (count) => this.admission.shedIdle(count),
      pauses: this.usage,
      paused: (open) => this.limited("descriptors", `${open} of ${max} are in use: no connections are accepted`),
      resumed: () => this.limits.over("descriptors", "connections are accepted again"),
    });
  }

  takeCertificates(certificates: SiteCertificates): void {
    this.generations.current.takeCertificates(certificates);
    this.accepting.refreshSecure();
  }

  appMessage(pool: number, message: AppMessage): void {
    this.channels.receive(pool, message);
  }

  /** Of kept replies; see ResponseCache.forget. */
  forget(places: readonly string[]): void {
    this.generations.current.assembly.caches.forget(places);
  }

  /** What its caches and upstreams do, after `forget` was forgotten (see cache/purge.ts for what that may be). */
  traffic(forget: string | undefined): FrontTraffic {
    const { caches, upstreams } = this.generations.current.assembly;
    const forgotten = forget === undefined ? 0 : caches.forget([forget]);
    return {
      front: this.number,
      since: this.since,
      forgotten,
      caches: caches.usage(),
      upstreams: upstreams.map((upstream) => upstream.status()),
      routes: this.counters.all,
      connections: this.admission.states(),
      lostLogLines: this.logBuffers.lost,
    };
  }

  /** First what the kernel has queued is accepted; then nobody listens any more. */
  deafen(): void {
    setTimeout(() => {
      this.accepting.stop();
      this.told.deaf();
    }, DRAIN_ACCEPT_MS);
  }

  /** It is deaf by then, also when both are said at once. */
  drain(): void {
    setTimeout(() => this.closeConnections(), DRAIN_ACCEPT_MS + DRAIN_DEAF_MS);
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

  // ── connections ───────────────────────────────────────────────────────────────────────────────────────────────

  private accepted(key: string, wire: OwnedWire): WireOwner {
    this.accepting.accepted();
    // Whoever listens has a port.
    const port = this.ports.get(key) as Port;
    if (!this.admission.hasRoom(wire.remoteAddress)) return this.refuse(key, wire);
    if (!port.handle.proxyProtocol) return this.begin(port, wire, peerOf(wire));
    const timeoutMs = this.generations.current.config.server.limits.headerTimeoutMs;
    const begin = (opened: OwnedWire, peer: Peer) => this.begin(port, opened, peer);
    return this.opened(new ProxyPreface(wire, { timeoutMs, begin, observer: this }), "", port);
  }

  private listenSecure({ fd, key, tls }: ListenerHandle): TlsListener {
    return listenTls({
      fd,
      policy: tls ?? "intermediate",
      choose: (serverName) => this.generations.current.certificates.choose(key, serverName),
      challenge: (serverName) => this.challenges.context(serverName),
      challenged: () => this.challenges.hasTls,
      accept: (wire) => this.acceptedSecure(key, wire),
      plainAnswer: plainHttpAnswer,
    });
  }

  private acceptedSecure(key: string, wire: OwnedWire): SecureOwner {
    this.accepting.accepted();
    const port = this.ports.get(key) as Port;
    const begin = (secured: OwnedWire, peer: Peer) => this.begin(port, secured, peer);
    const timeoutMs = this.generations.current.config.server.limits.handshakeTimeoutMs;
    const isProxied = port.handle.proxyProtocol;
    const mayConnect = (address: string) => this.admission.mayConnect(address);
    const parts = { timeoutMs, isProxied, mayConnect, begin, observer: this, log: this.log };
    const handshake = new Handshake(wire, parts);
    if (!this.admission.hasRoom(wire.remoteAddress) || !(isProxied || this.admission.claim(wire.remoteAddress)))
      wire.abort();
    else this.opened(handshake, isProxied ? "" : wire.remoteAddress, port);
    return handshake;
  }

  private begin(port: Port, wire: OwnedWire, peer: Peer): WireOwner {
    // A gateway speaks for many clients, and is not counted as one.
    const address = port.handle.app === undefined ? peer.remoteAddress : "";
    if (!this.admission.claim(address)) return this.refuse(port.handle.key, wire);
    return this.opened(port.make(wire, peer), address, port);
  }

  private refuse(key: string, wire: OwnedWire): WireOwner {
    return this.refusals.refuse(wire, this.generations.current.assembly.refusals.get(key));
  }

  private opened(session: Session & WireOwner, address: string, port: Port): WireOwner {
    this.admission.opened(session, address, port);
    if (this.draining) setImmediate(() => session.drain(false));
    return session;
  }

  private sweep(): void {
    this.pulse.beat();
    const nowMs = monotonicMs();
    for (const session of this.admission.sessions) session.tick(nowMs);
    this.refusals.tick(nowMs);
    this.accepting.tick();
    this.upstreamSweeps.sweep(nowMs);
    this.generations.current.assembly.caches.tick(nowMs);
    this.generations.look();
  }

  // ── SessionObserver ───────────────────────────────────────────────────────────────────────────────────────────

  nextId(): number {
    this.lastId = this.lastId === ID_MAX ? 1 : this.lastId + 1;
    return this.lastId;
  }

  /** Fronts take turns in counting, so that no two of them give the same number. */
  nextConnection(): number {
    this.connections++;
    return this.connections * this.fronts + this.number;
  }

  finished(exchange: Exchange, status: number, contentBytes: number): void {
    if (exchange.tenancy !== undefined) exchange.tenancy.users--;
    exchange.finalStatus = status;
    exchange.contentBytes = contentBytes;
    (exchange.account ?? this.generations.current.assembly.accounts.server).finished(exchange);
  }

  refused(exchange: Exchange, status: number, contentBytes: number): void {
    this.finished(exchange, status, contentBytes);
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
    this.logBuffers.flush();
    this.generations.close();
    void this.generations.current.assembly.caches.flush().then(() => this.told.drained());
  }
}
