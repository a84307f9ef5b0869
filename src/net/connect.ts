/**
 * Connecting: the twin of listen.ts. The owner hears `connected` first, or `failed` and then nothing more.
 */
import { isIP } from "node:net";
import type { Socket, SocketHandler } from "bun";
import { type ConnectAddress, type ConnectOwner, showAddress } from "./connect-address.ts";
import { type ClientTls, describeTls, handshakeFailure, tlsSettings } from "./connect-tls.ts";
import { ownLoop } from "./own-loop.ts";
import { PolledAttempt } from "./polled-connect.ts";
import { SOCKET_EVENTS, SocketWire } from "./socket-wire.ts";
import { TlsClientWire } from "./tls-client-wire.ts";

/** Returns at once. With `tls` a connection is one when its handshake is done and the server is who it should be. A deadline is the caller's: `cancel` gives up; then neither `connected` nor `failed` is called. */
export function connect(address: ConnectAddress, owner: ConnectOwner, tls?: ClientTls): { cancel(): void } {
  const loop = ownLoop();
  const polled = loop !== undefined && tls === undefined && isLiteral(address);
  const attempt = polled ? new PolledAttempt(loop, address, owner) : new Attempt(address, owner, tls);
  attempt.begin();
  return attempt;
}

/** Names are Bun's to resolve. */
function isLiteral(address: ConnectAddress): boolean {
  return address.kind !== "tcp" || isIP(address.host) !== 0;
}

class Attempt {
  private state: "trying" | "done" = "trying";
  private readonly address: ConnectAddress;
  private readonly owner: ConnectOwner;
  private readonly tls: ClientTls | undefined;
  /** Whose handshake is awaited. */
  private socket: Socket<SocketWire> | undefined = undefined;

  constructor(address: ConnectAddress, owner: ConnectOwner, tls: ClientTls | undefined) {
    this.address = address;
    this.owner = owner;
    this.tls = tls;
  }

  begin(): void {
    const { tls } = this;
    const isUnix = this.address.kind !== "tcp";
    const wire = tls === undefined ? new SocketWire(isUnix) : new TlsClientWire(isUnix);
    const events = {
      ...SOCKET_EVENTS,
      ...(tls === undefined
        ? { open: (socket: Socket<SocketWire>) => this.opened(socket, wire) }
        : this.secure(wire, tls)),
      connectError: (_: Socket<SocketWire>, error: Error) => this.failed(error),
    };
    const where = tls === undefined ? place(this.address) : { ...place(this.address), tls: tlsSettings(tls) };
    const settings = { ...where, allowHalfOpen: true, data: wire, socket: events };
    Bun.connect<SocketWire>(settings as Bun.UnixSocketOptions<SocketWire>).catch((error: Error) => this.failed(error));
  }

  private secure(wire: SocketWire, { verify }: ClientTls): SocketHandler<SocketWire> {
    return {
      open: (socket) => {
        if (this.state === "done") return void socket.terminate();
        this.socket = socket;
      },
      handshake: (socket, ok, error) => {
        this.socket = undefined;
        const why = handshakeFailure(ok, error, verify);
        if (why === undefined) return this.opened(socket, wire);
        // Before its end, which says less.
        this.refused(why);
        socket.terminate();
      },
      error: (_, error) => {
        wire.trouble = describeTls(error);
      },
      close: () => {
        wire.lost();
        this.refused("TLS: the connection was closed during the handshake");
      },
    };
  }

  private opened(socket: Socket<SocketWire>, wire: SocketWire): void {
    if (this.state === "done") return void socket.terminate();
    this.state = "done";
    wire.opened(socket);
    wire.owner = this.owner;
    this.owner.connected(wire);
  }

  private failed(error: Error): void {
    const { code } = error as { code?: string };
    this.refused(code ?? error.message);
  }

  private refused(why: string): void {
    if (this.state === "done") return;
    this.state = "done";
    this.owner.failed(`connect to ${showAddress(this.address)}: ${why}`);
  }

  cancel(): void {
    this.state = "done";
    this.socket?.terminate();
    this.socket = undefined;
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
