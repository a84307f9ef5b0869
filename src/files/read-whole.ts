/** Reads small files at once. */
import { Fields } from "../protocol/http/fields.ts";
import { isUnwritten } from "../os/file-stat.ts";
import { readAt } from "../os/read-at.ts";
import { closeDescriptor } from "../os/sockets.ts";
import type { OpenedFile } from "./open.ts";

/** Of a 503 where that failed. */
export const RETRY_AFTER = Fields.of([["Retry-After", "1"]]);

/** All of it, into `into` from `at` on. False when it is not what fstat said, or was written to meanwhile. */
export function readWhole({ fd, stats }: OpenedFile, into: Buffer, at: number): boolean {
  const { size } = stats;
  for (let done = 0; done < size;) {
    const got = readAt(fd, into, at + done, size - done, done);
    if (got <= 0) return false;
    done += got;
  }
  return isUnwritten(fd, stats);
}

/** As readWhole, and closes it. */
export function takeWhole(file: OpenedFile, into: Buffer, at: number): boolean {
  try {
    return readWhole(file, into, at);
  } finally {
    closeDescriptor(file.fd);
  }
}
