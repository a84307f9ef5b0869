/** A foreign server (nginx, uWSGI) run in the foreground for one test: its output kept, its end awaited. */
import type { Subprocess } from "bun";
import { Client, type Address } from "./wire.ts";
import { until } from "./wait.ts";
import { descendants, isAlive } from "./processes.ts";

const START_BOUND_MS = 15_000;
const STOP_BOUND_MS = 5_000;

export class Peer {
  readonly address: Address;
  private readonly child: Subprocess<"ignore", "pipe", "pipe">;
  private readonly stopSignal: NodeJS.Signals;
  log = "";

  private constructor(child: Subprocess<"ignore", "pipe", "pipe">, address: Address, stopSignal: NodeJS.Signals) {
    this.child = child;
    this.address = address;
    this.stopSignal = stopSignal;
    for (const stream of [child.stdout, child.stderr]) void this.collect(stream);
  }

  get pid(): number {
    return this.child.pid;
  }

  /** Resolves when something accepts connections at `address`. */
  static async start(command: string[], address: Address, cwd: string, stopSignal: NodeJS.Signals): Promise<Peer> {
    const streams = { stdin: "ignore", stdout: "pipe", stderr: "pipe" } as const;
    // Of use to our own server, which is a peer at times.
    const env = { ...process.env, SERVER_RUN_AS_ROOT: "1" };
    const peer = new Peer(Bun.spawn(command, { cwd, env, ...streams }), address, stopSignal);
    try {
      await until(`${command[0]} at ${JSON.stringify(address)}`, START_BOUND_MS, () => peer.accepts());
      return peer;
    } catch (error) {
      await peer.stop();
      throw new Error(`${String(error)}\n${peer.log}`, { cause: error });
    }
  }

  private async accepts(): Promise<boolean> {
    if (this.child.exitCode !== null) throw new Error(`it ended with ${this.child.exitCode}`);
    const client = await Client.open(this.address).catch(() => undefined);
    client?.close();
    return client !== undefined;
  }

  private async collect(stream: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    for await (const bytes of stream) this.log += decoder.decode(bytes, { stream: true });
  }

  /** Asks it to stop, and kills what remains of its tree, by process id. */
  async stop(): Promise<void> {
    const tree = descendants(this.pid);
    this.child.kill(this.stopSignal);
    await Promise.race([this.child.exited, Bun.sleep(STOP_BOUND_MS)]);
    this.child.kill("SIGKILL");
    for (const process_ of tree) if (isAlive(process_)) process.kill(process_.pid, "SIGKILL");
    await this.child.exited;
  }
}
