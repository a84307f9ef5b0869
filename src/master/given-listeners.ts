/**
 * Listening sockets that are there before the server is: those of the process before it (handover.ts), or systemd's
 * (sd_listen_fds(3): LISTEN_FDS of them from descriptor 3 on, for the process LISTEN_PID). systemd's are told by the address
 * that they are bound to; one that no configuration names stays systemd's affair.
 */
import { closeOnExec, isBoundTo } from "../os/sockets.ts";
import type { Inheritance } from "./handover.ts";
import type { GivenListeners } from "./listeners.ts";

const FIRST = 3;

/** Takes the words out of the environment: whatever is started from here is not meant. */
export function givenListeners(
  inheritance: Inheritance | undefined,
  environment: Record<string, string | undefined>,
): GivenListeners {
  const { LISTEN_FDS, LISTEN_PID } = environment;
  for (const name of ["LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"]) delete environment[name];
  if (inheritance === undefined && Number(LISTEN_PID) === process.pid) return ofSystemd(Number(LISTEN_FDS));
  const listeners = inheritance?.listeners ?? {};
  return { fds: Object.values(listeners).flat(), find: (_, key) => listeners[key], lent: false };
}

function ofSystemd(count: number): GivenListeners {
  const fds = Array.from({ length: count }, (_, i) => FIRST + i);
  fds.forEach(closeOnExec);
  const find: GivenListeners["find"] = (address) => {
    const found = fds.filter((fd) => isBoundTo(fd, address));
    return found.length === 0 ? undefined : found;
  };
  return { fds, find, lent: count > 0 };
}
