/** Listening addresses as they were written → the sockets that will be opened. */
import type { ListenEntry } from "./address-kinds.ts";
import { UNIX_PATH_BYTES_MAX } from "./address.ts";
import type { ListenAddress } from "./config.ts";
import { absolute, type Context } from "./context.ts";
import type { Placed } from "./kinds.ts";
import { requireWritableParent } from "./paths.ts";
import type { Place } from "./place.ts";

/** Encrypted unless it says otherwise. */
export const TLS_PORT = 443;

export const EVERY_IPV4 = "0.0.0.0";
export const EVERY_IPV6 = "::";

/** One address, or two for a bare port on a machine with IPv6; none after reporting what is wrong with it. */
export function resolveListen(entry: Placed<ListenEntry>, defaultMode: number, context: Context): ListenAddress[] {
  const addresses = resolveAddresses(entry, defaultMode, context);
  return entry.value.proxyProtocol ? addresses.map((each) => ({ ...each, proxyProtocol: true })) : addresses;
}

/** Those of a site, which may be encrypted. */
export function resolveSiteListen(entry: Placed<ListenEntry>, defaultMode: number, context: Context): ListenAddress[] {
  const { tls, proxyProtocol } = entry.value;
  return resolveListen(entry, defaultMode, context).map((address) => {
    if (address.kind === "unix" || !(tls ?? address.port === TLS_PORT)) return address;
    if (proxyProtocol) {
      const what = "is encrypted and has proxy_protocol, which this version cannot read before TLS";
      entry.place.wrong({ what, should: "should be one of the two" });
    }
    return { ...address, tls: true };
  });
}

function resolveAddresses(entry: Placed<ListenEntry>, defaultMode: number, context: Context): ListenAddress[] {
  const { address, mode } = entry.value;
  switch (address.kind) {
    case "tcp":
      return [address];
    case "every":
      return everyAddress(address.port, context);
    case "unix": {
      const path = absolute(context, address.path);
      if (!fitsUnixPath(entry.place, path) || !requireWritableParent(entry.place, path)) return [];
      return [{ kind: "unix", path, mode: mode ?? defaultMode }];
    }
  }
}

export function everyAddress(port: number, context: Context): ListenAddress[] {
  const hosts = context.machine.ipv6 ? [EVERY_IPV4, EVERY_IPV6] : [EVERY_IPV4];
  return hosts.map((host) => ({ kind: "tcp", host, port }));
}

export function fitsUnixPath(place: Place, path: string): boolean {
  const length = Buffer.byteLength(path);
  if (length <= UNIX_PATH_BYTES_MAX) return true;
  place.wrong({
    what: `names a path of ${length} bytes`,
    should: `should have at most ${UNIX_PATH_BYTES_MAX} (unix(7))`,
  });
  return false;
}
