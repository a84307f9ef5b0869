/**
 * Python processes that are not of the server's own user begin as this executable, which becomes that user and then the
 * interpreter (os/launch.ts): whoever may write a virtualenv, or a .pth file in it, says what an interpreter does from its
 * first instruction on. Here is only what such a process may say before there is Python in it.
 */
import { accessSync, constants, readdirSync, realpathSync, statSync, writeSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { launch, type LaunchSpec } from "../os/launch.ts";
import { EXIT_CANNOT_EXECUTE, readSpec } from "../os/launcher.ts";
import { EACCES, OsError } from "../os/libc.ts";
import { closeDescriptor } from "../os/sockets.ts";

/** The hidden word of the command line. */
export const PYTHON_WORD = "launch-python";

/** Behind those that Python has, see worker-process.ts. */
export const SPEC_FD = 10;
const CONTROL_FD = 3;

const REMEDY = "`python` of the app names another interpreter, such as /usr/bin/python3";

/** Only returns when it failed, with the exit code. */
export function launchPython(): number {
  let spec: LaunchSpec | undefined;
  try {
    spec = readSpec(SPEC_FD);
    closeDescriptor(SPEC_FD);
    const wanted = spec;
    return launch(wanted, () => {
      const libraries = librariesOf(wanted);
      return () => requireLibrary(wanted, libraries);
    });
  } catch (error) {
    writeSync(CONTROL_FD, `${JSON.stringify({ failed: describe(error, spec) })}\n`);
    return EXIT_CANNOT_EXECUTE;
  }
}

function describe(error: unknown, spec: LaunchSpec | undefined): string {
  if (spec !== undefined && error instanceof OsError && error.call === "execve" && error.errno === EACCES)
    return `${whoOf(spec)} may not execute ${spec.program}: ${REMEDY}`;
  return error instanceof Error ? error.message : String(error);
}

function whoOf({ user }: LaunchSpec): string {
  return typeof user?.groups === "string" ? user.groups : `user ${user?.uid}`;
}

/** Where this interpreter has its modules: `PREFIX/lib/python3.12`. None when it cannot be told. */
function librariesOf({ program, env }: LaunchSpec): string[] {
  try {
    const real = realpathSync(program);
    const prefix = env["PYTHONHOME"]?.split(":")[0] || dirname(dirname(real));
    const own = /^(?:python|pypy)\d\.\d+t?$/.exec(basename(real))?.[0];
    const names = readdirSync(join(prefix, "lib")).filter((name) =>
      own === undefined ? /^(?:python|pypy)3\.\d+t?$/.test(name) : name === own,
    );
    return names.map((name) => join(prefix, "lib", name)).filter((path) => statSync(path).isDirectory());
  } catch {
    return [];
  }
}

/** An interpreter below a private home directory would find none of its modules, and speak of encodings. */
function requireLibrary(spec: LaunchSpec, libraries: readonly string[]): void {
  const [first] = libraries;
  if (first === undefined || libraries.some(isReadable)) return;
  throw new Error(`${whoOf(spec)} may not read ${first}, the library of ${spec.program}: ${REMEDY}`);
}

function isReadable(path: string): boolean {
  try {
    accessSync(path, constants.R_OK | constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
