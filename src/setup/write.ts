/** Files of others are changed here, and only here: whole or not at all, and the old one kept. */
import {
  existsSync,
  fchmodSync,
  fchownSync,
  fsyncSync,
  lchownSync,
  linkSync,
  mkdirSync,
  openSync,
  closeSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { findUser } from "../config/users.ts";

/** Readable for all, as a person's editor would make it; a file that is there keeps its mode. */
const MODE = 0o644;
const PRIVATE_MODE = 0o600;

/** `isPrivate`: for its owner alone, as what holds secrets should be. Returns where the old one is kept; undefined when there was none. A link stays one: what it leads to is written. Throws what
 *  the file system says. */
export function writeWhole(named: string, text: string, isPrivate = false): string | undefined {
  const old = statSync(named, { throwIfNoEntry: false });
  const path = old === undefined ? named : realpathSync(named);
  const fresh = join(dirname(path), `.${basename(path)}.new-${process.pid}`);
  const fd = openSync(fresh, "wx", isPrivate ? PRIVATE_MODE : MODE);
  try {
    try {
      writeFileSync(fd, text);
      likeOld(fd, old ?? statSync(dirname(path)), old && old.mode & (isPrivate ? 0o7700 : 0o7777));
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    const backup = old === undefined ? undefined : keepOld(path);
    renameSync(fresh, path);
    return backup;
  } catch (error) {
    rmSync(fresh, { force: true });
    throw error;
  }
}

/** The same mode and owner; a new one is the folder's owner's, when root makes it for somebody. By its descriptor: in a folder of
 *  theirs the name may be another file's by now. The mode comes last, since a change of owner takes bits from it. */
function likeOld(fd: number, like: { uid: number; gid: number }, mode: number | undefined): void {
  if (process.getuid?.() === 0) fchownSync(fd, like.uid, like.gid);
  if (mode !== undefined) fchmodSync(fd, mode);
}

/** `server.toml.1`, `.2`, …: by a link, so that there is no moment without the file. */
function keepOld(path: string): string {
  for (let number = 1; ; number++) {
    const backup = `${path}.${number}`;
    if (existsSync(backup)) continue;
    linkSync(path, backup);
    return backup;
  }
}

/** With what is missing above; the owner is that of the folder it is made in, or the user that is named. */
export function makeFolderFor(path: string, user?: string): void {
  const above = dirname(path);
  if (!existsSync(above)) makeFolderFor(above);
  if (existsSync(path)) return;
  mkdirSync(path);
  if (process.getuid?.() !== 0) return;
  const { uid, gid } = statSync(above);
  const owner = user === undefined ? undefined : findUser(user);
  lchownSync(path, owner?.id ?? uid, owner?.group ?? gid);
}
