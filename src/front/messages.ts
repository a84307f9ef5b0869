/** What the master and a front thread say to each other (structured clone; descriptors are numbers of this process). */
import type { LogLevel } from "../base/log.ts";
import type { AppMessage } from "../apps/messages.ts";
import type { Content } from "../cache/sibling-messages.ts";
import type { Config } from "../config/config.ts";
import type { RateMemory } from "../exchange/rate-table.ts";
import type { TlsPolicy } from "../net/server-tls.ts";
import type { SiteCertificates } from "./certificates.ts";
import type { ChallengeAnswers } from "./challenges.ts";
import type { FrontTraffic } from "./traffic.ts";

export interface ListenerHandle {
  /** The master's: the front listens on a duplicate of it. */
  readonly fd: number;
  /** Names the address: equal for every front, and the key under which sites are found (see master/listeners.ts). */
  readonly key: string;
  readonly unix: boolean;
  /** All fronts listen on this one socket; else it is this front's alone. */
  readonly shared: boolean;
  /** Encrypted, with this policy. */
  readonly tls: TlsPolicy | undefined;
  /** Every connection begins with a PROXY protocol header. */
  readonly proxyProtocol: boolean;
  /** It speaks the uwsgi protocol. */
  readonly uwsgi: boolean;
  /** … and leads to this app alone; undefined: to sites. */
  readonly app: string | undefined;
}

/** The processes of an app. Another pool of the same app has another number. */
export interface AppPool {
  readonly number: number;
  /** The sending end of its queue. */
  readonly queueFd: number;
}

/** What a front needs of a configuration, the first one or a later. */
export interface Setup {
  readonly config: Config;
  readonly certificates: SiteCertificates;
  readonly listeners: readonly ListenerHandle[];
  /** By path, `stdout` and `stderr`. A log keeps its descriptor, see os/log-file.ts. */
  readonly accessLogs: Readonly<Record<string, number>>;
  /** By the names of the apps. */
  readonly pools: Readonly<Record<string, AppPool>>;
  /** The buckets of each [limit.NAME]. */
  readonly rates: Readonly<Record<string, RateMemory>>;
}

export type ToFront =
  | {
      readonly kind: "start";
      readonly front: number;
      /** Another thread was this front before, and died. */
      readonly replaced: boolean;
      readonly setup: Setup;
      readonly errorLog: number;
      /** See exchange/usage.ts, exchange/address-counts.ts and proxy/occupancy.ts. */
      readonly usage: SharedArrayBuffer;
      readonly addresses: SharedArrayBuffer;
      readonly servers: SharedArrayBuffer;
      /** See exchange/pulse.ts. */
      readonly pulses: SharedArrayBuffer;
      /** Its own; see os/held.ts. */
      readonly held: SharedArrayBuffer;
    }
  /** Those of all sites, of which one or more have changed. */
  | { readonly kind: "certificates"; readonly certificates: SiteCertificates }
  /** Answers that certificate authorities ask for, all that there are now. */
  | { readonly kind: "challenges"; readonly answers: ChallengeAnswers }
  /** Begin to accept: everything that requests need is there. */
  | { readonly kind: "accept" }
  /** Make ready to serve this in place of what is served, and say `prepared`. */
  | { readonly kind: "prepare"; readonly setup: Setup }
  /** Serve what was prepared, from the next request on, and say `changed`. */
  | { readonly kind: "change" }
  /** It is not to be served. */
  | { readonly kind: "discard" }
  | { readonly kind: "app"; readonly pool: number; readonly message: AppMessage }
  /** Fail as a bug would: for tests of what the master does then. */
  | { readonly kind: "fault"; readonly hangs: boolean }
  /** Replies that are kept no more: host and target, `*` at the end for all that begin so. */
  | { readonly kind: "forget"; readonly places: readonly string[] }
  /** Another front said this, see cache/siblings.ts. */
  | {
      readonly kind: "sibling";
      readonly from: number;
      readonly text: string;
      readonly body: Content | undefined;
    }
  /** This front died; another one will take its place. */
  | { readonly kind: "lost"; readonly front: number }
  /** To be answered with what is known of caches and upstreams, after `forget` was forgotten. */
  | { readonly kind: "question"; readonly question: number; readonly forget: string | undefined }
  /** Stop accepting for good, and say `deaf`. */
  | { readonly kind: "deafen" }
  /** After that: finish what is in flight, then say `drained`. */
  | { readonly kind: "drain" };

export type FromFront =
  | { readonly kind: "ready"; readonly front: number }
  /** `problem`: why it cannot be served. */
  | { readonly kind: "prepared"; readonly front: number; readonly problem: string | undefined }
  | { readonly kind: "changed"; readonly front: number }
  /** It has left these listeners: its sockets of them are closed. */
  | { readonly kind: "left"; readonly front: number; readonly keys: readonly string[] }
  /** It has no request for that pool any more. */
  | { readonly kind: "retired"; readonly front: number; readonly pool: number }
  /** It has stopped listening: its sockets may be closed, so that new connections are refused and not left waiting. */
  | { readonly kind: "deaf"; readonly front: number }
  | { readonly kind: "drained"; readonly front: number }
  /** A line of the error log, which it has written already. */
  | { readonly kind: "logged"; readonly line: string; readonly level: LogLevel }
  | {
      readonly kind: "answer";
      readonly front: number;
      readonly question: number;
      readonly answer: FrontTraffic;
    }
  /** For another front. */
  | {
      readonly kind: "sibling";
      readonly front: number;
      readonly to: number;
      readonly text: string;
      readonly body: Content | undefined;
    }
  /** …of which the other fronts are to be told. */
  | { readonly kind: "forget"; readonly front: number; readonly places: readonly string[] };

/** What is not copied on the way. */
export function handedOver(body: Content | undefined): ArrayBuffer[] {
  return body instanceof ArrayBuffer ? [body] : [];
}
