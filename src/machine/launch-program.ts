/** A program that root runs as somebody else begins as this executable (os/launch.ts), which needs nothing of the machine: not
 *  every system has a setpriv(1) that can. */
import { launch } from "../os/launch.ts";
import { EXIT_CANNOT_EXECUTE, readSpec } from "../os/launcher.ts";
import { closeDescriptor } from "../os/sockets.ts";

/** The hidden word of the command line. */
export const PROGRAM_WORD = "launch-program";

/** Behind standard streams and RESULT_FD. */
export const SPEC_FD = 4;

/** Only returns when it failed, with the exit code. */
export function launchProgram(): number {
  try {
    const spec = readSpec(SPEC_FD);
    closeDescriptor(SPEC_FD);
    // As root: a folder that the user may not enter is a finding for others.
    if (spec.cwd !== undefined) process.chdir(spec.cwd);
    return launch({ ...spec, cwd: undefined });
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    return EXIT_CANNOT_EXECUTE;
  }
}
