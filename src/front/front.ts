/**
 * A front: the event loop of one worker thread, with everything it serves. Listeners make sessions, sessions make
 * exchanges, the assembly answers them. It shares nothing with its siblings but the kernel.
 */
import { type Log, makeLog } from "../base/log.ts";
import { monotonicMs } from "../base/clock.ts";
import type { Config } from "../config/config.ts";
import type { Exchange, Peer } from "../exchange/exchange.ts";
import { listen, type Listener } from "../net/listen.ts";
import type { Wire, WireOwner } from "../net/wire.ts";
import { writeLine } from "../os/log-file.ts";
import { DEFAULT_HEAD_LIMITS } from "../protocol/http1/limits.ts";
import { AccessLog } from "./access-log.ts";
import { assemble, type AssembledApp, type Assembly } from "./assemble.ts";
import type { ListenerHandle, ToFront } from "./messages.ts";
import { type SessionObserver, type SessionOptions, SWEEP_INTERVAL_MS } from "./options.ts";
import type { Session } from "./session.ts";
import { Http1Session } from "./session-http1.ts";
import { UwsgiSession } from "./session-uwsgi.ts";

/** A reply head and a small content are put together here and written at once. */
const SCRATCH_BYTES = 64 * 1024;

/** Request ids go through 32-bit frame fields. */
const ID_MAX = 0x7fffffff;

type Start = Extract<ToFront, { kind: "start" }>;

export class Front implements SessionObserver {
  private readonly config: Config;
  private readonly log: Log;
  private readonly accessLog: AccessLog;
  private readonly assembly: Assembly;
  private readonly handles: readonly ListenerHandle[];
  private readonly sessions = new Set<Session>();
  private readonly scratch = Buffer.allocUnsafe(SCRATCH_BYTES);
  private listeners: Listener[] = [];
  private lastId = 0;
  private draining = false;
  private readonly onDrained: () => void;

  constructor(start: Start, onDrained: () => void) {
    this.config = start.config;
    this.onDrained = onDrained;
    this.log = makeLog(`front-${start.front}`, start.config.server.logLevel, (line) =>
      writeLine(start.logs.error, line),
    );
    this.accessLog = new AccessLog(start.logs.access);
    this.handles = start.listeners;
    this.assembly = assemble(start.config, { front: start.front, queues: start.queues, log: this.log });
    setInterval(() => this.sweep(), SWEEP_INTERVAL_MS);
  }

  accept(): void {
    this.listeners = this.handles.map((handle) =>
      listen({ fd: handle.fd, unix: handle.unix, accept: this.acceptor(handle) }),
    );
  }

  appMessage(app: string, message: Extract<ToFront, { kind: "app" }>["message"]): void {
    this.assembly.apps.get(app)?.channel.receiveMessage(message);
  }

  drain(): void {
    this.draining = true;
    for (const listener of this.listeners) listener.stop();
    for (const session of this.sessions) session.drain();
    this.reportDrained();
  }

  private acceptor(handle: ListenerHandle): (wire: Wire) => WireOwner {
    const make = handle.app === undefined ? this.httpSessions(handle) : this.uwsgiSessions(handle.app);
    return (wire) => {
      const session = make(wire);
      this.sessions.add(session);
      if (this.draining) setImmediate(() => session.drain());
      return session;
    };
  }

  private httpSessions(handle: ListenerHandle): (wire: Wire) => Session & WireOwner {
    const handler = this.assembly.handlers.get(handle.key);
    if (handler === undefined) throw new Error(`no site listens on ${handle.key}`);
    const { limits } = this.config.server;
    const options: SessionOptions = {
      handler,
      headLimits: {
        ...DEFAULT_HEAD_LIMITS,
        headBytesMax: limits.headerBytesMax,
        fieldsMax: limits.headerFieldsMax,
        targetBytesMax: limits.targetBytesMax,
      },
      timeouts: this.timeouts(),
      keepaliveRequestsMax: limits.keepaliveRequestsMax,
      log: this.log,
      scratch: this.scratch,
      observer: this,
    };
    return (wire) => new Http1Session(wire, options);
  }

  private uwsgiSessions(name: string): (wire: Wire) => Session & WireOwner {
    const app = this.assembly.apps.get(name) as AssembledApp;
    const { root, wsgi, python, env } = app.config;
    const options = {
      handler: app.handler,
      loaded: { root, wsgi, python, env },
      timeouts: this.timeouts(),
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
    for (const session of this.sessions) session.tick(nowMs);
    for (const upstream of this.assembly.upstreams) upstream.tick(nowMs);
  }

  // ── SessionObserver ───────────────────────────────────────────────────────────────────────────────────────────

  nextId(): number {
    this.lastId = this.lastId === ID_MAX ? 1 : this.lastId + 1;
    return this.lastId;
  }

  finished(exchange: Exchange, status: number, contentBytes: number): void {
    this.accessLog.finished(exchange, status, contentBytes);
  }

  refused(peer: Peer, status: number): void {
    this.accessLog.refused(peer.remoteAddress, status);
  }

  closed(session: Session): void {
    this.sessions.delete(session);
    if (this.draining) this.reportDrained();
  }

  private reportDrained(): void {
    if (this.sessions.size > 0) return;
    this.accessLog.flush();
    for (const { channel } of this.assembly.apps.values()) channel.close();
    for (const upstream of this.assembly.upstreams) upstream.close();
    this.onDrained();
  }
}
