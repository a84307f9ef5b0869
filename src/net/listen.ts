/**
 * Accepting: takes up a listening descriptor that the master made and gives each connection an owner. Bun closes the
 * descriptor when the listener stops, so the master hands over a duplicate.
 */
import type { Socket } from "bun";
import { SOCKET_EVENTS, SocketWire } from "./socket-wire.ts";
import type { OwnedWire, WireOwner } from "./wire.ts";

export interface Listener {
  /** Stops accepting; connections that are open live on. */
  stop(): void;
}

export interface ListenOptions {
  readonly fd: number;
  readonly unix: boolean;
  /** Called for each connection, before any of its bytes. */
  readonly accept: (wire: OwnedWire) => WireOwner;
}

export function listen(options: ListenOptions): Listener {
  const { unix, accept } = options;
  const open = (socket: Socket<SocketWire>) => {
    const wire = new SocketWire(unix);
    socket.data = wire;
    wire.opened(socket);
    wire.owner = accept(wire);
  };
  const settings = { fd: options.fd, allowHalfOpen: true, socket: { ...SOCKET_EVENTS, open } };
  // Bun.listen takes { fd } (a test holds it to that); its type does not say so.
  const listener = Bun.listen<SocketWire>(settings as unknown as Bun.UnixSocketOptions<SocketWire>);
  return { stop: () => listener.stop(false) };
}
