/** Listening addresses as keys and as people write them. */
import type { ListenAddress } from "./config.ts";
import type { UpstreamAddress } from "./upstream-config.ts";

/** Equal for equal addresses, and what logs show: `127.0.0.1:8000`, `[::1]:80`, `unix:/run/x.sock`. */
export function listenKey(address: ListenAddress | UpstreamAddress): string {
  switch (address.kind) {
    case "tcp":
      return address.host.includes(":") ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
    case "unix":
      return `unix:${address.path}`;
  }
}
