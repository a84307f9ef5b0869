/**
 * Connecting: the twin of listen.ts. The owner hears `connected` first, or `failed` and then nothing more.
 */
import type { Socket } from "bun";
import { SOCKET_EVENTS, SocketWire } from "./socket-wire.ts";
import type { OwnedWire, WireOwner } from "./wire.ts";

export type ConnectAddress =
  | { readonly kind: "tcp"; readonly host: string; readonly port: number }
  | { readonly kind: "unix"; readonly path: string }
  /** A connected descriptor (one end of a socket pair); it is closed with the wire. */
  | { readonly kind: "fd"; readonly fd: number };

export interface ConnectOwner extends WireOwner {
  connected(wire: OwnedWire): void;
  /** `why` is for the log: `connect to 127.0.0.1:8000: ECONNREFUSED`. */
  failed(why: string): void;
}

/** Returns at once. A deadline is the caller's: `cancel` gives up; then neither `connected` nor `failed` is called. */
export function connect(address: ConnectAddress, owner: ConnectOwner): { cancel(): void } {
  const attempt = new Attempt(address, owner);
  attempt.begin();
  return attempt;
}

class Attempt {
  private state: "trying" | "done" = "trying";
  private readonly address: ConnectAddress;
  private readonly owner: ConnectOwner;

  constructor(address: ConnectAddress, owner: ConnectOwner) {
    this.address = address;
    this.owner = owner;
  }

  begin(): void {
    const wire = new SocketWire(this.address.kind !== "tcp");
    const events = {
      ...SOCKET_EVENTS,
      open: (socket: Socket<SocketWire>) => this.opened(socket, wire),
      connectError: (_: Socket<SocketWire>, error: Error) => this.failed(error),
    };
    const settings = { ...place(this.address), allowHalfOpen: true, data: wire, socket: events };
    Bun.connect<SocketWire>(settings as Bun.UnixSocketOptions<SocketWire>).catch((error: Error) => this.failed(error));
  }

  private opened(socket: Socket<SocketWire>, wire: SocketWire): void {
    if (this.state === "done") return void socket.terminate();
    this.state = "done";
    wire.opened(socket);
    wire.owner = this.owner;
    this.owner.connected(wire);
  }

  private failed(error: Error): void {
    if (this.state === "done") return;
    this.state = "done";
    const { code } = error as { code?: string };
    this.owner.failed(`connect to ${showAddress(this.address)}: ${code ?? error.message}`);
  }

  cancel(): void {
    this.state = "done";
  }
}

function place(address: ConnectAddress): Record<string, unknown> {
  switch (address.kind) {
    case "tcp":
      return { hostname: address.host, port: address.port };
    case "unix":
      return { unix: address.path };
    case "fd":
      return { fd: address.fd };
  }
}

/** `127.0.0.1:8000`, `[::1]:8000`, `unix:/run/app.sock`. */
export function showAddress(address: ConnectAddress): string {
  switch (address.kind) {
    case "tcp":
      return address.host.includes(":") ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
    case "unix":
      return `unix:${address.path}`;
    case "fd":
      return `fd ${address.fd}`;
  }
}
