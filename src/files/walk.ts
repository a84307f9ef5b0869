/**
 * The way to a file without any symbolic link, one step at a time, for kernels without openat2(2): each directory is
 * taken hold of with O_NOFOLLOW, and the next step starts from it, so that what is swapped behind us does not matter.
 */
import { openEntry, stepInto } from "../os/open-beneath.ts";
import { closeDescriptor } from "../os/sockets.ts";

const ELOOP = 40;
const ENOTDIR = 20;
const EXDEV = 18;

/** A descriptor, or -errno; `directory` stays the caller's. `name` is relative, with or without a closing slash. */
export function walkBeneath(directory: number, name: string): number {
  const steps = name.split("/").filter((step) => step !== "" && step !== ".");
  if (steps.includes("..")) return -EXDEV;
  const last = steps.pop() ?? ".";
  let at = directory;
  try {
    for (const step of steps) {
      const next = stepInto(at, step);
      if (at !== directory) closeDescriptor(at);
      at = next;
      // Of a link O_DIRECTORY | O_NOFOLLOW says that it is no directory.
      if (next < 0) return next;
    }
    return name.endsWith("/") ? enter(at, last) : openEntry(at, last);
  } finally {
    if (at >= 0 && at !== directory) closeDescriptor(at);
  }
}

/** A closing slash asks for a directory. */
function enter(at: number, name: string): number {
  const directory = stepInto(at, name);
  if (directory < 0) return directory === -ELOOP ? -ENOTDIR : directory;
  const fd = openEntry(directory, ".");
  closeDescriptor(directory);
  return fd;
}
