/** A command of the command line, run in this process: nobody sits there, and what is told is kept. */
import { runCli } from "../../src/cli/cli.ts";

export interface Told {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export async function told(
  words: readonly string[],
  folder: string,
  environment: Readonly<Record<string, string>> = {},
): Promise<Told> {
  const said = { stdout: "", stderr: "" };
  const code = await runCli([...words], {
    stdout: (text) => void (said.stdout += text),
    stderr: (text) => void (said.stderr += text),
    colour: { stdout: false, stderr: false },
    environment,
    folder,
  });
  return { code, ...said };
}
