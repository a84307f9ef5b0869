/**
 * The built executable in a terminal of its own (tmux, on a socket of its own): keys are sent as a person types them, and the
 * screen is read as a person sees it.
 */
import { BINARY, withoutNoOrphans } from "./binary.ts";
import { until } from "./wait.ts";

const SEEN_BOUND_MS = 20_000;

export interface ScreenOptions {
  readonly words: readonly string[];
  readonly folder: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly columns?: number;
  readonly rows?: number;
}

export class TerminalScreen {
  private readonly socket = `server-test-${crypto.randomUUID()}`;
  private readonly env: Readonly<Record<string, string | undefined>>;

  constructor({ words, folder, env = {}, columns = 90, rows = 120 }: ScreenOptions) {
    // TERM is tmux's business; what a test says of it is set inside.
    const { TERM, ...rest } = env;
    this.env = { ...withoutNoOrphans(), NO_COLOR: undefined, LANG: "C.UTF-8", TMUX: undefined, ...rest };
    const term = TERM === undefined ? "" : `TERM=${TERM} `;
    // The shell outlives what Ctrl-C ends.
    const command = `trap : INT; ${term}${[BINARY, ...words].map(quoted).join(" ")}; echo "ended with $?"; read -r _`;
    const size = ["-x", String(columns), "-y", String(rows)];
    const ran = this.tmux(["-f", "/dev/null", "new-session", "-d", ...size, "-c", folder, "sh", "-c", command]);
    if (!ran.success) throw new Error(`tmux: ${ran.stderr.toString()}`);
  }

  private tmux(words: readonly string[]) {
    const { socket: name, env } = this;
    return Bun.spawnSync(["tmux", "-u", "-L", name, ...words], {
      env,
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    });
  }

  /** What is seen, without the empty rest. */
  get text(): string {
    return this.tmux(["capture-pane", "-p"]).stdout.toString().trimEnd();
  }

  /** With the escape sequences of colours. */
  get coloured(): string {
    return this.tmux(["capture-pane", "-p", "-e"]).stdout.toString();
  }

  /** Waits until it is seen; the screen is in the error when it is not. */
  async sees(text: string | RegExp): Promise<string> {
    const has = (screen: string) => (typeof text === "string" ? screen.includes(text) : text.test(screen));
    let last = "";
    return until(`${String(text)} on the screen`, SEEN_BOUND_MS, () =>
      has((last = this.text)) ? last : undefined,
    ).catch((error) => {
      throw new Error(`${String(error)}; it shows:\n${last}`, { cause: error });
    });
  }

  /** `Enter`, `Down`, `Escape`, `C-c`, or text. */
  type(...keys: readonly string[]): void {
    this.tmux(["send-keys", ...keys]);
  }

  /** The code with which it ended. */
  async ended(): Promise<number> {
    return Number(/ended with (\d+)/.exec(await this.sees(/ended with \d+/))?.[1]);
  }

  close(): void {
    this.tmux(["kill-server"]);
  }
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}
