/**
 * An upstream: a group of servers that answer the same requests, their connections and their health. One engine for every
 * protocol (transaction.ts); what differs is the dialect.
 */
import { monotonicMs } from "../base/clock.ts";
import { hash32 } from "../base/hash.ts";
import type { Log } from "../base/log.ts";
import { Members } from "../base/members.ts";
import type { CountSketch } from "../exchange/count-sketch.ts";
import type { Exchange } from "../exchange/exchange.ts";
import { cookieNamed } from "../exchange/request-values.ts";
import { evaluate } from "../exchange/template.ts";
import { showAddress } from "../net/connect-address.ts";
import { choosePeer, comparesLoad, isFull, peerFailed, peerSucceeded, type Policy, standingOf } from "./balance.ts";
import { type ConnectionOwner, type ConnectionUser, UpstreamConnection } from "./connection.ts";
import type { Dialect } from "./dialect.ts";
import { makeHttpDialect } from "./dialect-http.ts";
import { makeUwsgiDialect } from "./dialect-uwsgi.ts";
import { HealthChecks } from "./health.ts";
import { LookupTurns } from "./lookup-turns.ts";
import { Names, type NamesOwner } from "./names.ts";
import {
  KEEPALIVE_AGE_MS,
  KEEPALIVE_REQUESTS_MAX,
  KEEPALIVE_TIMEOUT_MS,
  type ServerOptions,
  type UpstreamOptions,
} from "./options.ts";
import { Occupancy } from "./occupancy.ts";
import type { RequestSide } from "./request-side.ts";
import type { Peer, PeerStatus } from "./peer.ts";
import { idleTimeoutMs } from "./pool.ts";
import { Rendezvous } from "./rendezvous.ts";
import { RepeatedReplies } from "./repeated-reply.ts";
import { SecureServers } from "./secure.ts";
import { WaitingRoom } from "./waiting-room.ts";

/** Up to a quarter longer than it was said is good enough for others. */
const SHORT_MS = 2_000;

/** Why a reply breaks off, behind the name of the upstream. */
const OVERDUE = "was left by a reload, and its drain_timeout is over";

export class Upstream implements ConnectionOwner, NamesOwner {
  readonly name: string;
  readonly dialect: Dialect;
  readonly log: Log;
  /** Host for requests that name none: nginx's $proxy_host. */
  readonly host: string;
  readonly options: UpstreamOptions;
  readonly waiting: WaitingRoom;
  /** Requests whose bodies still come in. */
  readonly collecting = new Members<RequestSide>();
  /** Has it deadlines of which half a second is a large part? */
  readonly hasShortTimes: boolean;
  readonly repeated: RepeatedReplies;

  private readonly policy: Policy;
  private readonly keepaliveTimeoutMs: number;
  private readonly keepaliveAgeMs: number;
  private readonly keepaliveRequests: number;
  /** Undefined: in the clear. */
  private readonly secure: SecureServers | undefined;
  private readonly names: Names;
  private readonly health: HealthChecks | undefined;
  /** For `hash`: of the servers that there are. */
  private owners: Rendezvous | undefined = undefined;
  private readonly connections = new Members<UpstreamConnection>();
  /** Of the last sweep, for what need not be exact. */
  private sweptMs = monotonicMs();
  private closing = false;

  /** `counts`: of all fronts, and of what this upstream was before a reload, whose requests go on. */
  constructor(options: UpstreamOptions, log: Log, counts?: CountSketch) {
    this.name = options.name;
    this.options = options;
    this.log = log;
    this.policy = options.policy ?? "round_robin";
    this.keepaliveTimeoutMs = options.keepaliveTimeoutMs ?? KEEPALIVE_TIMEOUT_MS;
    this.keepaliveAgeMs = options.keepaliveAgeMs ?? KEEPALIVE_AGE_MS;
    this.keepaliveRequests = options.keepaliveRequests ?? KEEPALIVE_REQUESTS_MAX;
    this.dialect = options.protocol === "http" ? makeHttpDialect(options) : makeUwsgiDialect(options);
    this.repeated = new RepeatedReplies(options);
    const { servers, keepalive, nameTtlMs = 0 } = options;
    const isBounded = ({ connectionsMax = 0 }: ServerOptions) => connectionsMax > 0;
    const occupancy = counts === undefined ? undefined : new Occupancy(counts, options.name);
    const waiters = servers.some(isBounded) ? occupancy : undefined;
    this.waiting = new WaitingRoom(waiters, () => this.peers.filter(isFull).length);
    const comparing = comparesLoad(this.policy);
    const occupancyFor = (server: ServerOptions) => (comparing || isBounded(server) ? occupancy : undefined);
    const kept = this.dialect.keepsAlive ? keepalive : 0;
    const turns = new LookupTurns(counts);
    this.names = new Names(servers, { keepalive: kept, ttlMs: nameTtlMs, occupancyFor, turns }, this);
    this.names.tick(this.sweptMs);
    const { tls } = options;
    this.secure = tls === undefined ? undefined : new SecureServers(tls);
    const { health } = options;
    this.health = health === undefined ? undefined : new HealthChecks(options, health, log, this.secure);
    this.hasShortTimes = shortestMs(options) < SHORT_MS;
    const first = servers[0]?.address;
    this.host = first?.kind === "tcp" ? showAddress(first) : "localhost";
  }

  get peers(): readonly Peer[] {
    return this.names.peers;
  }

  /** Which server is to be asked; undefined when none can be that is not in `tried`. */
  choose(exchange: Exchange, tried: readonly Peer[]): Peer | undefined {
    const { peers } = this;
    const only = peers.length === 1 ? peers[0] : undefined;
    if (only !== undefined) return tried.length === 0 && isUsable(only) ? only : undefined;
    const { policy } = this;
    const index = choosePeer(peers, tried, {
      policy,
      nowMs: monotonicMs(),
      random: Math.random,
      owners: policy === "hash" ? this.keyOwners() : undefined,
      hash: policy === "hash" ? this.hashOf(exchange) : 0,
      stuckTo: policy === "sticky" ? peers.findIndex(({ id }) => id === this.stickyIdOf(exchange)) : -1,
    });
    return peers[index];
  }

  private keyOwners(): Rendezvous {
    return (this.owners ??= new Rendezvous(this.peers));
  }

  private hashOf(exchange: Exchange): number {
    const { hashKey } = this.options;
    return hash32(hashKey === undefined ? exchange.peer.remoteAddress : evaluate(hashKey, exchange));
  }

  private stickyIdOf({ head }: Exchange): string {
    return cookieNamed(head.fields, this.options.stickyCookie ?? "");
  }

  /** The cookie that the client is to be given, or undefined when it has it. */
  stickyCookie(exchange: Exchange, peer: Peer): string | undefined {
    const { stickyCookie: name } = this.options;
    if (this.policy !== "sticky" || name === undefined || this.stickyIdOf(exchange) === peer.id) return undefined;
    return `${name}=${peer.id}; Path=/; HttpOnly; SameSite=Lax${exchange.peer.secure ? "; Secure" : ""}`;
  }

  /** An idle connection to that server, or undefined. `repeatable`: may the request be sent a second time? */
  takeIdle(peer: Peer, repeatable: boolean): UpstreamConnection | undefined {
    const idle = peer.pool.take(repeatable);
    if (idle !== undefined) this.begun(idle);
    return idle;
  }

  /** A fresh connection; `user` hears `connected` or `lost`, later. */
  connect(peer: Peer, user: ConnectionUser): UpstreamConnection {
    const parser = this.dialect.makeParser();
    const connection = new UpstreamConnection(peer, parser, this, this.options, user, this.sweptMs);
    this.connections.add(connection);
    this.begun(connection);
    connection.open(peer.address, this.secure?.towards(peer));
    return connection;
  }

  private begun(connection: UpstreamConnection): void {
    connection.busy = true;
    connection.peer.begun();
  }

  /** Its request is over, whatever became of it. */
  private ended(connection: UpstreamConnection): void {
    if (!connection.busy) return;
    connection.busy = false;
    connection.peer.ended();
    // One that failed before it was answered is no sign that the next would not.
    if (connection.answered) this.waiting.wake();
  }

  /** A reply was read to its end: keeps the connection if it can serve another request. */
  release(connection: UpstreamConnection, failed: boolean): void {
    const { peer } = connection;
    if (!failed && peer.fails > 0) peerSucceeded(peer, monotonicMs());
    this.ended(connection);
    const timeoutMs = this.keepsMs(connection);
    if (timeoutMs === 0) return connection.discard();
    connection.idle(timeoutMs);
    peer.pool.put(connection);
  }

  /** How long it may be kept idle; 0 for not at all. */
  private keepsMs(connection: UpstreamConnection): number {
    const { head } = connection.parser;
    if (!this.dialect.keepsAlive || this.closing || !head.persistent || !connection.reusable) return 0;
    if (connection.requests >= this.keepaliveRequests) return 0;
    if (this.sweptMs - connection.madeMs >= this.keepaliveAgeMs || !this.peers.includes(connection.peer)) return 0;
    return idleTimeoutMs(connection.keepAlive, this.keepaliveTimeoutMs);
  }

  /** `why`: for the log; undefined when it has been said. */
  serverFailed(peer: Peer, why: string | undefined): void {
    peer.failures++;
    peerFailed(peer, monotonicMs());
    if (why !== undefined) this.log.error(`upstream ${this.name}, server ${peer.name}: ${why}`);
  }

  /** Compares every deadline with the clock (base/clock monotonicMs); the front calls it about twice a second. */
  tick(nowMs: number): void {
    this.connections.forEach((connection) => connection.swept());
    this.tickBetween(nowMs);
  }

  /** As tick, between two of them: where `hasShortTimes`. */
  tickBetween(nowMs: number): void {
    this.sweptMs = nowMs;
    this.connections.forEach((connection) => connection.tick(nowMs));
    this.names.tick(nowMs);
    if (!this.closing && this.health?.tick(nowMs, this.peers) === true) this.waiting.wake();
  }

  status(): UpstreamStatus {
    const nowMs = monotonicMs();
    return { name: this.name, servers: this.peers.map((peer) => peer.status(nowMs)) };
  }

  /** Idle connections close now, busy ones when their reply is complete. True: there is none any more. */
  close(): boolean {
    this.closing = true;
    this.health?.close();
    for (const peer of this.peers) peer.pool.clear();
    return this.connections.size === 0;
  }

  /**
   * Ends what is under way, or of it what came by this route (ProxyOptions.identity). A reply that has begun breaks visibly, a tunnel
   * is closed on both sides, a request that has no reply yet is answered 502, or 503 where no server was asked. A reply that is here
   * in whole needs no server any more, and goes on to its client.
   */
  breakOff(route?: object): BrokenOff {
    const broken = { requests: 0, tunnels: 0 };
    const end = (what: "requests" | "tunnels", how: () => void) => {
      broken[what]++;
      try {
        how();
      } catch (error) {
        this.bug(error);
      }
    };
    const isMeant = (one: { readonly route: object | undefined }) => route === undefined || one.route === route;
    for (const one of this.waiting.of(route)) end("requests", () => one.brokenOff());
    this.collecting.forEach((one) => {
      if (isMeant(one)) end("requests", () => one.breakOff());
    });
    this.connections.forEach((connection) => {
      if (connection.phase === "idle" || !isMeant(connection)) return;
      end(connection.phase === "tunnel" ? "tunnels" : "requests", () => connection.breakOff(OVERDUE));
    });
    return broken;
  }

  /** Is something under way that came by this route? */
  isUsedBy(route: object): boolean {
    let found = this.waiting.of(route).length > 0;
    const look = (one: { readonly route: object | undefined }) => void (found ||= one.route === route);
    this.collecting.forEach(look);
    this.connections.forEach(look);
    return found;
  }

  // ── ConnectionOwner ───────────────────────────────────────────────────────────────────────────────────────────

  connectionIdleEnded(connection: UpstreamConnection): void {
    connection.peer.pool.remove(connection);
  }

  connectionClosed(connection: UpstreamConnection): void {
    this.connections.delete(connection);
    this.ended(connection);
  }

  bug(error: unknown): void {
    this.log.crit(`bug in upstream ${this.name}: ${error instanceof Error ? error.stack : String(error)}`);
  }

  // ── NamesOwner ────────────────────────────────────────────────────────────────────────────────────────────────

  peersChanged(): void {
    this.owners = undefined;
    this.log.info(`upstream ${this.name}: its servers are ${this.peers.map(({ name }) => name).join(", ")}`);
    this.waiting.wake();
  }

  nameFailed(host: string, why: string): void {
    this.log.warn(`upstream ${this.name}: ${host} cannot be resolved (${why}); what is known of it stays`);
  }
}

/** Connections that are not kept have no time to be idle. */
function shortestMs(options: UpstreamOptions): number {
  const { connectTimeoutMs, sendTimeoutMs, readTimeoutMs, headTimeoutMs = Infinity, health } = options;
  const idleMs = options.keepalive > 0 ? (options.keepaliveTimeoutMs ?? Infinity) : Infinity;
  const checkMs = health === undefined ? Infinity : Math.min(health.intervalMs, health.timeoutMs);
  return Math.min(connectTimeoutMs, sendTimeoutMs, readTimeoutMs, headTimeoutMs, idleMs, checkMs);
}

/** Of the only server a mark is no reason not to ask it. */
function isUsable(peer: Peer): boolean {
  const standing = standingOf(peer, Infinity);
  return standing === "ready" || standing === "marked";
}

export interface BrokenOff {
  readonly requests: number;
  readonly tunnels: number;
}

export interface UpstreamStatus {
  readonly name: string;
  readonly servers: readonly PeerStatus[];
}
