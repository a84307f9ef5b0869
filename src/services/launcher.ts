/**
 * How a program is started: `/proc/self/exe LAUNCH_WORD` (this executable once more) reads over the leash what it should
 * become, and becomes it (os/launch.ts). So the program needs no help of a shell, and the environment and the arguments of
 * the step between, which everyone can read, hold nothing.
 */
import { readSync } from "node:fs";
import { join } from "node:path";
import { launch, type LaunchSpec } from "../os/launch.ts";
import { sendDescriptors } from "../os/sockets.ts";

/** The hidden word of the command line. */
export const LAUNCH_WORD = "launch-service";

/** In the child: standard streams are 0 to 2. */
export const LEASH_FD = 3;

/** As env(1) and shells: the program could not be executed. */
const EXIT_CANNOT_EXECUTE = 126;

/** More than a kernel takes in arguments and environment is nothing that could be launched (execve(2)). */
const SPEC_BYTES_MAX = 4 * 1024 * 1024;
const CHUNK_BYTES = 64 * 1024;
const NEWLINE = 0x0a;

/** The words that start this program anew as a launcher; also from the sources, for tests. */
export function launcherWords(): readonly string[] {
  const isCompiled = Bun.main.startsWith("/$bunfs/");
  const source = isCompiled ? [] : [join(import.meta.dir, "../main.ts")];
  // Not by its name: the file may have been replaced by another version meanwhile.
  return ["/proc/self/exe", ...source, LAUNCH_WORD];
}

/** For the master: what the launcher at the other end of the leash is to become. Throws when it cannot be said. */
export function sendSpec(leash: number, spec: LaunchSpec): void {
  const sent = sendDescriptors(leash, Buffer.from(`${JSON.stringify(spec)}\n`), []);
  if (!sent) throw new Error("arguments and environment are too large to be handed over");
}

/** For the launcher. Only returns when it failed, with the exit code. */
export function launchFromLeash(): number {
  try {
    return launch(JSON.parse(readLine(LEASH_FD)) as LaunchSpec);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    return EXIT_CANNOT_EXECUTE;
  }
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
