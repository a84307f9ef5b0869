/**
 * What a request that comes again and again on one connection, byte for byte (http1/head-memo.ts), looks like on its way to the
 * upstream: kept with the connection, since it names the client's address and port, and only the last one, once that has come a
 * second time. Nothing is decided here: who asks has seen to it that it depends on nothing but head, route and connection.
 */
import { EMPTY } from "../base/bytes.ts";
import type { Exchange, Peer } from "../exchange/exchange.ts";
import type { RequestHead } from "../protocol/http/message.ts";
import type { ProxyOptions } from "./options.ts";

/** Larger ones are not kept: there may be one for each connection. */
const BYTES_MAX = 2048;

interface Kept {
  head: RequestHead;
  route: ProxyOptions;
  mount: string;
  underscores: boolean;
  /** Empty as long as it has come but once. */
  bytes: Buffer;
}

/** Of one upstream. */
export class RepeatedBytes {
  private readonly kept = new WeakMap<Peer, Kept>();

  find(exchange: Exchange, route: ProxyOptions): Buffer | undefined {
    const kept = this.kept.get(exchange.peer);
    return kept !== undefined && kept.bytes.length > 0 && isFor(kept, exchange, route) ? kept.bytes : undefined;
  }

  /** The first `length` of `bytes`, which are copied. */
  keep(exchange: Exchange, route: ProxyOptions, bytes: Buffer, length: number): void {
    const { peer, head, mount, passesUnderscores: underscores } = exchange;
    const kept = this.kept.get(peer);
    if (kept === undefined) {
      this.kept.set(peer, { head, route, mount, underscores, bytes: EMPTY });
    } else if (!isFor(kept, exchange, route)) {
      Object.assign(kept, { head, route, mount, underscores, bytes: EMPTY });
    } else if (length <= BYTES_MAX) {
      kept.bytes = Buffer.from(bytes.subarray(0, length));
    }
  }
}

function isFor(kept: Kept, { head, mount, passesUnderscores }: Exchange, route: ProxyOptions): boolean {
  if (kept.head !== head || kept.route !== route) return false;
  return kept.mount === mount && kept.underscores === passesUnderscores;
}
