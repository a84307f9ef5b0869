/** Sizes as people write them: `50MB` for 50000000, as uWSGI's files have them, and `2GiB` for 2048 megabytes. */
import { formatSize } from "../../base/units.ts";

const MEGABYTE = 1_000_000;

export function sizeOf(bytes: number): string {
  return bytes > 0 && bytes % MEGABYTE === 0 ? `${bytes / MEGABYTE}MB` : formatSize(bytes);
}

/** Or a reference to a variable that holds the number. */
export function megabytes(count: number | string): string {
  return typeof count === "number" ? formatSize(count * 1024 * 1024) : `${count}MiB`;
}
