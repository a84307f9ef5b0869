/** Has the calling thread time to spare? By the time that it has had and that it has waited for (/proc/thread-self/schedstat, proc(5)). */
import { liveMs } from "../base/clock.ts";
import { hold } from "./held.ts";
import { libc, ptr } from "./libc.ts";
import { readAt } from "./read-at.ts";

const path = Buffer.from("/proc/thread-self/schedstat\0");
const O_RDONLY = 0;
const O_CLOEXEC = 0o2000000;
const AT_FDCWD = -100;

/** Between two looks. With 2 ms a thread that waits for its clients now and then is often taken for busy. */
const SAMPLE_MS = 10;

/** Of the time since the last look. */
const BUSY_SHARE = 0.9;

/** Of this thread, which has its own copy of this module. -1: there is none; undefined: nobody asked yet. */
let fd: number | undefined = undefined;
const text = Buffer.alloc(128);
let lookedMs = Number.NEGATIVE_INFINITY;
let wantedMs = 0;
let isBusy = false;

/** As it was in the last milliseconds in which somebody asked. False where the kernel does not tell. */
export function isThreadBusy(): boolean {
  const nowMs = liveMs();
  const passedMs = nowMs - lookedMs;
  if (passedMs < SAMPLE_MS) return isBusy;
  const nowWantedMs = timeWantedMs();
  isBusy = nowWantedMs - wantedMs >= BUSY_SHARE * passedMs;
  lookedMs = nowMs;
  wantedMs = nowWantedMs;
  return isBusy;
}

function opened(): number {
  const made = libc.openat(AT_FDCWD, ptr(path), O_RDONLY | O_CLOEXEC);
  return made === -1 ? -1 : hold(made);
}

/** Milliseconds in which it ran, or would have. */
function timeWantedMs(): number {
  fd ??= opened();
  const length = fd === -1 ? 0 : readAt(fd, text, 0, text.length, 0);
  if (length <= 0) return 0;
  const [ranNs = 0, waitedNs = 0] = text.latin1Slice(0, length).split(" ").map(Number);
  return (ranNs + waitedNs) / 1e6;
}
