/** What the master and a front thread say to each other (structured clone; descriptors are numbers of this process). */
import type { AppMessage } from "../apps/messages.ts";
import type { Config } from "../config/config.ts";
import type { RateMemory } from "../exchange/rate-table.ts";
import type { TlsPolicy } from "../net/server-tls.ts";
import type { SiteCertificates } from "./certificates.ts";
import type { FrontTraffic } from "./traffic.ts";

export interface ListenerHandle {
  /** The master's: the front listens on a duplicate of it. */
  readonly fd: number;
  /** Names the address: equal for every front, and the key under which sites are found (see master/listeners.ts). */
  readonly key: string;
  readonly unix: boolean;
  /** Encrypted, with this policy. */
  readonly tls: TlsPolicy | undefined;
  /** Every connection begins with a PROXY protocol header. */
  readonly proxyProtocol: boolean;
  /** Set for a listener that speaks the uwsgi protocol: the app behind it. */
  readonly app: string | undefined;
}

export interface LogDescriptors {
  /** -1: no access log. */
  readonly access: number;
  readonly error: number;
}

export type ToFront =
  | {
      readonly kind: "start";
      readonly front: number;
      /** Another thread was this front before, and died. */
      readonly replaced: boolean;
      readonly config: Config;
      readonly certificates: SiteCertificates;
      readonly listeners: readonly ListenerHandle[];
      /** App name → the sending end of its queue. */
      readonly queues: Readonly<Record<string, number>>;
      readonly logs: LogDescriptors;
      /** See exchange/usage.ts, exchange/address-counts.ts and proxy/occupancy.ts. */
      readonly usage: SharedArrayBuffer;
      readonly addresses: SharedArrayBuffer;
      readonly servers: SharedArrayBuffer;
      /** The buckets of each [limit.NAME]. */
      readonly rates: Readonly<Record<string, RateMemory>>;
    }
  /** Those of all sites, of which one or more have changed. */
  | { readonly kind: "certificates"; readonly certificates: SiteCertificates }
  /** Begin to accept: everything that requests need is there. */
  | { readonly kind: "accept" }
  | { readonly kind: "app"; readonly app: string; readonly message: AppMessage }
  /** Fail as a bug would: for tests of what the master does then. */
  | { readonly kind: "fault" }
  /** Replies that are kept no more: host and target, `*` at the end for all that begin so. */
  | { readonly kind: "forget"; readonly places: readonly string[] }
  /** To be answered with what is known of caches and upstreams, after `forget` was forgotten. */
  | { readonly kind: "question"; readonly question: number; readonly forget: string | undefined }
  /** Stop accepting, finish what is in flight, then say `drained`. */
  | { readonly kind: "drain" };

export type FromFront =
  | { readonly kind: "ready"; readonly front: number }
  /** It has stopped listening: its sockets may be closed, so that new connections are refused and not left waiting. */
  | { readonly kind: "deaf"; readonly front: number }
  | { readonly kind: "drained"; readonly front: number }
  | {
      readonly kind: "answer";
      readonly front: number;
      readonly question: number;
      readonly answer: FrontTraffic;
    }
  /** …of which the other fronts are to be told. */
  | { readonly kind: "forget"; readonly front: number; readonly places: readonly string[] };
