/**
 * Accepting: takes up a listening descriptor that the master made and gives each connection an owner. The descriptor is closed when
 * the listener stops, so the master hands over a duplicate. In the thread's own loop where it has one, else Bun's.
 */
import type { Socket } from "bun";
import type { Listener, ListenOptions } from "./listener.ts";
import { ownLoop } from "./own-loop.ts";
import { PolledListener } from "./polled-listen.ts";
import { SOCKET_EVENTS, SocketWire } from "./socket-wire.ts";

export function listen(options: ListenOptions): Listener {
  const loop = ownLoop();
  return loop === undefined ? bunListener(options) : new PolledListener(loop, options);
}

function bunListener(options: ListenOptions): Listener {
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
  const stop = () => listener.stop(false);
  // It accepts when its loop says so, and not before.
  return { stop, finish: stop };
}
