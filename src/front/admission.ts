/**
 * Who is let in: the bounds on connections in all and for each client address, and the sessions that were let in. At the
 * bound in all the connection that has been idle longest makes room (as nginx does with its reusable connections).
 */
import { monotonicMs } from "../base/clock.ts";
import type { Trust } from "../exchange/client-address.ts";
import type { AddressCounts } from "../exchange/address-counts.ts";
import { IdleSessions } from "./idle-sessions.ts";
import type { LimitLog } from "./limit-log.ts";
import type { Session } from "./session.ts";
import type { Usage } from "../exchange/usage.ts";

export interface AdmissionBounds {
  readonly connectionsMax: number;
  /** 0 for no bound. */
  readonly connectionsPerAddressMax: number;
  /** Peers that speak for many clients: not counted by address. */
  readonly trust: Trust;
}

export interface AdmissionOptions extends AdmissionBounds {
  readonly usage: Usage;
  readonly addresses: AddressCounts;
  readonly limits: LimitLog;
}

/** Of a session whose address is not counted. */
const UNCOUNTED = "";

interface Admitted {
  /** Under which it is counted. */
  readonly address: string;
  /** Where it came in. */
  readonly port: object;
}

export class Admission {
  private readonly admitted = new Map<Session, Admitted>();
  private options: AdmissionOptions;
  private readonly idle: IdleSessions;

  constructor(options: AdmissionOptions) {
    this.options = options;
    this.idle = new IdleSessions({ [Symbol.iterator]: () => this.admitted.keys() });
  }

  get sessions(): Iterable<Session> {
    return this.admitted.keys();
  }

  /** How many wait for a request, and how many have one. */
  states(): { readonly idle: number; readonly active: number } {
    const nowMs = monotonicMs();
    let idle = 0;
    for (const session of this.admitted.keys()) if (session.idleSinceMs(nowMs) >= 0) idle++;
    return { idle, active: this.admitted.size - idle };
  }

  /** For connections that come from now on. */
  setBounds(bounds: AdmissionBounds): void {
    this.options = { ...this.options, ...bounds };
  }

  /** Those that came in there. */
  sessionsOf(port: object): Session[] {
    return [...this.admitted].filter(([, admitted]) => admitted.port === port).map(([session]) => session);
  }

  get size(): number {
    return this.admitted.size;
  }

  /** Is there room for one more connection, or can some be made? */
  hasRoom(remoteAddress: string): boolean {
    const { usage, connectionsMax, limits } = this.options;
    if (usage.connections < connectionsMax) return true;
    const made = this.shedIdle(1) === 1;
    limits.hit("max_connections", made ? "the longest idle connection is closed" : `${remoteAddress} is refused`);
    return made;
  }

  /** May that client have one more? Another front may take the last one before it is claimed. */
  mayConnect(address: string): boolean {
    const { connectionsPerAddressMax, addresses } = this.options;
    return !this.isCounted(address) || addresses.of(address) < connectionsPerAddressMax || this.refused(address);
  }

  /** One more for that client, to be opened next. It is counted before it is looked at: of two fronts that do so at once, none
   *  gets what is not there, and both may find nothing. */
  claim(address: string): boolean {
    const { connectionsPerAddressMax, addresses } = this.options;
    if (!this.isCounted(address)) return true;
    addresses.connected(address, 1);
    if (addresses.of(address) <= connectionsPerAddressMax) return true;
    addresses.connected(address, -1);
    return this.refused(address);
  }

  private refused(address: string): false {
    this.options.limits.hit("max_connections_per_address", `${address} is refused`);
    return false;
  }

  private isCounted(address: string): boolean {
    const { connectionsPerAddressMax, trust } = this.options;
    return connectionsPerAddressMax > 0 && address !== "" && address !== "unix:" && !trust(address);
  }

  /** `address`: that was claimed, "" while the client is not known. `port`: where it came in. */
  opened(session: Session, address: string, port: object): void {
    this.admitted.set(session, { address: this.isCounted(address) ? address : UNCOUNTED, port });
    this.options.usage.connected(1);
  }

  closed(session: Session): void {
    const { usage, addresses } = this.options;
    const admitted = this.admitted.get(session);
    if (admitted === undefined) return;
    this.admitted.delete(session);
    usage.connected(-1);
    if (admitted.address !== UNCOUNTED) addresses.connected(admitted.address, -1);
  }

  /** The same connection, counted on. */
  replaced(session: Session, by: Session): void {
    const admitted = this.admitted.get(session);
    if (admitted === undefined) return;
    this.admitted.delete(session);
    this.admitted.set(by, admitted);
  }

  /** Closes up to `count` connections that have been idle longest; returns how many. */
  shedIdle(count: number): number {
    return this.idle.shed(count);
  }
}
