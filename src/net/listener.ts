/** What accepts connections, whichever way (listen.ts). */
import type { OwnedWire, WireOwner } from "./wire.ts";

export interface Listener {
  /** Stops accepting; connections that are open live on. */
  stop(): void;
  /** The same where nobody else accepts what the kernel has queued: all of that is accepted first, as far as this way can. */
  finish(): void;
}

export interface ListenOptions {
  readonly fd: number;
  readonly unix: boolean;
  /** Called for each connection, before any of its bytes. */
  readonly accept: (wire: OwnedWire) => WireOwner;
}
