/**
 * How a program is started as somebody else, or apart from us: `/proc/self/exe WORD` (this executable once more) reads from a
 * socket what it should become, and becomes it (launch.ts). So the program needs no help of a shell, and the environment and
 * the arguments of the step between, which everyone can read, hold nothing.
 */
import { readSync } from "node:fs";
import { join } from "node:path";
import type { LaunchSpec } from "./launch.ts";
import { sendDescriptors } from "./sockets.ts";

/** As env(1) and shells: the program could not be executed. */
export const EXIT_CANNOT_EXECUTE = 126;

/** More than a kernel takes in arguments and environment is nothing that could be launched (execve(2)). */
const SPEC_BYTES_MAX = 4 * 1024 * 1024;
const CHUNK_BYTES = 64 * 1024;
const NEWLINE = 0x0a;

/** The words that start this program anew as a launcher, by a hidden word; also from the sources, for tests. */
export function launcherWords(word: string): readonly string[] {
  const isCompiled = Bun.main.startsWith("/$bunfs/");
  const source = isCompiled ? [] : [join(import.meta.dir, "../main.ts")];
  // Not by its name: the file may have been replaced by another version meanwhile.
  return ["/proc/self/exe", ...source, word];
}

/** For the master: what the launcher at the other end is to become. Throws when it cannot be said. */
export function sendSpec(socket: number, spec: LaunchSpec): void {
  const sent = sendDescriptors(socket, Buffer.from(`${JSON.stringify(spec)}\n`), []);
  if (!sent) throw new Error("arguments and environment are too large to be handed over");
}

/** For the launcher. */
export function readSpec(socket: number): LaunchSpec {
  return JSON.parse(readLine(socket)) as LaunchSpec;
}

function readLine(fd: number): string {
  const chunks: Buffer[] = [];
  for (let size = 0; size < SPEC_BYTES_MAX;) {
    const chunk = Buffer.alloc(CHUNK_BYTES);
    const length = readSync(fd, chunk);
    if (length === 0) break;
    chunks.push(chunk.subarray(0, length));
    size += length;
    if (chunk[length - 1] === NEWLINE) return Buffer.concat(chunks).toString();
  }
  throw new Error("the server is gone");
}
