/**
 * The uwsgi packet of a request that comes again and again on one connection, byte for byte (http1/head-memo.ts): kept with
 * the connection, since its variables name the client's address and port, and only the last one.
 */
import type { Exchange, Peer } from "../exchange/exchange.ts";
import type { RequestHead } from "../protocol/http/message.ts";
import type { ProxyOptions } from "./options.ts";

/** Larger packets are not kept: there may be one for each connection. */
const BYTES_MAX = 2048;

interface Kept {
  readonly head: RequestHead;
  readonly route: ProxyOptions;
  readonly mount: string;
  readonly underscores: boolean;
  readonly bytes: Buffer;
}

/** Of one upstream. */
export class RepeatedPackets {
  private readonly kept = new WeakMap<Peer, Kept>();
  private readonly isPlain: boolean;

  /** `isPlain`: no option of the upstream looks at the request. */
  constructor(isPlain: boolean) {
    this.isPlain = isPlain;
  }

  /** Are head, route and connection all that its packet depends on? */
  isAlike(exchange: Exchange, bodyLength: number): boolean {
    if (exchange.head.repeats !== true || bodyLength !== 0 || !this.isPlain) return false;
    return exchange.forwarding !== "believed" && exchange.remoteUser === "";
  }

  find({ peer, head, mount, passesUnderscores }: Exchange, route: ProxyOptions): Buffer | undefined {
    const kept = this.kept.get(peer);
    if (kept === undefined || kept.head !== head || kept.route !== route || kept.mount !== mount) return undefined;
    return kept.underscores === passesUnderscores ? kept.bytes : undefined;
  }

  /** `packet` is copied. */
  keep({ peer, head, mount, passesUnderscores: underscores }: Exchange, route: ProxyOptions, packet: Buffer): void {
    if (packet.length > BYTES_MAX) return;
    this.kept.set(peer, { head, route, mount, underscores, bytes: Buffer.from(packet) });
  }
}
