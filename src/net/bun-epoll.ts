/**
 * Which descriptor is the epoll of this thread's Bun: the one that watches a socket of this thread. proc(5) tells what each
 * watches, by number and inode:
 *
 *   /proc/self/fdinfo/6:   tfd:       23 events:     2019 data: …  pos:0 ino:1a2b3c sdev:8
 */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
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

function findWatcher(fd: number): number | undefined {
  const inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/self/fd/${fd}`))?.[1];
  const names = readdirSync("/proc/self/fd");
  const found = names.find((name) => isEpoll(name) && watches(name, fd, Number(inode).toString(16)));
  return found === undefined ? undefined : Number(found);
}

function isEpoll(name: string): boolean {
  try {
    return readlinkSync(`/proc/self/fd/${name}`) === "anon_inode:[eventpoll]";
  } catch {
    // closed since the list was made
    return false;
  }
}

function watches(name: string, fd: number, inode: string): boolean {
  const watched = readFileSync(`/proc/self/fdinfo/${name}`, "latin1").split("\n");
  return watched.some((line) => new RegExp(`^tfd:\\s*${fd}\\s.*\\sino:${inode}(\\s|$)`).test(line));
}
