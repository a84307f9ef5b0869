/**
 * The built executable under test: started with a configuration in a folder of its own, waited for, stopped, and looked
 * after: `dispose` ends whatever is left and says what should not have been there.
 */
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Subprocess } from "bun";
import { makeFolder, removeFolder, ROOT } from "./folder.ts";
import { descendants, isAlive, withEnvironment, type Process } from "./processes.ts";
import { until, within } from "./wait.ts";

export const BINARY = process.env["SERVER_BINARY"] ?? join(ROOT, "dist/server");

/** For setDefaultTimeout: Bun's 5 s are less than some of the bounds here. */
export const E2E_TIMEOUT_MS = 60_000;

const START_BOUND_MS = 20_000;
const STOP_BOUND_MS = 20_000;
/** After the server is gone its Python processes have this long to notice. */
const ORPHAN_BOUND_MS = 2_000;
/** What it has said last is read soon after its end, unless a successor still writes to the same pipes. */
const LAST_WORDS_BOUND_MS = 1_000;
/** In the environment of the server and of all that it starts: finds what escaped from its tree. */
const MARK = "SERVER_TEST_RUN";

export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface StartOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Beside server.toml; made and removed with the server when it is not given. */
  readonly folder?: string;
  /** RLIMIT_NOFILE, soft and hard. */
  readonly descriptors?: number;
  /** A copy of the executable, where others may reach it. */
  readonly binary?: string;
  /** RLIMIT_FSIZE: what a file may hold; a write beyond it fails, as on a disk that is full. */
  readonly fileBytes?: number;
}

/** `server ARGUMENTS` to its end. */
export async function runServer(args: readonly string[], cwd: string, env = {}): Promise<Ended> {
  const child = spawn(args, cwd, { ...env, [MARK]: crypto.randomUUID() });
  const output = [new Response(child.stdout).text(), new Response(child.stderr).text()] as const;
  try {
    const code = await within(`server ${args.join(" ")}`, START_BOUND_MS, child.exited);
    return { code, stdout: await output[0], stderr: await output[1] };
  } finally {
    child.kill("SIGKILL");
  }
}

/** `server run` on a configuration that cannot start. */
export async function runToml(toml: string, folder: string, env = {}): Promise<Ended> {
  writeFileSync(join(folder, "server.toml"), toml);
  return runServer(["run", "-c", "server.toml"], folder, env);
}

/** Resolves when it serves; throws with its log when it ends instead. */
export async function startServer(toml: string, options: StartOptions = {}): Promise<Server> {
  const folder = options.folder ?? makeFolder("e2e");
  writeFileSync(join(folder, "server.toml"), toml);
  return startWords(["run", "-c", "server.toml"], folder, options);
}

/** `server WORDS` in `folder`, which is removed with it unless the options name it. */
export async function startWords(
  words: readonly string[],
  folder: string,
  options: StartOptions = {},
): Promise<Server> {
  const mark = crypto.randomUUID();
  const prefix = limits(options);
  const env = { ...controlHome(folder), ...options.env };
  const child = spawn(words, folder, { ...env, [MARK]: mark }, prefix, options.binary);
  const server = new Server(child, folder, mark, options.folder === undefined, env);
  try {
    await server.serves();
    return server;
  } catch (error) {
    const log = server.log;
    await server.dispose().catch(() => {});
    throw new Error(`${String(error)}\n--- its log:\n${log}`, { cause: error });
  }
}

function limits({ descriptors, fileBytes }: StartOptions): string[] {
  const limit = descriptors === undefined ? [] : [`--nofile=${descriptors}`];
  if (fileBytes !== undefined) limit.push(`--fsize=${fileBytes}`);
  return limit.length === 0 ? [] : ["prlimit", ...limit];
}

/** Control sockets stand in the folder of the test, and go with it. */
export function controlHome(folder: string): Record<string, string> {
  return { XDG_RUNTIME_DIR: folder, RUNTIME_DIRECTORY: "" };
}

type Child = Subprocess<"ignore", "pipe", "pipe">;

/** `prefix`: a program that becomes the one named behind it, as prlimit and env do. */
function spawn(
  args: readonly string[],
  cwd: string,
  env: Readonly<Record<string, string>>,
  prefix: readonly string[] = [],
  binary = BINARY,
): Child {
  if (!existsSync(BINARY)) throw new Error(`${BINARY} is missing; make build`);
  const options = { stdin: "ignore", stdout: "pipe", stderr: "pipe" } as const;
  return Bun.spawn([...prefix, binary, ...args], {
    ...options,
    cwd,
    env: { ...withoutNoOrphans(), NO_COLOR: "1", ...env },
  });
}

export class Server {
  readonly folder: string;
  private readonly child: Child;
  private readonly mark: string;
  private readonly ownFolder: boolean;
  private readonly env: Readonly<Record<string, string>>;
  private readonly seen = new Map<number, Process>();
  private readonly collected: Promise<unknown>;
  private out = "";
  private errors = "";

  constructor(
    child: Child,
    folder: string,
    mark: string,
    ownFolder: boolean,
    env: Readonly<Record<string, string>> = {},
  ) {
    this.env = env;
    this.child = child;
    this.folder = folder;
    this.mark = mark;
    this.ownFolder = ownFolder;
    this.collected = Promise.all([
      collect(child.stdout, (text) => (this.out += text)),
      collect(child.stderr, (text) => (this.errors += text)),
    ]);
  }

  get pid(): number {
    return this.child.pid;
  }

  /** Standard error so far: the error log unless the configuration sends it elsewhere. */
  get log(): string {
    return this.errors;
  }

  /** Standard output so far: the access log unless the configuration sends it elsewhere. */
  get output(): string {
    return this.out;
  }

  get running(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  async serves(): Promise<void> {
    await until("line in its log that it serves", START_BOUND_MS, () => {
      if (!this.running) throw new Error(`the server ended with ${this.child.exitCode ?? this.child.signalCode}`);
      return /\bserving\b/.test(this.errors);
    });
  }

  /** `server COMMAND -c server.toml MORE`, as its owner would type it. */
  command(name: string, ...more: readonly string[]): Promise<Ended> {
    return runServer([name, "-c", "server.toml", ...more], this.folder, this.env);
  }

  /** Until the log holds `text`. */
  async logged(text: string | RegExp, boundMs = 10_000): Promise<void> {
    const has = typeof text === "string" ? () => this.errors.includes(text) : () => text.test(this.errors);
    await until(`${String(text)} in the log:\n${this.errors}`, boundMs, has);
  }

  /** The Python workers and whatever else it has started, as of now. */
  children(): Process[] {
    const found = descendants(this.pid);
    for (const process of found) this.seen.set(process.pid, process);
    return found;
  }

  signal(name: NodeJS.Signals): void {
    this.children();
    this.child.kill(name);
  }

  /** Resolves with the exit code, 128 + n after a signal as the shell has it, and with `log` and `output` as they are at the end. */
  async ended(boundMs = STOP_BOUND_MS): Promise<number> {
    const code = await within("the end of the server", boundMs, this.child.exited).catch((error: unknown) => {
      const left = this.survivors().map(describeProcess).join("; ");
      throw new Error(`${String(error)}\n--- still there: ${left}\n--- its log:\n${this.log}`, { cause: error });
    });
    await Promise.race([this.collected, Bun.sleep(LAST_WORDS_BOUND_MS)]);
    return code;
  }

  /** Stops it as an administrator would. */
  async stop(name: NodeJS.Signals = "SIGTERM"): Promise<number> {
    this.signal(name);
    return this.ended();
  }

  /** What still lives of it, descendants that have lost their parent included. */
  survivors(): Process[] {
    const known = [...this.seen.values()].filter(isAlive);
    const marked = withEnvironment(MARK, this.mark).filter((process) => !known.some(({ pid }) => pid === process.pid));
    return [...known, ...marked];
  }

  /** Resolves when nothing of it lives; throws with what does after ORPHAN_BOUND_MS. */
  async leavesNothing(): Promise<void> {
    await until(`end of all its processes`, ORPHAN_BOUND_MS, () => this.survivors().length === 0).catch(() => {
      throw new Error(`processes are left: ${this.survivors().map(describeProcess).join("; ")}`);
    });
  }

  /** Ends all of it, by process id, removes the folder, and throws when the server did not stop by itself. */
  async dispose(): Promise<void> {
    try {
      if (this.running) {
        const code = await this.stop();
        if (code !== 0) throw new Error(`the server ended with ${code} after SIGTERM:\n${this.log}`);
      }
      await this.leavesNothing();
    } finally {
      this.child.kill("SIGKILL");
      for (const { pid } of this.survivors()) process.kill(pid, "SIGKILL");
      if (this.ownFolder) removeFolder(this.folder);
    }
  }
}

function describeProcess({ pid, state, command }: Process): string {
  return `${pid} (${state}) ${command.slice(0, 120)}`;
}

async function collect(stream: ReadableStream<Uint8Array>, take: (text: string) => void): Promise<void> {
  const decoder = new TextDecoder();
  for await (const bytes of stream) take(decoder.decode(bytes, { stream: true }));
}

/** `bun test --no-orphans` tells every Bun below it, and our executable is one, to kill its children itself when its
 *  parent goes: then a test of what happens without that would prove nothing. */
export function withoutNoOrphans(): Record<string, string | undefined> {
  // Tests are root where they can be.
  return { ...process.env, BUN_FEATURE_FLAG_NO_ORPHANS: undefined, SERVER_RUN_AS_ROOT: "1" };
}
