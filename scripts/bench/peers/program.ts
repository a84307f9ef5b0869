/** Programs of a peer: found, asked for their version, started with their output in a file, stopped with their tree. */
import { closeSync, existsSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { descendants, isAlive } from "../../../test/support/processes.ts";
import { withoutNoOrphans } from "../../../test/support/binary.ts";
import { run } from "../../sample/run.ts";
import type { Running } from "./peer.ts";

const STOP_BOUND_MS = 8_000;

/** Debian has servers outside the PATH of those who are not root. */
export function program(name: string): string | undefined {
  return Bun.which(name) ?? (existsSync(`/usr/sbin/${name}`) ? `/usr/sbin/${name}` : undefined);
}

/** The first thing that looks like a version in what it says. */
export function versionFrom(...command: string[]): string {
  const { stdout, stderr } = run(command);
  return /\d+\.\d+(?:\.\d+)*(?:-\d+)?/.exec(`${stdout}\n${stderr}`)?.[0] ?? "unknown";
}

export interface ProgramOptions {
  readonly folder: string;
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly stopSignal?: NodeJS.Signals;
  /** For programs that send their end to their whole process group, in which we are, too. */
  readonly hasOwnGroup?: boolean;
}

const living = new Set<Program>();
let isOver = false;

/** When the bench itself ends, or is told to: none is started any more. */
export async function stopAll(): Promise<void> {
  isOver = true;
  await Promise.all([...living].map((each) => each.stop()));
}

export class Program {
  private readonly child: Bun.Subprocess;
  private readonly logPath: string;
  private readonly stopSignal: NodeJS.Signals;

  constructor(name: string, command: readonly string[], options: ProgramOptions) {
    const { folder, cwd = folder, env = {}, stopSignal = "SIGTERM", hasOwnGroup: detached = false } = options;
    if (isOver) throw new Error("the bench is being stopped");
    this.stopSignal = stopSignal;
    this.logPath = join(folder, `${name}.out`);
    const log = openSync(this.logPath, "a");
    const environment = { ...withoutNoOrphans(), PYTHONDONTWRITEBYTECODE: "1", ...env };
    this.child = Bun.spawn([...command], { cwd, env: environment, detached, stdio: ["ignore", log, log] });
    closeSync(log);
    living.add(this);
  }

  get pid(): number {
    return this.child.pid;
  }

  signal(name: NodeJS.Signals): void {
    this.child.kill(name);
  }

  get isAlive(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  log(): string {
    const text = existsSync(this.logPath) ? readFileSync(this.logPath, "utf8") : "";
    return text.slice(-2000);
  }

  /** Asks it to stop, and kills what remains of its tree, by process id. */
  async stop(): Promise<void> {
    const tree = descendants(this.pid);
    this.child.kill(this.stopSignal);
    await Promise.race([this.child.exited, Bun.sleep(STOP_BOUND_MS)]);
    this.child.kill("SIGKILL");
    for (const process_ of tree) if (isAlive(process_)) process.kill(process_.pid, "SIGKILL");
    await this.child.exited;
    living.delete(this);
  }
}

/** Several programs as one: stopped from the front to the back. */
export function together(programs: readonly Program[], reload?: () => Promise<void> | void): Running {
  const stop = async () => {
    for (const each of programs) await each.stop();
  };
  return {
    pids: programs.map(({ pid }) => pid),
    stop,
    isAlive: () => programs.every(({ isAlive }) => isAlive),
    log: () => programs.map((each) => each.log()).join("\n"),
    ...(reload === undefined ? {} : { reload: async () => void (await reload()) }),
  };
}
