/**
 * An upstream: a group of servers that answer the same requests, their connections and their health. One engine for every
 * protocol (transaction.ts); what differs is the dialect.
 */
import { monotonicMs } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import { showAddress } from "../net/connect.ts";
import { type BalancePeer, choosePeer, makePeer, peerFailed, peerSucceeded } from "./balance.ts";
import { type ConnectionOwner, type ConnectionUser, UpstreamConnection } from "./connection.ts";
import type { Dialect } from "./dialect.ts";
import { makeHttpDialect } from "./dialect-http.ts";
import { makeUwsgiDialect } from "./dialect-uwsgi.ts";
import { IdlePool, idleTimeoutMs } from "./pool.ts";

/** nginx: proxy_connect_timeout 60 s. A server that is there accepts within a round trip; in five seconds two lost SYNs
 *  are sent again (1 s, 3 s), and the next server gets its chance while the client still waits. */
export const CONNECT_TIMEOUT_MS = 5_000;
/** nginx: proxy_read_timeout, proxy_send_timeout. */
export const READ_TIMEOUT_MS = 60_000;
export const SEND_TIMEOUT_MS = 60_000;
/** Idle connections kept to each server, in each front thread. nginx documents 32 and, since 1.29.7, keeps 32. */
export const KEEPALIVE_CONNECTIONS = 32;

export type ServerAddress =
  | { readonly kind: "tcp"; readonly host: string; readonly port: number }
  | { readonly kind: "unix"; readonly path: string };

export interface UpstreamOptions {
  readonly name: string;
  readonly protocol: "http" | "uwsgi";
  /** At least one. */
  readonly servers: readonly { readonly address: ServerAddress; readonly weight: number }[];
  readonly connectTimeoutMs: number;
  readonly readTimeoutMs: number;
  readonly sendTimeoutMs: number;
  /** 0: a connection for each request. */
  readonly keepalive: number;
}

interface Server {
  readonly address: ServerAddress;
  /** For logs, and for the Host field of clients that send none. */
  readonly name: string;
  readonly pool: IdlePool;
}

export class Upstream implements ConnectionOwner {
  readonly name: string;
  readonly dialect: Dialect;
  readonly log: Log;
  /** Host for requests that name none: nginx's $proxy_host. */
  readonly host: string;

  private readonly options: UpstreamOptions;
  private readonly servers: readonly Server[];
  private readonly peers: readonly BalancePeer[];
  private readonly connections = new Set<UpstreamConnection>();
  private closing = false;

  constructor(options: UpstreamOptions, log: Log) {
    this.name = options.name;
    this.options = options;
    this.log = log;
    const keepalive = options.protocol === "http" ? options.keepalive : 0;
    this.dialect = options.protocol === "http" ? makeHttpDialect(keepalive > 0) : makeUwsgiDialect();
    this.servers = options.servers.map(({ address }) => ({
      address,
      name: showAddress(address),
      pool: new IdlePool(keepalive),
    }));
    this.peers = options.servers.map(({ weight }) => makePeer(weight));
    const first = options.servers[0]?.address;
    this.host = first?.kind === "tcp" ? showAddress(first) : "localhost";
  }

  get serverCount(): number {
    return this.servers.length;
  }

  serverName(server: number): string {
    return this.servers[server]?.name ?? "";
  }

  /** The next server that is not in `tried`, or -1. */
  choose(tried: readonly number[]): number {
    return choosePeer(this.peers, tried, this.peers.length === 1 ? 0 : monotonicMs());
  }

  /** An idle connection to that server, or undefined. `repeatable`: may the request be sent a second time? */
  takeIdle(server: number, repeatable: boolean): UpstreamConnection | undefined {
    return this.servers[server]?.pool.take(repeatable);
  }

  /** A fresh connection; `user` hears `connected` or `lost`, later. */
  connect(server: number, user: ConnectionUser): UpstreamConnection {
    const connection = new UpstreamConnection(server, this.dialect.makeParser(), this, this.options, user);
    this.connections.add(connection);
    // The index came from choose().
    connection.open((this.servers[server] as Server).address);
    return connection;
  }

  /** A reply was read to its end: keeps the connection if it can serve another request. */
  release(connection: UpstreamConnection): void {
    const { pool } = this.servers[connection.server] as Server;
    const peer = this.peers[connection.server];
    if (peer !== undefined) peerSucceeded(peer);
    const { head } = connection.parser;
    const kept = this.dialect.keepsAlive && !this.closing && head.persistent && connection.reusable;
    const timeoutMs = kept ? idleTimeoutMs(head.fields.get("keep-alive")) : 0;
    if (timeoutMs === 0) return connection.discard();
    connection.idle(timeoutMs);
    pool.put(connection);
  }

  serverFailed(server: number, why: string): void {
    const peer = this.peers[server];
    if (peer !== undefined) peerFailed(peer, monotonicMs());
    this.log.error(`upstream ${this.name}, server ${this.serverName(server)}: ${why}`);
  }

  /** Compares every deadline with the clock (base/clock monotonicMs); the front calls it about twice a second. */
  tick(nowMs: number): void {
    for (const connection of this.connections) connection.tick(nowMs);
  }

  /** Idle connections close now, busy ones when their reply is complete. */
  close(): void {
    this.closing = true;
    for (const server of this.servers) server.pool.clear();
  }

  // ── ConnectionOwner ───────────────────────────────────────────────────────────────────────────────────────────

  connectionIdleEnded(connection: UpstreamConnection): void {
    this.servers[connection.server]?.pool.remove(connection);
  }

  connectionClosed(connection: UpstreamConnection): void {
    this.connections.delete(connection);
  }

  bug(error: unknown): void {
    this.log.crit(`bug in upstream ${this.name}: ${error instanceof Error ? error.stack : String(error)}`);
  }
}
