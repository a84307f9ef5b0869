/**
 * A server that goes to the background: this executable once more, with the same words, in a session of its own and without
 * a terminal. What it prints before its logs are open goes to its log.
 */
import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { EXIT_FAILED, EXIT_OK, type Terminal } from "./command.ts";

/** Says to the executable that it is the one in the background. */
const MARK = "SERVER_IN_BACKGROUND";

/** Read once, and taken out of what the server's own children inherit. */
const inBackground = process.env[MARK] === "1";
delete process.env[MARK];

export function isInBackground(): boolean {
  return inBackground;
}

/** `name`: whose place it takes; in ps it is what people look for. */
export function goToBackground(name: string, words: readonly string[], log: string, terminal: Terminal): number {
  let fd: number;
  try {
    fd = openSync(log, "a", 0o640);
  } catch (error) {
    terminal.stderr(`server: ${log} cannot be written to: ${error instanceof Error ? error.message : String(error)}\n`);
    return EXIT_FAILED;
  }
  const child = spawn(process.execPath, [...words], {
    argv0: name,
    cwd: terminal.folder,
    detached: true,
    env: { ...terminal.environment, [MARK]: "1" },
    stdio: ["ignore", fd, fd],
  });
  child.unref();
  closeSync(fd);
  return EXIT_OK;
}
