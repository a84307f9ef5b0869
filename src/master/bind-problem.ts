/** Why the server cannot listen on an address: the setting, what the kernel says, and what to do about it. */
import type { ListenAddress } from "../config/config.ts";
import { here } from "../machine/here.ts";
import { portsInUse } from "../machine/ports.ts";
import { EACCES, EADDRINUSE, EADDRNOTAVAIL, OsError } from "../os/libc.ts";

/** `setting`: as the configuration names it, `site.listen`. */
export function bindProblem(setting: string, address: ListenAddress, error: Error): Error {
  return new Error(`${setting}: ${error.message}${remedy(error, address)}`, { cause: error });
}

function remedy(error: Error, address: ListenAddress): string {
  if (!(error instanceof OsError)) return "";
  switch (error.errno) {
    case EADDRINUSE:
      return `; stop ${holderOf(address)}, or choose another address`;
    case EADDRNOTAVAIL:
      return "; choose an address that this machine has, or 0.0.0.0 for all of them";
    case EACCES:
      return "; ports below 1024 need root or CAP_NET_BIND_SERVICE, unix sockets a directory that may be written";
    default:
      return "";
  }
}

/** Those of other users are seen by root only. */
function holderOf(address: ListenAddress): string {
  const uses = address.kind === "tcp" ? portsInUse(here().files, [address.port]) : [];
  const holders = uses.flatMap((use) => use.holders).filter(({ pid }) => pid !== process.pid);
  const names = holders.map(({ name, pid }) => `${name} (pid ${pid})`).join(", ");
  return names === "" ? "the program that listens there" : `${names}, which listens there`;
}
