/**
 * Between two processes of this machine there is no path to model, to probe or to pace: what is sent there is as fast as who reads it.
 * So such connections have Reno, which only counts, and not what the operator chose for the network (TCP_CONGESTION). That other
 * peers keep.
 *
 * Measured where BBR is the machine's default, µs of processor time here: a small reply through an upstream 0.97 to 0.98 (both connections; 11, 20 and 24 rounds), a message that is
 * echoed between 200 WebSockets 0.98 (three times 14 to 28 rounds in turn: 0.980 to 0.985), a file of 100 MiB 1.2 times the bytes a
 * second where copying it is what takes the time. With CUBIC it is as with Reno. A call takes 0.5 µs: what listens gives it
 * to all that it accepts, others pay it when they are known to last, or to carry much.
 */
import { isLoopback } from "../base/ip-address.ts";
import { withReno } from "../os/stream-socket.ts";

/** `address`: of the peer, or of a socket that listens, from which connections inherit it. */
export function withoutPathModel(fd: number, address: string): void {
  if (isLoopback(address)) withReno(fd);
}
