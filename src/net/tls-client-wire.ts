/** A Wire to a server over TLS, Bun's, that knows whether the server itself ended what it sends (connect-tls.ts). */
import { isWatchedForInput } from "./bun-epoll.ts";
import { ownLoop } from "./own-loop.ts";
import { SocketWire } from "./socket-wire.ts";

export class TlsClientWire extends SocketWire {
  constructor(unix: boolean) {
    super(unix, true);
  }

  /** Undefined in threads without a loop of their own, which pass nothing on. */
  get isEndCertain(): boolean | undefined {
    const loop = ownLoop();
    if (loop === undefined) return undefined;
    return loop.bunDescriptor !== undefined && isWatchedForInput(loop.bunDescriptor, this.descriptor);
  }

  /** A socket that is paused is not watched for input either. So it goes on until Bun has dealt with what it has read, of which a
   *  close_notify may be the last. */
  override pause(): void {
    if (this.paused) return;
    this.paused = true;
    setImmediate(pauseIfAsked, this);
  }

  stop(): void {
    if (this.paused) this.socket?.pause();
  }
}

function pauseIfAsked(wire: TlsClientWire): void {
  wire.stop();
}
