/** Runs a program to its end: code and both streams, and never an exception for one that does not exist. */
import { join } from "node:path";

export const ROOT = join(import.meta.dir, "../..");

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

export function run(command: readonly string[], options: RunOptions = {}): Ran {
  const [program = ""] = command;
  if (Bun.which(program) === null) return { code: 127, stdout: "", stderr: `${program}: not found` };
  const { exitCode, stdout, stderr } = Bun.spawnSync([...command], {
    cwd: options.cwd ?? ROOT,
    env: { ...process.env, ...options.env },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  return { code: exitCode, stdout: stdout.toString(), stderr: stderr.toString() };
}
