/** A command on a terminal of its own (util-linux's script), its screen as one text. */
import type { Subprocess } from "bun";
import { withoutNoOrphans } from "./binary.ts";
import { until, within } from "./wait.ts";

export class OnTerminal {
  private readonly child: Subprocess<"pipe", "pipe", "inherit">;
  private text = "";

  constructor(argv: readonly string[], folder: string, env: Readonly<Record<string, string>> = {}) {
    const words = argv.map((word) => `'${word.replaceAll("'", String.raw`'\''`)}'`).join(" ");
    // The shell is to become the command: one that stays (dash does) takes a Ctrl-C too, and its end is what is reported.
    const command = `exec ${words}`;
    this.child = Bun.spawn(["script", "--quiet", "--return", "--flush", "--command", command, "/dev/null"], {
      cwd: folder,
      env: { ...withoutNoOrphans(), TERM: "xterm", NO_COLOR: undefined, ...env },
      stdin: "pipe",
      stdout: "pipe",
      stderr: "inherit",
    });
    void this.collect();
  }

  private async collect(): Promise<void> {
    const decoder = new TextDecoder();
    for await (const bytes of this.child.stdout) this.text += decoder.decode(bytes, { stream: true });
  }

  /** All that was written so far, with its escape sequences. */
  get screen(): string {
    return this.text.replaceAll("\r\n", "\n");
  }

  async shows(wanted: string | RegExp, boundMs = 20_000): Promise<void> {
    const has = () => (typeof wanted === "string" ? this.screen.includes(wanted) : wanted.test(this.screen));
    await until(`${String(wanted)} on the screen`, boundMs, has).catch((error: unknown) => {
      throw new Error(`${String(error)}\n--- the screen:\n${this.screen}`, { cause: error });
    });
  }

  /** As typed: `\x03` is Ctrl-C. */
  type(keys: string): void {
    void this.child.stdin.write(keys);
    void this.child.stdin.flush();
  }

  ended(boundMs = 20_000): Promise<number> {
    return within("the end of the command", boundMs, this.child.exited);
  }

  kill(): void {
    this.child.kill("SIGKILL");
  }
}
