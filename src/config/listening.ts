/** Listening addresses as they were written → the sockets that will be opened. */
import { lstatSync } from "node:fs";
import { dirname } from "node:path";
import type { ListenEntry } from "./address-kinds.ts";
import { UNIX_PATH_BYTES_MAX } from "./address.ts";
import { hasCapability } from "../os/capabilities.ts";
import type { ListenAddress } from "./config.ts";
import { absolute, type Context } from "./context.ts";
import type { Placed } from "./kinds.ts";
import { requireWritableParent } from "./paths.ts";
import type { Place } from "./place.ts";
import { findGroup, findUser } from "./users.ts";

/** Encrypted unless it says otherwise. */
export const TLS_PORT = 443;

export const EVERY_IPV4 = "0.0.0.0";
export const EVERY_IPV6 = "::";

/** Of unix sockets that do not say it. nginx makes its listeners like that: what is served to everyone may be asked by
 *  everyone. Of uwsgi's only the gateway's group and the owner: whoever connects may name any client address. */
export type SocketModes = Readonly<Record<ListenEntry["protocol"], number>>;

export const SOCKET_MODES: SocketModes = { http: 0o666, uwsgi: 0o660 };

/** One address, or two for a bare port on a machine with IPv6; none after reporting what is wrong with it. */
export function resolveListen(entry: Placed<ListenEntry>, defaultMode: number, context: Context): ListenAddress[] {
  const addresses = resolveAddresses(entry, defaultMode, context);
  return entry.value.proxyProtocol ? addresses.map((each) => ({ ...each, proxyProtocol: true })) : addresses;
}

/** Those of a site, which may be encrypted, or a gateway's. */
export function resolveSiteListen(entry: Placed<ListenEntry>, modes: SocketModes, context: Context): ListenAddress[] {
  const { tls, protocol } = entry.value;
  const defaultMode = modes[protocol];
  if (protocol === "uwsgi")
    return resolveListen(entry, defaultMode, context).map((address) => ({ ...address, uwsgi: true }));
  return resolveListen(entry, defaultMode, context).map((address) => {
    if (address.kind === "unix" || !(tls ?? address.port === TLS_PORT)) return address;
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
      if (!fitsUnixPath(entry.place, path)) return [];
      if (!mayBeThere(path, context) && !requireWritableParent(entry.place, path)) return [];
      const owner = resolveOwner(entry);
      return [{ kind: "unix", path, mode: mode ?? defaultMode, ...(owner && { owner }) }];
    }
  }
}

/** A socket that is there may be ours already, made by root or by systemd; one that is another's is found out when it is bound. */
function mayBeThere(path: string, context: Context): boolean {
  return isRuntimeDirectory(dirname(path), context) || isSocket(path);
}

function isSocket(path: string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false })?.isSocket() === true;
  } catch {
    // The directory may be closed to us, which is said where it is asked for.
    return false;
  }
}

/** systemd makes it whenever the service starts (systemd.exec(5)); between two starts it is not there. */
function isRuntimeDirectory(directory: string, { environment }: Context): boolean {
  return (environment["RUNTIME_DIRECTORY"] ?? "").split(":").includes(directory);
}

/** chown(2) for -1. */
const AS_IT_IS = -1;

/** What is wrong was reported, and is left as it is. */
function resolveOwner({ place, value }: Placed<ListenEntry>): { uid: number; gid: number } | undefined {
  const { owner, group } = value;
  if (owner === undefined && group === undefined) return undefined;
  const uid = owner === undefined ? AS_IT_IS : findUser(owner)?.id;
  const gid = group === undefined ? AS_IT_IS : findGroup(group);
  const ownerFits = owner === undefined || mayGive(place.into("owner"), "user", owner, uid, process.geteuid?.());
  const groupFits = group === undefined || mayGive(place.into("group"), "group", group, gid, process.getegid?.());
  if (!ownerFits || !groupFits) return undefined;
  return { uid: uid ?? AS_IT_IS, gid: gid ?? AS_IT_IS };
}

/** Who is not root may give nothing away, but to a group that it is in. */
function mayGive(place: Place, what: string, name: string, id: number | undefined, own: number | undefined): boolean {
  if (id === undefined) {
    place.wrong({ what: `names ${name}`, should: `should be a ${what} of this machine` });
    return false;
  }
  if (hasCapability("CAP_CHOWN") || id === own || (what === "group" && process.getgroups?.().includes(id))) return true;
  place.wrong({
    what: `names ${name}, and only root may give a file away`,
    should: "should be left out, or the server started as root",
  });
  return false;
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
