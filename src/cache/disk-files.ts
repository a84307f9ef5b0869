/** The files of one disk cache: a directory of this user alone, written to by one front. Nothing here blocks the thread but the
 *  removal of a few files. What a process left that was killed is found by its name and removed. */
import { constants, unlinkSync } from "node:fs";
import { lstat, mkdir, open, opendir, rename, unlink } from "node:fs/promises";
import { decodeHead, decodePrelude, type DiskHead, PRELUDE_BYTES } from "./disk-format.ts";

const DIRECTORY_MODE = 0o700;
const FILE_MODE = 0o600;
/** Most heads are smaller, so that one read finds them. */
const FIRST_READ_BYTES = 4096;
const TEMPORARY = "new-";

export interface FoundFile {
  readonly name: string;
  readonly head: DiskHead;
  readonly fileBytes: number;
}

export class DiskFiles {
  readonly directory: string;

  constructor(directory: string) {
    this.directory = directory;
  }

  /** Throws when it cannot be, or is not this user's alone. */
  async makeDirectory(): Promise<void> {
    await mkdir(this.directory, { recursive: true, mode: DIRECTORY_MODE });
    const found = await lstat(this.directory);
    if (!found.isDirectory() || found.uid !== process.getuid?.() || (found.mode & 0o077) !== 0)
      throw new Error(`${this.directory} should be a directory of this user, with mode 0700`);
  }

  /** There is either the whole file or none of this name. Throws what the system says. */
  async write(name: string, front: Buffer, content: Uint8Array): Promise<void> {
    const temporary = this.path(TEMPORARY + name);
    try {
      const file = await open(temporary, "wx", FILE_MODE);
      try {
        await file.writev([front, content]);
        // A short write is a full disk, whatever it says.
        if ((await file.stat()).size !== front.length + content.length) throw new Error("it was not written in whole");
      } finally {
        await file.close();
      }
      await rename(temporary, this.path(name));
    } catch (error) {
      await this.remove(TEMPORARY + name);
      throw error;
    }
  }

  /** Undefined: there is none of this length. */
  async read(name: string, fileBytes: number): Promise<Buffer | undefined> {
    try {
      const file = await open(this.path(name), constants.O_RDONLY | constants.O_NOFOLLOW);
      try {
        if ((await file.stat()).size !== fileBytes) return undefined;
        const bytes = Buffer.allocUnsafeSlow(fileBytes);
        const { bytesRead } = await file.read(bytes, 0, fileBytes, 0);
        return bytesRead === fileBytes ? bytes : undefined;
      } finally {
        await file.close();
      }
    } catch {
      return undefined;
    }
  }

  async remove(name: string): Promise<void> {
    await unlink(this.path(name)).catch(() => {});
  }

  /** At once, so that not even a crash brings it back. */
  removeNow(name: string): void {
    try {
      unlinkSync(this.path(name));
    } catch {
      // It is gone already.
    }
  }

  /** The entries that `isWanted`; all other files are removed. */
  async scan(isWanted: (head: DiskHead) => boolean, found: (file: FoundFile) => void): Promise<void> {
    for await (const entry of await opendir(this.directory)) {
      if (entry.isDirectory()) continue;
      const file = entry.isFile() && !entry.name.startsWith(TEMPORARY) ? await this.readHead(entry.name) : undefined;
      if (file !== undefined && isWanted(file.head)) found(file);
      else await this.remove(entry.name);
    }
  }

  private async readHead(name: string): Promise<FoundFile | undefined> {
    try {
      const file = await open(this.path(name), constants.O_RDONLY | constants.O_NOFOLLOW);
      try {
        const { size } = await file.stat();
        let bytes = await readBeginning(file, Math.min(size, FIRST_READ_BYTES));
        const prelude = decodePrelude(bytes, size);
        if (prelude === undefined) return undefined;
        const needed = PRELUDE_BYTES + prelude.headBytes;
        if (needed > bytes.length) bytes = await readBeginning(file, needed);
        const head = decodeHead(bytes, prelude);
        return head === undefined ? undefined : { name, head, fileBytes: size };
      } finally {
        await file.close();
      }
    } catch {
      return undefined;
    }
  }

  private path(name: string): string {
    return `${this.directory}/${name}`;
  }
}

async function readBeginning(file: Awaited<ReturnType<typeof open>>, length: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(length);
  const { bytesRead } = await file.read(bytes, 0, length, 0);
  return bytes.subarray(0, bytesRead);
}
