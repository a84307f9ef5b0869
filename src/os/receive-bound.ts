/** How much the kernel holds at most of what has come for a program of this machine and is not read yet. */
import { readFileSync } from "node:fs";

/** Where the machine does not say (containers see only some of its settings): the kernel's own. */
const TCP_RMEM_BYTES = 6 * 1024 * 1024;
const RMEM_BYTES = 212_992;

function numberIn(path: string, usual: number): number {
  try {
    const last = Number(readFileSync(path, "latin1").trim().split(/\s+/).at(-1));
    return Number.isSafeInteger(last) && last > 0 ? last : usual;
  } catch {
    return usual;
  }
}

/** Bytes for one TCP connection: what it grows to by itself (net.ipv4.tcp_rmem), or what the program asked for (SO_RCVBUF, of which the
 *  kernel doubles what net.core.rmem_max allows; socket(7)). */
export function receivedBytesMax(): number {
  const grown = numberIn("/proc/sys/net/ipv4/tcp_rmem", TCP_RMEM_BYTES);
  return Math.max(grown, 2 * numberIn("/proc/sys/net/core/rmem_max", RMEM_BYTES));
}
