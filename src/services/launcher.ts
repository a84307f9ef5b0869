/** Services and timed commands begin as this executable, which reads over the leash what it should become (os/launcher.ts). */
import { launch } from "../os/launch.ts";
import { EXIT_CANNOT_EXECUTE, readSpec } from "../os/launcher.ts";

/** The hidden word of the command line. */
export const LAUNCH_WORD = "launch-service";

/** In the child: standard streams are 0 to 2. */
export const LEASH_FD = 3;

/** For the launcher. Only returns when it failed, with the exit code. */
export function launchFromLeash(): number {
  try {
    return launch(readSpec(LEASH_FD));
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    return EXIT_CANNOT_EXECUTE;
  }
}
