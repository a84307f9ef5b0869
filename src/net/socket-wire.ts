/**
 * A Wire over one of Bun's sockets: the adapter that listen.ts and connect.ts share. Both directions are independent
 * (allowHalfOpen), so a peer that has half-closed still gets its answer.
 */
import type { Socket, SocketHandler } from "bun";
import type { Wire, WireOwner } from "./wire.ts";

export class SocketWire implements Wire {
  readonly secure: boolean;
  trouble: string | undefined = undefined;
  /** Set before any event arrives; replaced when another protocol takes over (upgrade). */
  owner: WireOwner | undefined;
  protected socket: Socket<SocketWire> | undefined;
  private readonly unix: boolean;
  protected paused = false;

  constructor(unix: boolean, secure = false) {
    this.unix = unix;
    this.secure = secure;
  }

  opened(socket: Socket<SocketWire>): void {
    this.socket = socket;
  }

  /** -1 when it is closed. */
  get descriptor(): number {
    // Bun has it; its type does not say so.
    return (this.socket as { readonly fd?: number } | undefined)?.fd ?? -1;
  }

  get remoteAddress(): string {
    return this.unix ? "unix:" : unmapped(this.socket?.remoteAddress ?? "");
  }

  get remotePort(): number {
    return this.unix ? 0 : (this.socket?.remotePort ?? 0);
  }

  get localAddress(): string {
    return this.unix ? "unix:" : unmapped(this.socket?.localAddress ?? "");
  }

  get localPort(): number {
    return this.unix ? 0 : (this.socket?.localPort ?? 0);
  }

  write(bytes: Uint8Array, offset: number, length: number): number {
    const taken = this.socket?.write(bytes, offset, length) ?? 0;
    return taken < 0 ? 0 : taken;
  }

  pause(): void {
    if (this.paused) return;
    this.paused = true;
    this.socket?.pause();
  }

  resume(): void {
    if (!this.paused) return;
    this.paused = false;
    this.socket?.resume();
  }

  shutdown(): void {
    this.socket?.shutdown();
  }

  close(): void {
    this.socket?.end();
  }

  abort(): void {
    this.socket?.terminate();
  }

  /** The socket is gone: no call reaches it any more, and the owner hears of it once. */
  lost(): void {
    if (this.socket === undefined && this.owner === undefined) return;
    this.socket = undefined;
    const { owner } = this;
    this.owner = undefined;
    owner?.closed();
  }
}

/** Of a wire that is a socket of ours, for the kernel's questions about it (SO_PEERCRED); -1 when it is none or closed. */
export function descriptorOf(wire: Wire): number {
  return wire instanceof SocketWire ? wire.descriptor : -1;
}

/** One handler object for all sockets: state lives in `socket.data`. */
export const SOCKET_EVENTS: SocketHandler<SocketWire> = {
  data: (socket, bytes) => socket.data.owner?.received(bytes),
  drain: (socket) => socket.data.owner?.drained(),
  end: (socket) => socket.data.owner?.ended(),
  close: (socket) => socket.data.lost(),
  error: () => {
    // `close` follows and tells the owner
  },
};

/** `::ffff:192.0.2.1` is an IPv4 peer on a dual-stack socket. */
function unmapped(address: string): string {
  return address.startsWith("::ffff:") && address.includes(".") ? address.slice(7) : address;
}
