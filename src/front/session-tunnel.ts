/**
 * An HTTP/1 connection that has become a tunnel (exchange/tunnel.ts), as the front sees it: counted and looked after in
 * the place of its session, and recorded when it ends. It is not bound by the limits of requests; its own is silence. When
 * the server stops it may go on for most of the time that requests in flight have, and is closed before they are cut off.
 */
import { monotonicMs } from "../base/clock.ts";
import type { Exchange } from "../exchange/exchange.ts";
import { finishedHead } from "../exchange/reply-headers.ts";
import { Tunnel, type TunnelEnd, type TunnelOptions, type TunnelOutcome, type Upgrader } from "../exchange/tunnel.ts";
import type { Outbox } from "../net/outbox.ts";
import type { OwnedWire } from "../net/wire.ts";
import type { ReplyHead } from "../protocol/http/message.ts";
import type { ServerConnection } from "../protocol/http1/connection.ts";
import { encodeInterimHead } from "../protocol/http1/write.ts";
import type { SessionOptions } from "./options.ts";
import type { Report } from "./report.ts";
import type { Session } from "./session.ts";

/** Left of the drain timeout when tunnels are closed, for their ends to be heard of and logged. */
const DRAIN_MARGIN_MS = 1_000;

/** A session whose connection can become a tunnel. */
export interface UpgradableSession extends Session {
  readonly wire: OwnedWire;
  readonly outbox: Outbox;
  readonly connection: ServerConnection;
  readonly options: SessionOptions;
  readonly report: Report;
  /** It forgets the connection. */
  release(): void;
}

/** May the bytes behind this request be none? When another protocol was offered to somebody, or a tunnel is asked for (CONNECT), a
 *  client in a hurry sends that before it knows; whoever wrote such bytes need not be who wrote the request, so they are never parsed
 *  as one. */
export function mayBeNoRequest(exchange: Exchange | undefined): boolean {
  return exchange?.upgrader?.offered === true || exchange?.head.method === "CONNECT";
}

/** Made for requests that ask for another protocol. */
export class Http1Upgrader implements Upgrader {
  offered = false;
  private readonly session: UpgradableSession;
  private readonly exchange: Exchange;

  constructor(session: UpgradableSession, exchange: Exchange) {
    this.session = session;
    this.exchange = exchange;
  }

  upgrade(head: ReplyHead, server: TunnelEnd, options: TunnelOptions): Tunnel {
    const { session, exchange } = this;
    const { wire, outbox, connection } = session;
    session.release();
    outbox.write(encodeInterimHead(finishedHead(exchange, head)));
    const client = { wire, outbox, early: connection.takeBuffered(), ended: connection.ended };
    const next = new TunnelSession(session, exchange, client, server, options);
    session.options.observer.replaced(session, next);
    next.begin();
    return next.tunnel;
  }
}

class TunnelSession implements Session {
  private readonly options: SessionOptions;
  private readonly report: Report;
  private readonly exchange: Exchange;
  readonly tunnel: Tunnel;
  /** Bytes that came behind the request before it was answered. */
  private readonly early: number;
  private closesAtMs = Infinity;

  constructor(
    { options, report }: UpgradableSession,
    exchange: Exchange,
    client: TunnelEnd,
    server: TunnelEnd,
    { idleTimeoutMs, over }: TunnelOptions,
  ) {
    this.options = options;
    this.report = report;
    this.exchange = exchange;
    this.early = client.early.length;
    const ended = (outcome: TunnelOutcome) => {
      over(outcome);
      this.over();
    };
    this.tunnel = new Tunnel(client, server, { idleTimeoutMs, over: ended });
  }

  begin(): void {
    this.tunnel.begin();
  }

  private over(): void {
    this.report.finished(this.exchange, 101, this.tunnel.clientBytes, this.early);
    this.options.observer.closed(this);
  }

  tick(nowMs: number): void {
    if (nowMs >= this.closesAtMs) this.tunnel.close();
    else this.tunnel.tick(nowMs);
  }

  /** Silence is no reason to end it. */
  idleSinceMs(): number {
    return -1;
  }

  drain(): void {
    const { drainTimeoutMs } = this.options;
    const margin = Math.min(DRAIN_MARGIN_MS, drainTimeoutMs / 2);
    this.closesAtMs = Math.min(this.closesAtMs, monotonicMs() + drainTimeoutMs - margin);
  }

  destroy(): void {
    this.tunnel.close();
  }
}
