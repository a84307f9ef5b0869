/**
 * epoll(7): one set of descriptors and what is ready of them: as long as it is, or once (EPOLLET). An entry carries a token, which comes back with
 * its events: the descriptor and a number that its owner gives, so that an event of a descriptor that was closed since cannot
 * be taken for one of its successor.
 *
 *   struct epoll_event   x64, packed:  0 events(u32)  4 descriptor(u32)  8 number(u32)
 *                        arm64:        0 events(u32)  8 descriptor(u32) 12 number(u32)
 */
import { readFileSync, readlinkSync } from "node:fs";
import { check, libc, ptr } from "./libc.ts";

export const EPOLLIN = 0x001;
export const EPOLLOUT = 0x004;
export const EPOLLERR = 0x008;
export const EPOLLHUP = 0x010;
export const EPOLLRDHUP = 0x2000;
/** Each change is told once. As a signed 32-bit number. */
export const EPOLLET = 1 << 31;

const EPOLL_CTL_ADD = 1;
const EPOLL_CTL_DEL = 2;
const EPOLL_CTL_MOD = 3;
const EPOLL_CLOEXEC = 0o2000000;

/** Events taken with one call (nginx: epoll_events, 512). */
const EVENTS_MAX = 512;

/** In 32-bit words. */
const STRIDE = process.arch === "arm64" ? 4 : 3;
const DESCRIPTOR = process.arch === "arm64" ? 2 : 1;
const NUMBER = DESCRIPTOR + 1;

/** Closes the sockets in the set `epoll`, and the set: of a thread that was ended in the middle of its work. What else is in
 *  it (the runtime's own descriptors) is the runtime's to close. */
export function closeSockets(epoll: number): void {
  const entries = readFileSync(`/proc/self/fdinfo/${epoll}`, "latin1").matchAll(/^tfd:\s*(\d+)/gm);
  for (const [, fd = ""] of entries) if (isSocket(fd)) libc.close(Number(fd));
  libc.close(epoll);
}

function isSocket(fd: string): boolean {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`).startsWith("socket:");
  } catch {
    // closed meanwhile
    return false;
  }
}

export class Epoll {
  readonly fd = check(libc.epoll_create1(EPOLL_CLOEXEC), "epoll_create1", "");
  /** Over buffers of their own, whose places never change. */
  private readonly ready = new Int32Array(new ArrayBuffer(EVENTS_MAX * STRIDE * 4));
  private readonly readyAt = ptr(this.ready);
  private readonly entry = new Int32Array(new ArrayBuffer(STRIDE * 4));
  private readonly entryAt = ptr(this.entry);

  add(fd: number, events: number, number: number): void {
    check(this.control(EPOLL_CTL_ADD, fd, events, number), "epoll_ctl", `ADD ${fd}`);
  }

  modify(fd: number, events: number, number: number): void {
    check(this.control(EPOLL_CTL_MOD, fd, events, number), "epoll_ctl", `MOD ${fd}`);
  }

  /** To no effect when it is not in the set. */
  remove(fd: number): void {
    this.control(EPOLL_CTL_DEL, fd, 0, 0);
  }

  private control(operation: number, fd: number, events: number, number: number): number {
    const { entry } = this;
    entry[0] = events;
    entry[DESCRIPTOR] = fd;
    entry[NUMBER] = number;
    return libc.epoll_ctl(this.fd, operation, fd, this.entryAt);
  }

  /** How many events there are; 0 after `timeoutMs` or a signal. They are read with the three functions below. */
  wait(timeoutMs: number): number {
    return libc.epoll_wait(this.fd, this.readyAt, EVENTS_MAX, timeoutMs);
  }

  events(index: number): number {
    return this.ready[index * STRIDE] as number; // index is below what wait() gave
  }

  descriptor(index: number): number {
    return this.ready[index * STRIDE + DESCRIPTOR] as number; // as above
  }

  number(index: number): number {
    return this.ready[index * STRIDE + NUMBER] as number; // as above
  }

  close(): void {
    libc.close(this.fd);
  }
}
