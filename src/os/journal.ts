/** Who reads what is printed: systemd says so in $JOURNAL_STREAM, with device and inode of the stream (systemd.exec(5)). */
import { fstatSync } from "node:fs";

/** Does the journal read this descriptor? */
export function isJournal(fd: number): boolean {
  const [device, inode] = (process.env["JOURNAL_STREAM"] ?? "").split(":").map(Number);
  if (device === undefined || inode === undefined || fd < 0) return false;
  try {
    const { dev, ino } = fstatSync(fd);
    return dev === device && ino === inode;
  } catch {
    // closed
    return false;
  }
}
