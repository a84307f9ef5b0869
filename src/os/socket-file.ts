/**
 * The name that a unix socket has in the file system. Somebody else may remove it, as a program that cleans /tmp up, or bind
 * another socket there: then nobody reaches ours, which the kernel does not tell (unix(7)), and what stands there is not ours to
 * remove. While the socket is open the kernel gives its inode to no other file.
 */
import { lstatSync, unlinkSync } from "node:fs";

export class SocketFile {
  readonly path: string;
  private readonly identity: string;

  /** Of the socket that has just been bound to `path`, or was given; it may be lost already. */
  constructor(path: string) {
    this.path = path;
    this.identity = identityOf(path);
  }

  get isInPlace(): boolean {
    return this.identity !== "" && identityOf(this.path) === this.identity;
  }

  remove(): void {
    try {
      if (this.isInPlace) unlinkSync(this.path);
    } catch {
      // somebody was faster
    }
  }
}

/** "" when nothing is there, or nothing that we may see. */
function identityOf(path: string): string {
  try {
    const found = lstatSync(path, { throwIfNoEntry: false });
    return found?.isSocket() === true ? `${found.dev}:${found.ino}` : "";
  } catch {
    return "";
  }
}
