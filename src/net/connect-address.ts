/** Where a connection goes, and who hears of it: what every way of connecting (connect.ts) takes. */
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
