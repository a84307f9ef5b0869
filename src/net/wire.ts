/**
 * A wire: one byte stream in two directions, whatever carries it (TCP, unix socket, later TLS, in tests memory).
 * Its owner is told what happens; nothing here knows a protocol.
 */
import type { Sendable } from "../os/sendable.ts";

export interface Wire {
  /** Numeric address of the peer, `unix:` for a unix socket. */
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
  /** Is it encrypted by us? */
  readonly secure: boolean;
  /** What TLS said was wrong, if it was the reason of the end. */
  readonly trouble?: string | undefined;
  /** While `ended` is told: has the peer itself ended what it sends, and nobody on the way? Undefined where nothing tells. */
  readonly isEndCertain?: boolean | undefined;
  /** Takes as many bytes as the kernel has room for and returns how many (0 when closed). The rest is the caller's:
   *  `drained` tells when there is room again. The bytes may be reused as soon as the call returns. `more`: others
   *  are written in this very turn, and it is worth something to send them together. */
  write(bytes: Uint8Array, offset: number, length: number, more?: boolean): number;
  /** As write, of all of `bytes` with a few before and behind them (os/send-between.ts). Undefined where it is not one call. */
  readonly writeBetween?: ((before: Uint8Array, bytes: Uint8Array, after: Uint8Array) => number) | undefined;
  /** As write, of the bytes at `offset` of what the kernel sends by itself. Undefined where bytes are changed on their way. */
  readonly writeFrom?: ((source: Sendable, offset: number, length: number) => number) | undefined;
  /** Shows `to` the descriptor, of which it passes a duplicate to another process: that writes to the peer for a while, and nobody here
   *  does. When the wire is closed its output is shut down, whoever has a duplicate. False: not now, or `to` says so. Undefined where
   *  bytes are changed on their way. */
  readonly loan?: ((to: (descriptor: number) => boolean) => boolean) | undefined;
  /** When it is closed: bytes that were written to it since it was lent, by whoever. */
  readonly writtenSinceLoan?: number;
  /** Writes all of `bytes` with a descriptor beside them (unix(7), SCM_RIGHTS), or nothing. Undefined where nothing carries one. */
  readonly writeWith?: ((bytes: Uint8Array, descriptor: number) => boolean) | undefined;
  /** Bytes taken that the peer has not read, where that is a program of this machine; undefined where nobody knows, or bytes are changed
   *  on their way. */
  readonly unreadByPeer?: number | undefined;
  /** From now on it carries messages, or requests one after the other, for as long as it lasts: what is done once and makes each of
   *  them cheaper is worth it. May be called again to no effect. Undefined where there is nothing to do. */
  carryMessages?(): void;
  /** Stop and go on receiving; the kernel's buffer then slows the peer. Either may be called again to no effect. */
  pause(): void;
  resume(): void;
  /** Half-close: FIN after what was written. The other direction stays open. */
  shutdown(): void;
  /** Closes both directions after what the kernel has taken. */
  close(): void;
  /** Closes at once with a reset, so that the peer cannot take what it has for the whole. */
  abort(): void;
}

/** A wire with the place of its owner: for whoever hands it over to another protocol's owner. */
export interface OwnedWire extends Wire {
  owner: WireOwner | undefined;
}

export interface WireOwner {
  /** True: what the peer sent before it broke the connection is heard before `closed`, after a pause if need be. Else a wire that is
   *  found to be broken is closed at once. */
  readonly hearsOut?: boolean;
  /** Bytes that came and are only lent, for the time of the call. True: that was all, nothing of them is kept. False: nothing was
   *  done, they come to `received`. */
  glance?(bytes: Buffer): boolean;
  /** The bytes are the owner's from now on. */
  received(bytes: Uint8Array): void;
  /** There is room again after a short `write`. */
  drained(): void;
  /** The peer has half-closed; no more bytes will be received. */
  ended(): void;
  /** The last call, exactly once. */
  closed(): void;
}
