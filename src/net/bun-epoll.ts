/**
 * Which descriptor is the epoll of this thread's Bun: the one that watches a socket of this thread; and for what it watches one. proc(5)
 * tells that of each, by number and inode:
 *
 *   /proc/self/fdinfo/6:   tfd:       23 events:     2019 data: …  pos:0 ino:1a2b3c sdev:8
 */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { EPOLLIN } from "../os/epoll.ts";
import { closeDescriptor, socketPair } from "../os/sockets.ts";

/** Undefined where /proc does not tell. */
export async function findBunEpoll(): Promise<number | undefined> {
  const [ours, other] = socketPair("stream");
  try {
    const socket = await Bun.connect({
      fd: ours,
      socket: { data() {} },
    } as unknown as Bun.UnixSocketOptions<undefined>);
    const found = findWatcher(ours);
    socket.terminate();
    return found;
  } catch {
    return undefined;
  } finally {
    closeDescriptor(other);
  }
}

/** Is a socket of Bun's watched for input by the epoll that was found? False, too, where /proc does not tell. */
export function isWatchedForInput(epoll: number, fd: number): boolean {
  try {
    const [, events = "0"] = lineOf(fd, inodeOf(fd)).exec(watchedBy(epoll)) ?? [];
    return (parseInt(events, 16) & EPOLLIN) !== 0;
  } catch {
    return false;
  }
}

function findWatcher(fd: number): number | undefined {
  const line = lineOf(fd, inodeOf(fd));
  const found = readdirSync("/proc/self/fd").find((name) => isEpoll(name) && line.test(watchedBy(name)));
  return found === undefined ? undefined : Number(found);
}

function inodeOf(fd: number): string {
  const inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/self/fd/${fd}`))?.[1];
  return Number(inode).toString(16);
}

/** Of those that an epoll watches; it finds the mask of events, in hexadecimal. */
function lineOf(fd: number, inode: string): RegExp {
  return new RegExp(`^tfd:\\s*${fd}\\s+events:\\s*([0-9a-f]+)\\s.*\\sino:${inode}(?:\\s|$)`, "m");
}

function watchedBy(epoll: string | number): string {
  return readFileSync(`/proc/self/fdinfo/${epoll}`, "latin1");
}

function isEpoll(name: string): boolean {
  try {
    return readlinkSync(`/proc/self/fd/${name}`) === "anon_inode:[eventpoll]";
  } catch {
    // closed since the list was made
    return false;
  }
}
