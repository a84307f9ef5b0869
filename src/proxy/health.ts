/**
 * Active checks: each server is asked at an interval, whether or not it has requests. `fall` failures in a row take it out,
 * `rise` successes take it in again. Every front asks for itself: a front that cannot reach a server must not send
 * requests there, and none of them is the one whose death would end the checks. Within an interval the fronts ask at
 * different moments, since each begins where chance has it.
 *
 * By http: GET of the path, healthy when the status is one of those wanted. By uwsgi: the ping of the protocol (modifier1
 * 100); a server that closes without an answer does not know it, but lives.
 */
import { monotonicMs } from "../base/clock.ts";
import { fromLatin1 } from "../base/bytes.ts";
import type { Log } from "../base/log.ts";
import { connect } from "../net/connect.ts";
import type { ConnectOwner } from "../net/connect-address.ts";
import type { Wire } from "../net/wire.ts";
import { ClientConnection } from "../protocol/http1/client.ts";
import { DEFAULT_HEAD_LIMITS } from "../protocol/http1/limits.ts";
import { MODIFIER_PING } from "../protocol/uwsgi/packet.ts";
import { peerChecked } from "./balance.ts";
import type { HealthOptions, UpstreamOptions } from "./options.ts";
import type { Peer } from "./peer.ts";
import type { SecureServers } from "./secure.ts";

/** A page that is longer is judged by what came of it: by its status. */
const REPLY_BYTES_MAX = 64 * 1024;

const PING = Buffer.from([MODIFIER_PING, 0, 0, 0]);

interface Watched {
  dueMs: number;
  /** Begun. */
  checks: number;
  probe: Probe | undefined;
  succeeded: number;
  failed: number;
}

export class HealthChecks {
  private readonly protocol: UpstreamOptions["protocol"];
  private readonly name: string;
  private readonly options: HealthOptions;
  private readonly log: Log;
  private readonly watched = new Map<Peer, Watched>();
  private changed = false;

  private readonly secure: SecureServers | undefined;

  constructor(upstream: UpstreamOptions, options: HealthOptions, log: Log, secure?: SecureServers) {
    this.secure = secure;
    this.protocol = upstream.protocol;
    this.name = upstream.name;
    this.options = options;
    this.log = log;
  }

  /** True when a server changed sides since the last call. */
  tick(nowMs: number, peers: readonly Peer[]): boolean {
    for (const peer of this.watched.keys()) if (!peers.includes(peer)) this.forget(peer);
    for (const peer of peers) if (!peer.down) this.watch(peer, nowMs);
    const { changed } = this;
    this.changed = false;
    return changed;
  }

  private watch(peer: Peer, nowMs: number): void {
    let watched = this.watched.get(peer);
    if (watched === undefined) {
      const dueMs = nowMs + Math.random() * this.options.intervalMs;
      watched = { dueMs, checks: 0, probe: undefined, succeeded: 0, failed: 0 };
      this.watched.set(peer, watched);
    }
    watched.probe?.tick(nowMs);
    if (watched.probe !== undefined || nowMs < watched.dueMs) return;
    watched.dueMs = this.dueAfter(watched, nowMs);
    watched.checks++;
    const found = watched;
    const told = (why: string | undefined) => this.judged(peer, found, why);
    const probe = new Probe(peer, this.protocol, this.options, nowMs, told);
    probe.begin(peer, this.secure);
    // A connection may be refused before connect() returns.
    if (!probe.over) watched.probe = probe;
  }

  /** Counted from when this one was due: a sweep that comes late does not make all that follow late. */
  private dueAfter({ dueMs, checks }: Watched, nowMs: number): number {
    const { intervalMs } = this.options;
    return checks > 0 && nowMs < dueMs + intervalMs ? dueMs + intervalMs : nowMs + intervalMs;
  }

  /** `why` undefined: it is well. */
  private judged(peer: Peer, watched: Watched, why: string | undefined): void {
    watched.probe = undefined;
    watched.succeeded = why === undefined ? watched.succeeded + 1 : 0;
    watched.failed = why === undefined ? 0 : watched.failed + 1;
    const { rise, fall } = this.options;
    const isEnough = why === undefined ? watched.succeeded >= rise : watched.failed >= fall;
    if (!isEnough || !peerChecked(peer, why === undefined, monotonicMs())) return;
    this.changed = true;
    const of = `upstream ${this.name}, server ${peer.name}`;
    if (why === undefined) this.log.notice(`${of}: well again by its health checks`);
    else this.log.error(`${of}: taken out by its health checks: ${why}`);
  }

  private forget(peer: Peer): void {
    this.watched.get(peer)?.probe?.cancel();
    this.watched.delete(peer);
  }

  close(): void {
    for (const peer of this.watched.keys()) this.forget(peer);
  }
}

/** One question to one server. */
class Probe implements ConnectOwner {
  private readonly options: HealthOptions;
  private readonly parser: ClientConnection | undefined;
  private readonly request: Buffer;
  private readonly beganMs: number;
  private attempt: { cancel(): void } | undefined = undefined;
  private wire: Wire | undefined = undefined;
  private told: ((why: string | undefined) => void) | undefined;
  private receivedBytes = 0;

  constructor(
    peer: Peer,
    protocol: UpstreamOptions["protocol"],
    options: HealthOptions,
    nowMs: number,
    told: (why: string | undefined) => void,
  ) {
    this.options = options;
    this.beganMs = nowMs;
    this.told = told;
    this.parser = protocol === "http" ? new ClientConnection(DEFAULT_HEAD_LIMITS) : undefined;
    this.parser?.expect("GET");
    this.request = this.parser === undefined ? PING : checkRequest(peer, options);
  }

  begin(peer: Peer, secure: SecureServers | undefined): void {
    this.attempt = connect(peer.address, this, secure?.towards(peer));
  }

  get over(): boolean {
    return this.told === undefined;
  }

  connected(wire: Wire): void {
    if (this.told === undefined) return wire.abort();
    this.wire = wire;
    wire.write(this.request, 0, this.request.length);
  }

  failed(why: string): void {
    this.tell(why);
  }

  received(bytes: Uint8Array): void {
    this.receivedBytes += bytes.length;
    if (this.parser === undefined) return this.tell(bytes[0] === MODIFIER_PING ? undefined : "no answer to a ping");
    this.parser.receive(bytes);
    this.judge(this.parser);
  }

  ended(): void {
    if (this.parser === undefined) return this.tell(undefined);
    this.parser.receivedEnd();
    this.judge(this.parser);
  }

  closed(): void {
    this.tell(this.parser === undefined ? undefined : "the connection was closed without an answer");
  }

  drained(): void {}

  private judge(parser: ClientConnection): void {
    for (;;) {
      switch (parser.next()) {
        case "failed":
          return this.tell(`bad reply (${parser.failure.code})`);
        case "head":
          return this.judgeStatus(parser.head.status);
        case "need-data":
          if (this.receivedBytes > REPLY_BYTES_MAX) this.tell("bad reply (no end of its head)");
          return;
      }
    }
  }

  private judgeStatus(status: number): void {
    const { statusMin, statusMax } = this.options;
    this.tell(status >= statusMin && status <= statusMax ? undefined : `it answers ${status}`);
  }

  tick(nowMs: number): void {
    if (nowMs - this.beganMs >= this.options.timeoutMs) this.tell("no answer in time");
  }

  cancel(): void {
    this.told = undefined;
    this.attempt?.cancel();
    this.wire?.abort();
    this.wire = undefined;
  }

  private tell(why: string | undefined): void {
    const { told } = this;
    this.cancel();
    told?.(why);
  }
}

function checkRequest(peer: Peer, { path }: HealthOptions): Buffer {
  const host = peer.address.kind === "tcp" ? peer.name : "localhost";
  return fromLatin1(
    `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nUser-Agent: server-health-check\r\nConnection: close\r\n\r\n`,
  );
}
